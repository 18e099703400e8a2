"""The binding layer of a session: what it is bound as, and what it may therefore send.

Invariants: nothing is sent that the bind does not allow (SMPP 3.4, 2.3), and nothing after the peer
has unbound. A connection to an SMSC that does not bind in time is closed.
"""

import asyncio
from ssl import SSLError
from typing import Any, Final

from typing_extensions import override

from inbound.smpp._base import AnswerT
from inbound.smpp._requesting import Requesting
from inbound.smpp._terms import BoundAs, SessionRole, SessionSettings, SessionState
from inbound.smpp.connecting import why_not_connected
from inbound.smpp.errors import BindRefusedError, LinkError, NotSentError, UnansweredError
from inbound.smpp.pdu import (
    BindPdu,
    BindResp,
    CancelSm,
    DataSm,
    DeliverSm,
    QuerySm,
    RequestPdu,
    ResponsePdu,
    SubmitMulti,
    SubmitSm,
)
from inbound.smpp.status import explain

_OF_TRANSMITTERS: Final = (SubmitSm, DataSm, QuerySm, CancelSm, SubmitMulti)


class Binding(Requesting):
    """A connection that is bound as an ESME, or serves one as an SMSC."""

    def __init__(self, role: SessionRole, settings: SessionSettings) -> None:
        super().__init__(settings)
        self.role = role
        self.bound_as: BoundAs | None = None
        self._bind_sent: BindPdu | None = None
        self._peer_unbinds = False
        self._opened = self.heard_at = self.loop.time()

    def __repr__(self) -> str:
        return f"<Session {self.role.value} {self.peer} {self.state.value}>"

    def __str__(self) -> str:
        """Return the beginning of log lines: our bind, or the peer of an SMSC's session."""
        return f"bind {self.settings.bind}" if self.settings.bind else f"SMPP link of {self.peer}"

    @property
    def log_kind(self) -> str:
        """What lines share their limit with those of this session: all links of an SMSC do.

        Anybody can open many links and send garbage on each.
        """
        return str(self) if self.settings.bind else "SMPP links"

    # Hooks.

    def on_state(self) -> None:
        """Handle that the session is bound, or that the peer unbinds. Must not block."""

    @override
    def why_broken(self, error: Exception) -> str:
        """Return why it broke; in TLS 1.3 a client learns only here that it is refused."""
        if self.role is SessionRole.ESME and isinstance(error, SSLError):
            return why_not_connected(error)
        return super().why_broken(error)

    # Outgoing requests.

    def send(self, request: RequestPdu[AnswerT]) -> asyncio.Future[AnswerT]:
        """Send a message or a query_sm and return the future of its answer. Never waits.

        A query_sm takes a place in the window too, because SMS centres limit unanswered
        requests of any kind.

        The future gets the answer, whatever its status (a generic_nack becomes a response
        with the nack's status). It fails with `NotSentError` if the session is not bound for
        this direction, the window is full, or the link was lost before the request was
        written; with `UnansweredError` if the request was written and then timed out or the
        link was lost. Raises `UnencodableError` at once.
        """
        refusal = self._refusal(request)
        if refusal:
            future: asyncio.Future[AnswerT] = self.loop.create_future()
            future.set_exception(NotSentError(refusal))
            return future
        self.stats.requests_out += 1
        return self._send(request, self.settings.response_timeout_s, takes_room=True)

    async def bind(self, request: BindPdu) -> BindResp:
        """Bind as an ESME. Waits up to `bind_timeout_s`; closes the link on failure.

        Raises `BindRefusedError` when the SMS centre refuses, `LinkError` without an answer.
        """
        self._bind_sent = request
        try:
            answer = await self._send(request, self.settings.bind_timeout_s, takes_room=False)
        except (NotSentError, UnansweredError) as error:
            self.close(f"no answer to the bind: {error}")
            raise LinkError(self.reason) from None
        finally:
            self._bind_sent = None
        if answer.status:
            self.close(f"the SMS centre refused the bind: {explain(answer.status)}")
            raise BindRefusedError(self.reason, answer.status)
        return answer

    def _refusal(self, request: RequestPdu[Any]) -> str:
        if self.state is not SessionState.BOUND or self.reason:
            return self.reason or "the session is not bound"
        if not self._allowed(request, self.role):
            return "the bind does not allow this direction"
        return "" if self._window.free > 0 else "the window is full"

    def _allowed(self, request: RequestPdu[Any], by: SessionRole) -> bool:
        """Whether a side may send this command in the current bind (SMPP 3.4, 2.3)."""
        bound = self.bound_as
        if bound is None or self.reason:
            return False
        if by is SessionRole.ESME:
            return bound.transmits and isinstance(request, _OF_TRANSMITTERS)
        return bound.receives and isinstance(request, DeliverSm | DataSm)

    # State changes.

    def on_answer(self, answer: ResponsePdu) -> None:
        """Become bound when this is the answer to our bind, unless the peer has unbound already."""
        if self._peer_unbinds:
            return
        if self._bind_sent and isinstance(answer, BindResp) and not answer.status:
            self._become_bound(self._bind_sent)

    def _become_bound(self, bind: BindPdu) -> None:
        self.bound_as = BoundAs(
            system_id=bind.system_id,
            address_range=bind.address_range,
            receives=bind.receives,
            transmits=bind.transmits,
        )
        self.state = SessionState.BOUND
        self._enquire_at = self.loop.time() + self.settings.enquire_link_s
        self._set_timer(self._enquire_at)
        self._update_room()
        self.on_state()

    def _stop_sending(self) -> None:
        """Send no more requests: the peer unbinds, and would not answer them."""
        self._peer_unbinds = True
        if self.state is SessionState.BOUND:
            self.state = SessionState.UNBINDING
            self._update_room()
            self.on_state()

    def next_due(self, now: float) -> float | None:
        """SMSC: close a connection that does not bind in time, or is idle; return when to look."""
        limit_s, idle_s = self.settings.bind_timeout_s, self.settings.idle_limit_s
        if self.role is SessionRole.ESME:
            return None
        if self.state is SessionState.OPEN:
            due, reason = self._opened + limit_s, f"no bind within {limit_s:g} s"
        elif self.state is SessionState.BOUND and idle_s:
            # What arrives while reading is paused is heard later.
            heard_at = now if self.reading_paused else self.heard_at
            due, reason = heard_at + idle_s, f"the peer sent nothing for {idle_s:g} s"
        else:
            return None
        if now < due:
            return due
        self.close(reason)
        return None
