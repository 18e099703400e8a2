"""The bound links of each account: how many it may have, how fast it may submit. No IO.

The newest bind wins: a program that was killed binds again while its old connection still seems to
be open. Transmitters and receivers are counted apart, because many programs bind one of each. What
other processes have is told every second (`inbound.ingress.smpp.sharing`).
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from inbound.smpp.bind_options import BindOptions
from inbound.smpp.pdu import BindPdu
from inbound.smpp.rate import TokenBucket
from inbound.smpp.session import Session
from inbound.store.access.account_credentials import SignedIn
from inbound.store.smpp.links import OtherLink

_SINGLE_AT_ONCE: Final = 10.0
_SINGLE_PER_S: Final = 1.0
LOOKUPS_PER_S: Final = 100.0
"""Of an account: query_sm and cancel_sm cost a look-up in the database each."""
_REPLACED: Final = "a newer bind of the account replaced this one"


class AccountPace:
    """How fast an account submits over all its links.

    Single messages go before bulk. Ten messages at once and one a second are single; what is above
    is bulk, so that no account's many messages delay another's few. Messages with a priority_flag
    are counted apart: they stay single while their account sends bulk.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        """`rate` is in messages a second, over the links of all processes."""
        self._rate = rate
        self._elsewhere = (0.0, 1)
        self.bucket = TokenBucket(rate, clock, max(1.0, rate))
        self._single = TokenBucket(_SINGLE_PER_S, clock, _SINGLE_AT_ONCE)
        self._urgent = TokenBucket(_SINGLE_PER_S, clock, _SINGLE_AT_ONCE)
        self._lookups = TokenBucket(LOOKUPS_PER_S, clock, LOOKUPS_PER_S)

    def set_rate(self, rate: float) -> None:
        """Change the rate of all processes together."""
        self._rate = rate
        self.share(*self._elsewhere)

    def share(self, submitted: float, processes: int) -> None:
        """Leave room for what other processes submit (messages a second).

        Of so many `processes` with links of the account each may have its part at any time.
        """
        self._elsewhere = (submitted, processes)
        self.bucket.set_rate(max(self._rate - submitted, self._rate / processes))

    def takes_as_bulk(self, priority_flag: int) -> bool:
        """Count a message; return whether it is bulk."""
        bucket = self._urgent if priority_flag else self._single
        if bucket.delay():
            return True
        bucket.take()
        return False

    def takes_lookup(self) -> bool:
        """Count a look-up; return False if it is one too many."""
        if self._lookups.delay():
            return False
        self._lookups.take()
        return True

    @property
    def is_forgettable(self) -> bool:
        """Whether a new one would be the same."""
        buckets = (self._single, self._urgent)
        is_calm = not self.bucket.delay() and self._lookups.tokens >= LOOKUPS_PER_S
        return is_calm and all(one.tokens >= _SINGLE_AT_ONCE for one in buckets)


@dataclass(slots=True, eq=False)
class Link:
    """One bound connection of an account. `pace` is that of all links of the account together."""

    id: UUID
    signed_in: SignedIn
    options: BindOptions
    session: Session
    receives: bool
    transmits: bool
    pace: AccountPace
    submitted: int = 0
    """Since it was asked for the last time."""

    @property
    def account(self) -> str:
        """The account whose link this is."""
        return self.signed_in.account


class AccountLinks:
    """All bound links of this process, by account, the oldest first."""

    def __init__(self, clock: Callable[[], float], new_id: Callable[[], UUID]) -> None:
        """`clock` gives seconds that only grow."""
        self._clock = clock
        self._new_id = new_id
        self._links: dict[Session, Link] = {}
        self._paces: dict[str, AccountPace] = {}
        self._closed: set[UUID] = set()
        self.has_closed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._links)

    def get(self, session: Session) -> Link | None:
        """Return the link of a session, None if it is not bound any more."""
        return self._links.get(session)

    def new_id(self) -> UUID:
        """Return an id for a link."""
        return self._new_id()

    def open_ids(self) -> Collection[UUID]:
        """Return the ids of the links that are open."""
        return {link.id for link in self._links.values() if not link.session.reason}

    def submitted(self) -> dict[UUID, int]:
        """Return how many messages came over each link since this was asked."""
        counts = {link.id: link.submitted for link in self._links.values()}
        for link in self._links.values():
            link.submitted = 0
        return counts

    def take_closed(self) -> set[UUID]:
        """Return the links that were closed since this was asked."""
        closed, self._closed = self._closed, set()
        self.has_closed.clear()
        return closed

    def share(self, others: Sequence[OtherLink]) -> None:
        """Learn what other processes have, and share the rates of accounts with them."""
        for account, pace in self._paces.items():
            theirs = [one for one in others if one.account == account]
            holders = {one.holder for one in theirs}
            pace.share(sum(one.submitted for one in theirs), 1 + len(holders))

    def end_replaced(self, ids: Collection[UUID]) -> int:
        """End the links with these ids, which binds in other processes replaced; count them."""
        ended = [link.session for link in self._links.values() if link.id in ids]
        for session in ended:
            session.close(_REPLACED)
            self.closed(session)
        return len(ended)

    def signed_in(self) -> Sequence[SignedIn]:
        """Return how each link has signed in."""
        return [link.signed_in for link in self._links.values()]

    def end(self, outdated: Collection[SignedIn], reason: str) -> int:
        """End the links that have signed in this way; return how many."""
        ended = [link.session for link in self._links.values() if link.signed_in in outdated]
        for session in ended:
            session.close(reason)
            self.closed(session)
        return len(ended)

    def accounts(self) -> set[str]:
        """Return the accounts that have a link to receive on."""
        return {link.account for link in self._links.values() if _can_receive(link)}

    def receiver(self, account: str) -> Link | None:
        """Return the link on which an account receives: its newest one that can."""
        newest = None
        for link in self._of(account):
            if _can_receive(link):
                newest = link
        return newest

    def admit(
        self,
        session: Session,
        bind: BindPdu,
        signed_in: SignedIn,
        options: BindOptions,
        rate: float,
        link_id: UUID,
    ) -> Link:
        """Add a link, and end the oldest ones that are too many. `rate` is in messages a second."""
        account = signed_in.account
        rivals = [
            link
            for link in self._of(account)
            if (link.receives and bind.receives) or (link.transmits and bind.transmits)
        ]
        for link in options.surplus(rivals):
            link.session.close(_REPLACED)
            self.closed(link.session)
        pace = self._paces.setdefault(account, AccountPace(rate, self._clock))
        pace.set_rate(rate)
        link = Link(
            *(link_id, signed_in, options, session, bind.receives, bind.transmits),
            pace=pace,
        )
        self._links[session] = link
        return link

    def closed(self, session: Session) -> None:
        """Forget a link. Safe to repeat."""
        link = self._links.pop(session, None)
        if link is None:
            return
        self._closed.add(link.id)
        self.has_closed.set()
        if not self._of(link.account) and link.pace.is_forgettable:
            del self._paces[link.account]

    def _of(self, account: str) -> list[Link]:
        return [link for link in self._links.values() if link.account == account]


def _can_receive(link: Link) -> bool:
    bound = link.session.bound_as
    return bound is not None and bound.receives and not link.session.reason
