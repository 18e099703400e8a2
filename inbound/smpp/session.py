"""One SMPP session over one TCP connection, as ESME or SMSC (SMPP 3.4, 2.2).

Invariants:

* A frame that can't be parsed is answered and the session goes on. Only an impossible
  command_length ends it, because the next frame can't be found.
* Requests are handled one at a time in the order they arrive, and answered in that order.
* A request that was sent ends in exactly one of three ways: its answer (with any status),
  `NotSentError` (no octet of it was written), or `UnansweredError`.
* A peer that unbinds gets its unbind_resp after the answers to its requests, and after it has
  answered ours, for which it has `response_timeout_s`.
* Memory is bounded: by the window of outgoing requests, by a limit on incoming requests
  (reading pauses beyond it), and by a limit on octets that the peer does not read.

While reading is paused, the peer's answers and enquire_links are unread too. `queue_limit`
must therefore be larger than the peer's window, and deadlines are suspended meanwhile.

The layers are `_connection` (frames), `_requesting` (outgoing requests and their answers),
`_binding` (what may be sent), and this module (incoming requests); `_answering` keeps answers in
order.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeGuard

from inbound.smpp._answering import Answer, Answering, IncomingRequest
from inbound.smpp._base import RESPONSE_BIT
from inbound.smpp._binding import Binding
from inbound.smpp._terms import BoundAs, SessionRole, SessionSettings, SessionState, SessionStats
from inbound.smpp.errors import (
    FramingError,
    NotSentError,
    PduError,
    UnansweredError,
)
from inbound.smpp.leniency import Treatment
from inbound.smpp.pdu import (
    BindPdu,
    BindResp,
    EnquireLink,
    GenericNack,
    Pdu,
    RequestPdu,
    ResponsePdu,
    Unbind,
    UnbindResp,
    decode,
    encode,
    refusal_of,
)
from inbound.smpp.status import Status

__all__ = [
    "Answer",
    "BoundAs",
    "Session",
    "SessionRole",
    "SessionSettings",
    "SessionState",
    "SessionStats",
]

log = logging.getLogger(__name__)

OnRequest = Callable[[RequestPdu[Any], "Session"], Awaitable[Answer]]
OnBind = Callable[[BindPdu, "Session"], Awaitable[int]]
OnChange = Callable[["Session"], None]
OnLeniency = Callable[[Pdu, Treatment], None]

# SMPP 3.4, 5.3.2.25.
_TLV_SC_INTERFACE_VERSION: Final = 0x0210
_VERSION_3_4: Final = 0x34


async def _refuse_bind(_bind: BindPdu, _session: "Session") -> int:
    return Status.ESME_RINVBNDSTS


def _ignore(*_: object) -> None:
    pass


class Session(Binding):
    """One session in either role: the protocol of `create_connection` or `create_server`.

    `on_request` handles deliver_sm and data_sm (ESME) or submit_sm, submit_multi, data_sm,
    query_sm and cancel_sm (SMSC). It returns the answer, or a future of it; while it is awaited,
    no other request of this session is handled. `on_bind` (SMSC) returns the command_status of a
    bind. `on_change` is called when the connection opens, is bound, when the peer unbinds, and when
    it is closed, `on_leniency` with each PDU that has leniencies, tolerated or refused, and with
    each that is ignored; both must not block.
    """

    def __init__(
        self,
        role: SessionRole,
        settings: SessionSettings,
        on_request: OnRequest,
        *,
        on_bind: OnBind = _refuse_bind,
        on_change: OnChange = _ignore,
        on_leniency: OnLeniency = _ignore,
    ) -> None:
        super().__init__(role, settings)
        self._on_request = on_request
        self._on_bind = on_bind
        self._on_change = on_change
        self._on_leniency = on_leniency
        self._answering = Answering(self, self._serve, self._write_answer, self._pace)
        self._server: asyncio.Task[None] | None = None

    # Public calls.

    async def drain(self, limit_s: float) -> None:
        """Wait until all requests of both sides are answered, at most `limit_s` seconds."""
        in_flight = self._window.futures() + self._answering.futures()
        if in_flight:
            await asyncio.wait(in_flight, timeout=limit_s)

    async def unbind(self) -> None:
        """Send unbind, wait for its answer, answer what arrived before it, close. Safe to repeat.

        Waits up to `response_timeout_s` for each of the two. Our own requests still get their
        answers until then; call `drain` first to wait for them.
        """
        timeout_s = self.settings.response_timeout_s
        try:
            if self.state is SessionState.BOUND:
                self.state = SessionState.UNBINDING
                self._update_room()
                await self._send(Unbind(), timeout_s, takes_room=False)
            if self.state is SessionState.UNBINDING:
                async with asyncio.timeout(timeout_s):
                    await self._answering.wait_idle()
        except (NotSentError, UnansweredError) as error:
            log.debug("%s: unbind was not answered: %s", self, error)
        except TimeoutError:
            log.debug("%s: %d requests are unanswered", self, self._answering.backlog)
        self.close("this side unbound")
        await self.wait_closed()

    # Outgoing PDUs.

    def _write_answer(self, arrival: IncomingRequest, answer: ResponsePdu) -> None:
        if self.reason:
            return
        self.write(encode(answer))
        if isinstance(arrival, BindPdu) and not answer.status:
            self._become_bound(arrival)
        elif isinstance(arrival, Unbind):
            self.close("the peer unbound")

    # Incoming PDUs.

    def on_frame(self, frame: bytes) -> None:
        """Handle answers and enquire_links at once; queue other requests."""
        try:
            pdu = decode(frame)
        except PduError as error:
            self._on_unreadable(error, len(frame))
            return
        if pdu.leniencies and self._refuses(pdu):
            if not self._peer_unbinds:
                self._answering.put(refusal_of(pdu), len(frame))
        elif isinstance(pdu, ResponsePdu):
            self._take_answer(pdu)
        elif isinstance(pdu, EnquireLink):
            # Not queued: a slow handler must not look like a dead link.
            self.write(encode(pdu.answer()))
        elif self._peer_unbinds:
            # Its answer would follow the unbind_resp, unread: the peer sends it again.
            self._ignore(pdu, " after the unbind")
        elif isinstance(pdu, RequestPdu):
            self.stats.requests_in += 1
            self._answering.put(pdu, len(frame))
            if isinstance(pdu, Unbind):
                self._stop_sending()
        else:
            self._ignore(pdu)

    def _ignore(self, pdu: Pdu, when: str = "") -> None:
        self.stats.ignored += 1
        self._on_leniency(pdu, Treatment.IGNORED)
        log.info("%s: ignored %r%s", self, pdu, when)

    def on_impossible_frame(self, error: FramingError) -> None:
        """Send a generic_nack before the link closes (SMPP 3.4, 4.3)."""
        status = Status.ESME_RINVCMDLEN
        self.write(encode(GenericNack(status=status, sequence=error.sequence)))

    def on_read(self) -> None:
        """Note the time; pause reading when too many requests are queued."""
        self.heard_at = self.loop.time()
        self._pace()

    def _refuses(self, pdu: Pdu) -> TypeGuard[RequestPdu[Any]]:
        """Report the leniencies of a PDU. Return whether a strict session refuses it.

        Responses are read all the same: a message that was accepted must not be sent twice.
        """
        refuses = self.settings.strict and isinstance(pdu, RequestPdu)
        self._on_leniency(pdu, Treatment.REFUSED if refuses else Treatment.TOLERATED)
        return refuses

    def _on_unreadable(self, error: PduError, octets: int) -> None:
        self.stats.unreadable += 1
        count = self.stats.unreadable
        if not count & (count - 1):
            # Logged at 1, 2, 4, 8, ...: a peer that sends garbage must not fill the log.
            what = f"command 0x{error.command_id:08X}: {error}"
            log.warning("%s: can't parse %s (%d unreadable PDUs so far)", self, what, count)
        if not error.command_id & RESPONSE_BIT:
            if not self._peer_unbinds:
                self._answering.put(error, octets)
        elif pending := self._window.take(error.sequence):
            pending.fail("its answer can't be parsed")
            self._update_room()

    async def _serve(self, request: RequestPdu[Any]) -> Answer:
        """Return the answer to one request. The handler gets only what the bind allows."""
        if isinstance(request, BindPdu):
            return await self._serve_bind(request)
        if isinstance(request, Unbind):
            return self.loop.create_task(self._answer_unbind(request))
        if not self._allowed(
            request, SessionRole.ESME if self.role is SessionRole.SMSC else SessionRole.SMSC
        ):
            refusal: ResponsePdu = request.answer(Status.ESME_RINVBNDSTS)
            return refusal
        return await self._on_request(request, self)

    async def _answer_unbind(self, request: Unbind) -> UnbindResp:
        """Return the answer once the peer has answered our requests, or their time is up."""
        if outstanding := self._window.messages():
            await asyncio.wait(outstanding, timeout=self.settings.response_timeout_s)
        return request.answer()

    async def _serve_bind(self, request: BindPdu) -> BindResp:
        if self.state is not SessionState.OPEN:
            return request.answer(Status.ESME_RALYBND)
        answer = request.answer(await self._on_bind(request, self))
        answer.system_id = self.settings.system_id
        if request.interface_version >= _VERSION_3_4:
            version = min(request.interface_version, self.settings.interface_version)
            answer.tlvs = ((_TLV_SC_INTERFACE_VERSION, bytes((version,))),)
        return answer

    # Changes of the connection.

    def on_state(self) -> None:
        """Report that the session is bound, or that the peer unbinds."""
        self._on_change(self)

    def _pace(self) -> None:
        """Pause reading above the limits on queued requests; resume below half of them."""
        backlog, octets = self._answering.backlog, self._answering.octets
        limit, most_octets = self.settings.queue_limit, self.settings.queue_octets
        if not self.reading_paused and (backlog > limit or octets > most_octets):
            self.stats.reading_pauses += 1
            log.warning("%s: reading is paused, %d requests wait", self, backlog)
            self.pause_reading()
        elif self.reading_paused and backlog <= limit // 2 and octets <= most_octets // 2:
            # Answers that arrived during the pause have not been read yet.
            self._window.postpone(self.loop.time() + self.settings.response_timeout_s)
            self.resume_reading()

    def on_writable(self) -> None:
        """Pause handling, and so new answers, while the peer does not read."""
        self._answering.hold(held=self.writing_paused)
        self._update_room()

    def on_open(self) -> None:
        """Start handling requests and the timer for the bind."""
        self._server = self.loop.create_task(self._answering.run(), name=f"smpp {self.peer}")
        self._server.add_done_callback(lambda _: self.abort("this side stopped handling requests"))
        self._set_timer(self._opened + self.settings.bind_timeout_s)
        self._on_change(self)

    def on_lost(self) -> None:
        """Fail pending requests and discard queued ones."""
        self.state = SessionState.CLOSED
        self._answering.stop()
        self._end_requests()
        self._on_change(self)
