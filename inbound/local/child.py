"""One supervised process: starts it, waits until it is ready, restarts and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from inbound.errors import SetupError
from inbound.local.child_events import ChildEvent, ChildEventType, describe_exit
from inbound.local.child_logs import last_line
from inbound.local.probes import answers_ok, status_of
from inbound.local.spawning import Process, Spawn, execute
from inbound.private_files import open_file

if TYPE_CHECKING:
    from pathlib import Path

_ASK_AGAIN_S: Final = 0.05

_ASK_WHETHER_LIVE_S: Final = 5.0
_ASK_AGAIN_WHETHER_LIVE_S: Final = 1.0
"""After an answer that was none, or said that it is not."""
_NOT_LIVE_S: Final = 5.0
"""How long a child may say that it is not live: it may have stood still with the supervisor."""

_SILENT_S: Final = 30.0
"""How long it may say nothing: a busy machine starves it."""

# Exit status of our commands for a SetupError (inbound.errors).
_SETUP_STATUS: Final = 2


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep running.

    `env` is added to the supervisor's environment; a function is asked at every start. `ready` is
    a health URL that must answer 200, or a function; without it the child is ready when it has
    started. Once ready, a child whose health URL `live` answers otherwise, or not at all, is
    restarted, and one of which the function `live` says for long that it does not answer; so is
    one that is not ready within `ready_timeout_s` of a restart. It has `stuck_timeout_s` to end by
    itself then. A child that `serves_others` is stopped after them. `after` is awaited before the
    first start. Times in seconds.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | Callable[[], Mapping[str, str]] = field(default_factory=dict)
    ready: Callable[[], Awaitable[bool]] | str | None = None
    live: str | Callable[[], Awaitable[bool]] | None = None
    ready_timeout_s: float = 120.0
    stop_timeout_s: float = 45.0
    stuck_timeout_s: float = 10.0
    serves_others: bool = False
    after: Callable[[], Awaitable[object]] | None = None


@dataclass(frozen=True, slots=True)
class RestartBackoff:
    """Back-off before a restart. A child that ran for `calm_s` seconds begins at `first_s`."""

    first_s: float = 0.2
    most_s: float = 10.0
    calm_s: float = 30.0

    def delay_s(self, deaths: int) -> float:
        """Return the seconds before the next start: doubled after each death, up to `most_s`."""
        return float(min(self.most_s, self.first_s * 2 ** min(deaths - 1, 30)))


class SupervisedChild:
    """One child under supervision: its process, its log, its restarts."""

    def __init__(
        self,
        child: Child,
        log: Path,
        on_event: Callable[[ChildEvent], None],
        backoff: RestartBackoff,
        spawn: Spawn = execute,
    ) -> None:
        self.child = child
        self.log = log
        self.first_start = asyncio.Event()
        self.first_ready = asyncio.Event()
        self._on_event = on_event
        self._backoff = backoff
        self._spawn = spawn
        self._process: Process | None = None
        self._restart = 0
        self._deaths = 0
        self._began = time.monotonic()

    def deaths_in_a_row(self) -> float:
        """Return how often it has ended by itself; 0 once it runs for `RestartBackoff.calm_s`."""
        return 0.0 if self.pid is not None and self._is_calm() else float(self._deaths)

    def _is_calm(self) -> bool:
        return time.monotonic() - self._began > self._backoff.calm_s

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and running else None

    async def keep(self, life: int) -> None:
        """Start the child and restart it whenever it ends, until cancelled.

        Raises `SetupError` if its first run ends with exit status 2, unless the next start asks for
        another environment: what answered on its port may have been another program.
        """
        if self.child.after is not None:
            await self.child.after()
        self.first_start.set()
        while True:
            self._began = time.monotonic()
            self._process = await self._spawn_logged(life)
            self._tell(ChildEventType.STARTED)
            status = await self._until_exit(self._process)
            is_final = self._restart == 0 and not callable(self.child.env)
            if status == _SETUP_STATUS and (is_final or not self.first_ready.is_set()):
                raise SetupError(f"{self.child.name} does not start: {last_line(self.log)}")
            self._deaths = 1 if self._is_calm() else self._deaths + 1
            delay_s = self._backoff.delay_s(self._deaths)
            self._restart += 1
            end = describe_exit(status)
            if status > 0:  # not a signal
                end = f"{end}: {last_line(self.log)}"
            self._tell(ChildEventType.DIED, exit=end, delay_s=delay_s)
            await asyncio.sleep(delay_s)

    async def stop(self, limit_s: float) -> None:
        """Stop the child: SIGTERM, after the limit SIGKILL. The task of `keep` must have ended.

        If cancelled it sends SIGKILL at once.
        """
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(max(0.0, min(limit_s, self.child.stop_timeout_s))):
                    await process.wait()
            except TimeoutError:
                _kill_group(process.pid)
                await process.wait()
                self._tell(ChildEventType.KILLED)
            except asyncio.CancelledError:
                self.kill()
                raise
            else:
                self._tell(ChildEventType.STOPPED)
        self.kill()

    def kill(self) -> None:
        """Kill the child and the processes that it started, at once."""
        if self._process is not None:
            _kill_group(self._process.pid)
            self._process = None

    async def _spawn_logged(self, life: int) -> Process:
        env = self.child.env() if callable(self.child.env) else self.child.env
        with open_file(self.log, "ab") as log:
            return await self._spawn(self.child, {**os.environ, **env}, log, life)

    async def _until_exit(self, process: Process) -> int:
        asking = asyncio.create_task(self._watch(process))
        try:
            return await process.wait()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            if process.returncode is not None:
                # Processes that it started must not survive it.
                _kill_group(process.pid)

    async def _watch(self, process: Process) -> None:
        """Say when the child is ready; end it when it hangs in a restart, or is not live."""
        # In its first start the supervisor waits for it, and gives up.
        limit_s = self.child.ready_timeout_s if self.first_ready.is_set() else None
        try:
            async with asyncio.timeout(limit_s):
                await self._ask_until_ready()
        except TimeoutError:
            why = f"it is not ready after {self.child.ready_timeout_s:g} s"
        else:
            if self.child.live is None:
                return
            why = await _not_live(self.child.live)
        self._tell(ChildEventType.STUCK, exit=why)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.sleep(self.child.stuck_timeout_s)
        _kill_group(process.pid)
        self._tell(ChildEventType.KILLED)

    async def _ask_until_ready(self) -> None:
        while not await self._is_ready():  # noqa: ASYNC110 - a health port tells only who asks
            await asyncio.sleep(_ASK_AGAIN_S)
        self._tell(ChildEventType.READY)
        self.first_ready.set()

    async def _is_ready(self) -> bool:
        match self.child.ready:
            case None:
                return True
            case str(url):
                return await answers_ok(url)
            case ask:
                return await ask()

    def _tell(self, what: ChildEventType, *, exit: str = "", delay_s: float = 0.0) -> None:  # noqa: A002 - the event's word
        self._on_event(ChildEvent(self.child.name, what, self._restart, exit, delay_s))


async def _ask(live: str | Callable[[], Awaitable[bool]]) -> int | None:
    """Return the status that a child answers, None without an answer."""
    if isinstance(live, str):
        return await status_of(live)
    return HTTPStatus.OK if await live() else None


async def _not_live(live: str | Callable[[], Awaitable[bool]]) -> str:
    """Wait until a child says for a while that it is not live, or nothing; return which."""
    ill_since: float | None = None
    silent_since: float | None = None
    while True:
        is_well = ill_since is None and silent_since is None
        await asyncio.sleep(_ASK_WHETHER_LIVE_S if is_well else _ASK_AGAIN_WHETHER_LIVE_S)
        status, now = await _ask(live), time.monotonic()
        if status is None:
            silent_since = now if silent_since is None else silent_since
            if now - silent_since >= _SILENT_S:
                return f"{live if isinstance(live, str) else 'it'} does not answer"
            continue
        silent_since = None
        if status == HTTPStatus.OK:
            ill_since = None
            continue
        ill_since = now if ill_since is None else ill_since
        if now - ill_since >= _NOT_LIVE_S:
            return f"{live} answers {status}"


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
