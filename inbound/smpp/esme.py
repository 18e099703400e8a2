"""One bind of the service to a centre: connects, binds, serves, and comes back after a loss.

What always holds: at most one session at a time; a message is refused with `NotSentError`
rather than kept while there is none; waiting for a slot never takes one.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from ssl import SSLContext
from typing import Final

from inbound.smpp._base import AnswerT
from inbound.smpp.errors import LinkError, NotSentError, SmppError
from inbound.smpp.pdu import (
    Bind,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    QuerySm,
    QuerySmResp,
    RequestPdu,
    SubmitSm,
    SubmitSmResp,
)
from inbound.smpp.rate import TokenBucket
from inbound.smpp.session import OnRequest, Role, Session, SessionSettings, State

log = logging.getLogger(__name__)


class BindType(Enum):
    """Which directions a bind opens (SMPP 3.4, 2.2)."""

    TRANSCEIVER = "transceiver"
    TRANSMITTER = "transmitter"
    RECEIVER = "receiver"


_BINDS: Final[dict[BindType, type[Bind]]] = {
    BindType.TRANSCEIVER: BindTransceiver,
    BindType.TRANSMITTER: BindTransmitter,
    BindType.RECEIVER: BindReceiver,
}


@dataclass(frozen=True, slots=True)
class BindSettings:
    """One account at one centre. Times in seconds, `rate` in PDUs a second (0: no limit)."""

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    _: KW_ONLY
    standby: tuple[str, int] | None = None
    system_type: str = ""
    bind_type: BindType = BindType.TRANSCEIVER
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""
    window: int = 10
    rate: float = 0.0
    queue_limit: int = 1000
    enquire_link_s: float = 30.0
    response_timeout_s: float = 10.0
    connect_timeout_s: float = 10.0
    bind_timeout_s: float = 10.0
    reconnect_min_s: float = 0.5
    reconnect_max_s: float = 30.0

    def session(self) -> SessionSettings:
        """Return what a session needs to know of this."""
        return SessionSettings(
            window=self.window,
            response_timeout_s=self.response_timeout_s,
            bind_timeout_s=self.bind_timeout_s,
            enquire_link_s=self.enquire_link_s,
            queue_limit=self.queue_limit,
        )

    def bind(self) -> Bind:
        """Return the bind request."""
        return _BINDS[self.bind_type](
            system_id=self.system_id,
            password=self.password,
            system_type=self.system_type,
            interface_version=self.interface_version,
            addr_ton=self.addr_ton,
            addr_npi=self.addr_npi,
            address_range=self.address_range,
        )


class EsmeState(Enum):
    """What a bind is doing."""

    DOWN = "down"
    CONNECTING = "connecting"
    BOUND = "bound"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class BindHealth:
    """A bind's state, since when (seconds since 1970), and why, as a plain sentence."""

    state: EsmeState
    since: float
    reason: str


def _ignore(_health: BindHealth) -> None:
    pass


def backoff(attempt: int, low: float, high: float, rng: random.Random) -> float:
    """Return seconds to wait before attempt 1, 2, ...: exponential, with full jitter.

    Uniform between `low` and `low * 2**attempt`, at most `high`, so that many clients of a
    centre that restarts do not come back at the same moment. A bind that did not outlive
    `high` counts as a failed attempt: two gateways where one is allowed take turns slowly.
    """
    ceiling = min(high, low * 2 ** min(attempt, 32))
    return rng.uniform(min(low, ceiling), ceiling)


class Esme:
    """The reconnecting client of one bind.

    Start `run()` as a task of its own. `on_request` serves deliver_sm and data_sm, as in
    `Session`. `on_change` is called with the new `BindHealth` at every change; it must not block.
    `admit` is awaited after each bind, before the first slot is given out; it must not raise.
    """

    def __init__(
        self,
        settings: BindSettings,
        on_request: OnRequest,
        *,
        on_change: Callable[[BindHealth], None] = _ignore,
        admit: Callable[[], Coroutine[None, None, None]] | None = None,
        ssl: SSLContext | None = None,
        rng: random.Random | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.session: Session | None = None
        self._on_request = on_request
        self._on_change = on_change
        self._admit = admit
        self._admission: asyncio.Task[None] | None = None
        self._ssl = ssl
        self._rng = rng or random.SystemRandom()
        self._wall_clock = wall_clock
        self._bucket = TokenBucket(settings.rate, time.monotonic)
        self._held_until = 0.0
        self._closing = asyncio.Event()
        self._changed = asyncio.Event()
        self._told = ""
        self._use_standby = False
        self.health = BindHealth(EsmeState.DOWN, wall_clock(), "not started")

    def __repr__(self) -> str:
        where = f"{self.settings.system_id}@{self.settings.host}:{self.settings.port}"
        return f"<Esme {where} {self.health.state.value}>"

    async def run(self) -> None:
        """Keep the bind until `close()` or cancellation; nothing the centre does ends it."""
        attempt = 0
        try:
            while not self._closing.is_set():
                attempt += 1
                began = time.monotonic()
                try:
                    await self._serve_once()
                    if time.monotonic() - began > self.settings.reconnect_max_s:
                        attempt = 1  # else the centre takes the bind and drops it again
                except (SmppError, OSError, TimeoutError) as error:
                    self._down(_sentence(error))
                    self._use_standby = not self._use_standby
                await self._pause(attempt)
        finally:
            self._set(EsmeState.CLOSED, "this side stopped")

    async def slot(self) -> None:
        """Wait until a message may be sent: bound, room in the window, rate, no `hold`.

        Reserves nothing: choose the message, then `submit` without awaiting in between.
        Raises `NotSentError` once the bind is closed for good.
        """
        while True:
            session = self.session
            if self._closing.is_set() or self.health.state is EsmeState.CLOSED:
                raise NotSentError("the bind is closed")
            if session is None or session.state is not State.BOUND:
                await self._changed.wait()
                continue
            try:
                await session.slot()
            except NotSentError:
                # Let the end of the session come through, then wait for the next one.
                await session.wait_closed()
                continue
            if self._admission is not None and self._admitting:
                await asyncio.wait([self._admission])
                continue
            delay = self._delay()
            if not delay:
                return
            await asyncio.sleep(delay)

    def ready(self) -> bool:
        """Whether `slot()` would return at once."""
        session = self.session
        if session is None or self._admitting or self._delay():
            return False
        return session.window_free() > 0

    @property
    def _admitting(self) -> bool:
        return self._admission is not None and not self._admission.done()

    def submit(self, pdu: SubmitSm) -> asyncio.Future[SubmitSmResp]:
        """Send a message; never waits. The future ends as that of `Session.send` does."""
        return self._send(pdu)

    def query(self, pdu: QuerySm) -> asyncio.Future[QuerySmResp]:
        """Ask what became of a message; costs a slot, as `submit` does, and is safe to repeat."""
        return self._send(pdu)

    def _send(self, pdu: RequestPdu[AnswerT]) -> asyncio.Future[AnswerT]:
        session = self.session
        if session is None or self._closing.is_set():
            future: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
            future.set_exception(NotSentError(self.health.reason))
            return future
        self._bucket.take()
        return session.send(pdu)

    def hold(self, seconds: float) -> None:
        """Give out no slot for this long, as after ESME_RTHROTTLED; the longest hold counts."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    def set_rate(self, rate: float) -> None:
        """Change the rate, as when an account's rate is shared out anew."""
        self._bucket.set_rate(rate)

    async def close(self, drain_s: float = 5.0) -> None:
        """Give out no more slots, wait for answers in flight, unbind, close. Safe to repeat."""
        self._closing.set()
        self._wake()
        session = self.session
        if session is not None:
            await session.drain(drain_s)
            await session.unbind()

    async def _serve_once(self) -> None:
        """Connect, bind, and wait for the end. Raises when it did not come to a bind."""
        settings = self.settings
        if self.health.state is not EsmeState.CONNECTING:
            self._set(EsmeState.CONNECTING, self.health.reason)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(settings.connect_timeout_s):
            _, session = await loop.create_connection(
                lambda: Session(Role.ESME, settings.session(), self._on_request),
                *self._address(),
                ssl=self._ssl,
            )
        self.session = session
        try:
            if self._closing.is_set():
                return
            await session.bind(settings.bind())
            self._told = ""
            log.info("%r: bound", self)
            if self._admit is not None:
                self._admission = loop.create_task(self._admit())
            self._set(EsmeState.BOUND, "bound")
            reason = await session.wait_closed()
            self._down(reason)
        finally:
            self.session = None
            if self._admission is not None:
                self._admission.cancel()
            session.close("this side stops")

    def _address(self) -> tuple[str, int]:
        """The centre's address, or its standby's after every other failed attempt."""
        settings = self.settings
        standby = settings.standby if self._use_standby else None
        return standby or (settings.host, settings.port)

    async def _pause(self, attempt: int) -> None:
        low, high = self.settings.reconnect_min_s, self.settings.reconnect_max_s
        try:
            async with asyncio.timeout(backoff(attempt, low, high, self._rng)):
                await self._closing.wait()
        except TimeoutError:
            pass

    def _delay(self) -> float:
        return max(self._bucket.delay(), self._held_until - time.monotonic(), 0.0)

    def _down(self, reason: str) -> None:
        """Say once why the bind is down; the same reason again is not worth a line."""
        if self._closing.is_set():
            return
        if reason != self._told:
            self._told = reason
            log.warning("%r: %s", self, reason)
        self._set(EsmeState.DOWN, reason)

    def _set(self, state: EsmeState, reason: str) -> None:
        since = self.health.since if state is self.health.state else self._wall_clock()
        self.health = BindHealth(state, since, reason)
        self._wake()
        self._on_change(self.health)

    def _wake(self) -> None:
        """Wake everyone who waits now; whoever comes later looks at the state first."""
        self._changed.set()
        self._changed.clear()


def _sentence(error: BaseException) -> str:
    if isinstance(error, LinkError | SmppError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "the centre does not accept the connection in time"
    return f"no connection to the centre: {error}"
