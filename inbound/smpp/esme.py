"""The SMPP client of one bind: connects, binds, and reconnects after a loss.

Invariants: there is at most one session at a time. Without a session a message fails with
`NotSentError` instead of waiting. `slot()` waits for room but reserves nothing.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from ssl import SSLContext
from typing import Final

from inbound.smpp._base import AnswerT
from inbound.smpp.bind_health import BindHealth, EsmeState
from inbound.smpp.bind_settings import BindSettings
from inbound.smpp.connecting import why_not_connected
from inbound.smpp.errors import LinkError, NotSentError, SmppError
from inbound.smpp.pdu import (
    QuerySm,
    QuerySmResp,
    RequestPdu,
    SubmitSm,
    SubmitSmResp,
)
from inbound.smpp.rate import TokenBucket
from inbound.smpp.session import OnLeniency, OnRequest, Session, SessionRole, SessionState

log = logging.getLogger(__name__)

LOG_AGAIN_AFTER_S: Final = 600.0
"""The reason why a bind is down is logged when it changes, and again after this time."""

_MAX_DRAIN_S: Final = 15.0
"""A process has 45 s to stop, of which the unbind may need twice the response timeout."""


def _ignore(*_: object) -> None:
    pass


def backoff_s(attempt: int, low: float, high: float, rng: random.Random) -> float:
    """Return the back-off before attempt 1, 2, ... in seconds: exponential, with jitter.

    Uniform between `low` and `low * 2**attempt`, at most `high`, so that the clients of a
    restarted SMS centre do not reconnect at the same moment. A bind that lasts less than
    `high` counts as a failed attempt, so that two gateways which replace each other's only
    bind do so slowly.
    """
    ceiling = min(high, low * 2 ** min(attempt, 32))
    return rng.uniform(min(low, ceiling), ceiling)


class Esme:
    """The reconnecting client of one bind.

    Run `run()` as a task. `on_request` handles deliver_sm and data_sm, as in `Session`.
    `on_change` gets the new `BindHealth` at every change, `on_leniency` each PDU that has
    leniencies or is ignored, as in `Session`; both must not block. `admit` is awaited after each
    bind, before the first `slot()` returns, and must not raise.
    """

    def __init__(
        self,
        settings: BindSettings,
        on_request: OnRequest,
        *,
        on_change: Callable[[BindHealth], None] = _ignore,
        on_leniency: OnLeniency = _ignore,
        admit: Callable[[], Coroutine[None, None, None]] | None = None,
        ssl: SSLContext | None = None,
        rng: random.Random | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.session: Session | None = None
        self._on_request = on_request
        self._on_change = on_change
        self._on_leniency = on_leniency
        self._admit = admit
        self._admission: asyncio.Task[None] | None = None
        self._ssl = ssl
        self._rng = rng or random.SystemRandom()
        self._wall_clock = wall_clock
        self._bucket = TokenBucket(settings.rate, time.monotonic)
        self._backoff_until = 0.0
        self._closing = asyncio.Event()
        self._changed = asyncio.Event()
        self._logged_reason = ""
        self._logged_at = 0.0
        self._use_standby = False
        self.health = BindHealth(EsmeState.DOWN, wall_clock(), "not started")

    def __repr__(self) -> str:
        where = f"{self.settings.system_id}@{self.settings.host}:{self.settings.port}"
        return f"<Esme {where} {self.health.state.value}>"

    def __str__(self) -> str:
        """Return the beginning of log lines."""
        return f"bind {self.settings.name}" if self.settings.name else repr(self)

    async def run(self) -> None:
        """Keep the bind up until `close()` or cancellation, whatever the SMS centre does."""
        attempt = 0
        try:
            while not self._closing.is_set():
                attempt += 1
                began = time.monotonic()
                try:
                    await self._serve_once()
                    if time.monotonic() - began > self.settings.reconnect_max_s:
                        attempt = 1  # a bind that is dropped sooner is one more failed attempt
                except (SmppError, OSError, TimeoutError) as error:
                    self._note_loss(_describe(error))
                    self._use_standby = not self._use_standby
                await self._back_off(attempt)
        finally:
            self._set(EsmeState.CLOSED, "this side stopped")

    async def slot(self) -> None:
        """Wait until a message may be sent: bound, room in the window, rate, no back-off.

        Reserves nothing: choose the message, then call `submit` without awaiting in between.
        Raises `NotSentError` once `close()` was called.
        """
        while True:
            session = self.session
            if self._closing.is_set() or self.health.state is EsmeState.CLOSED:
                raise NotSentError("the bind is closed")
            if session is None or session.state is not SessionState.BOUND:
                await self._changed.wait()
                continue
            try:
                await session.slot()
            except NotSentError:
                # Wait until this session has ended, then for the next one.
                await session.wait_closed()
                continue
            if self._admission is not None and self._admitting:
                await asyncio.wait([self._admission])
                continue
            delay = self._delay()
            if not delay:
                return
            await asyncio.sleep(delay)

    def is_ready(self) -> bool:
        """Whether `slot()` would return at once."""
        session = self.session
        if session is None or self._admitting or self._delay():
            return False
        return session.window_free() > 0

    @property
    def _admitting(self) -> bool:
        return self._admission is not None and not self._admission.done()

    def submit(self, pdu: SubmitSm) -> asyncio.Future[SubmitSmResp]:
        """Send a message without waiting. The future is that of `Session.send`."""
        return self._send(pdu)

    def query(self, pdu: QuerySm) -> asyncio.Future[QuerySmResp]:
        """Query the state of a message. Uses a slot, as `submit` does; safe to repeat."""
        return self._send(pdu)

    def _send(self, pdu: RequestPdu[AnswerT]) -> asyncio.Future[AnswerT]:
        session = self.session
        if session is None or self._closing.is_set():
            future: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
            future.set_exception(NotSentError(self.health.reason))
            return future
        self._bucket.take()
        return session.send(pdu)

    def back_off(self, seconds: float) -> None:
        """Let `slot()` return only after this time, as after ESME_RTHROTTLED. The latest counts."""
        self._backoff_until = max(self._backoff_until, time.monotonic() + seconds)

    def set_rate(self, rate: float) -> None:
        """Change the rate in PDUs a second, as when binds of an account share it."""
        self._bucket.set_rate(rate)

    async def close(self) -> None:
        """Stop sending, wait for open answers, unbind, close. Safe to repeat.

        Waits up to `response_timeout_s` for the answers, but not so long that a supervisor
        loses its patience.
        """
        self._closing.set()
        self._wake()
        session = self.session
        if session is not None:
            await session.drain(min(self.settings.response_timeout_s, _MAX_DRAIN_S))
            await session.unbind()

    async def _serve_once(self) -> None:
        """Connect, bind, and wait until the session ends. Raises when the bind fails."""
        settings = self.settings
        if self.health.state is not EsmeState.CONNECTING:
            self._set(EsmeState.CONNECTING, self.health.reason)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(settings.connect_timeout_s):
            _, session = await loop.create_connection(
                self._new_session,
                *self._address(),
                ssl=self._ssl,
            )
        self.session = session
        try:
            if self._closing.is_set():
                return
            await session.bind(settings.bind_pdu())
            self._logged_reason = ""
            log.info("%s: bound as %s to %s", self, settings.system_id, session.peer)
            if self._admit is not None:
                self._admission = loop.create_task(self._admit())
            self._set(EsmeState.BOUND, "bound")
            reason = await session.wait_closed()
            self._note_loss(reason)
        finally:
            self.session = None
            if self._admission is not None:
                self._admission.cancel()
            session.close("this side stops")

    def _new_session(self) -> Session:
        settings = self.settings.session_settings()
        return Session(
            SessionRole.ESME,
            settings,
            self._on_request,
            on_change=self._note_unbind,
            on_leniency=self._on_leniency,
        )

    def _note_unbind(self, session: Session) -> None:
        """Set the state when the SMS centre unbinds, which it may do long before it closes."""
        if session.state is SessionState.UNBINDING and self.health.state is EsmeState.BOUND:
            if session.unanswered:
                plural = "" if session.unanswered == 1 else "s"
                log.warning(
                    "%s: the SMS centre unbinds; waits for %d outstanding answer%s",
                    *(self, session.unanswered, plural),
                )
            self._set(EsmeState.UNBINDING, "the SMS centre unbinds")

    def _address(self) -> tuple[str, int]:
        """Return the SMS centre's address, or its standby's after every other failed attempt."""
        settings = self.settings
        standby = settings.standby if self._use_standby else None
        return standby or (settings.host, settings.port)

    async def _back_off(self, attempt: int) -> None:
        low, high = self.settings.reconnect_min_s, self.settings.reconnect_max_s
        try:
            async with asyncio.timeout(backoff_s(attempt, low, high, self._rng)):
                await self._closing.wait()
        except TimeoutError:
            pass

    def _delay(self) -> float:
        return max(self._bucket.delay(), self._backoff_until - time.monotonic(), 0.0)

    def _note_loss(self, reason: str) -> None:
        """Set the state and log the reason, unless it was logged recently."""
        if self._closing.is_set():
            return
        self._set(EsmeState.DOWN, reason)
        now = time.monotonic()
        if reason != self._logged_reason:
            log.warning("%s: %s", self, reason)
        elif now - self._logged_at >= LOG_AGAIN_AFTER_S:
            since = datetime.fromtimestamp(self.health.since, UTC)
            log.warning("%s: still not bound, since %s: %s", self, f"{since:%F %T} UTC", reason)
        else:
            return
        self._logged_reason, self._logged_at = reason, now

    def _set(self, state: EsmeState, reason: str) -> None:
        was, bound = self.health, EsmeState.BOUND
        since = was.since if (state is bound) == (was.state is bound) else self._wall_clock()
        self.health = BindHealth(state, since, reason)
        self._wake()
        self._on_change(self.health)

    def _wake(self) -> None:
        """Wake all tasks waiting now. Later ones check the state before they wait."""
        self._changed.set()
        self._changed.clear()


def _describe(error: SmppError | OSError) -> str:
    if isinstance(error, LinkError | SmppError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "the SMS centre did not accept the connection in time"
    return f"no connection to the SMS centre: {why_not_connected(error)}"
