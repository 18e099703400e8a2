"""The bound links of each account: how many it may have, how fast it may submit. No IO.

The newest bind wins: a program that was killed binds again while its old connection still seems to
be open. Transmitters and receivers are counted apart, because many programs bind one of each.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from inbound.smpp.bind_options import BindOptions
from inbound.smpp.pdu import BindPdu
from inbound.smpp.rate import TokenBucket
from inbound.smpp.session import Session
from inbound.store.access.account_credentials import SignedIn

_SINGLE_AT_ONCE: Final = 10.0
_SINGLE_PER_S: Final = 1.0
_REPLACED: Final = "a newer bind of the account replaced this one"


class Pace:
    """How fast an account submits over all its links.

    Single messages go before bulk. Ten messages at once and one a second are single; what is above
    is bulk, so that no account's many messages delay another's few. Messages with a priority_flag
    are counted apart: they stay single while their account sends bulk.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        """`rate` is in messages a second."""
        self.bucket = TokenBucket(rate, clock, max(1.0, rate))
        self._single = TokenBucket(_SINGLE_PER_S, clock, _SINGLE_AT_ONCE)
        self._urgent = TokenBucket(_SINGLE_PER_S, clock, _SINGLE_AT_ONCE)

    def takes_as_bulk(self, priority_flag: int) -> bool:
        """Count a message; return whether it is bulk."""
        bucket = self._urgent if priority_flag else self._single
        if bucket.delay():
            return True
        bucket.take()
        return False

    @property
    def is_forgettable(self) -> bool:
        """Whether a new one would be the same."""
        buckets = (self._single, self._urgent)
        return not self.bucket.delay() and all(one.tokens >= _SINGLE_AT_ONCE for one in buckets)


@dataclass(slots=True, eq=False)
class Link:
    """One bound connection of an account. `pace` is that of all links of the account together."""

    id: UUID
    signed_in: SignedIn
    options: BindOptions
    session: Session
    receives: bool
    transmits: bool
    pace: Pace

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
        self._paces: dict[str, Pace] = {}

    def __len__(self) -> int:
        return len(self._links)

    def get(self, session: Session) -> Link | None:
        """Return the link of a session, None if it is not bound any more."""
        return self._links.get(session)

    def open_ids(self) -> Collection[UUID]:
        """Return the ids of the links that are open."""
        return {link.id for link in self._links.values() if not link.session.reason}

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

    def receiver(self, account: str) -> Session | None:
        """Return the session on which an account receives: that of its newest bind."""
        newest = None
        for link in self._of(account):
            if _can_receive(link):
                newest = link.session
        return newest

    def admit(
        self,
        session: Session,
        bind: BindPdu,
        signed_in: SignedIn,
        options: BindOptions,
        rate: float,
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
            del self._links[link.session]
        pace = self._paces.setdefault(account, Pace(rate, self._clock))
        pace.bucket.set_rate(rate)
        link = Link(
            *(self._new_id(), signed_in, options, session, bind.receives, bind.transmits),
            pace=pace,
        )
        self._links[session] = link
        return link

    def closed(self, session: Session) -> None:
        """Forget a link. Safe to repeat."""
        link = self._links.pop(session, None)
        if link is not None and not self._of(link.account) and link.pace.is_forgettable:
            del self._paces[link.account]

    def _of(self, account: str) -> list[Link]:
        return [link for link in self._links.values() if link.account == account]


def _can_receive(link: Link) -> bool:
    bound = link.session.bound_as
    return bound is not None and bound.receives and not link.session.reason
