"""Health of a process, and the HTTP port that reports it.

A role reports named conditions (`set`) and heartbeats of its loops (`beat`). The port has
its own thread, so it answers even while the event loop hangs or a synchronous call blocks.

`GET /health/ready`: 200 when every condition is ok, else 503 with the reasons. For load
balancers, `scserv up` and people.
`GET /health/live`: 200 while every heartbeat is fresh. For supervisors: a restart helps a
loop that hangs, but not an SMS centre that is down.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self

from inbound.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SLOW_CLIENT_S: Final = 5.0
_CLOSE_WITHIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """The current state of one condition or heartbeat."""

    ok: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All checks of readiness or liveness at one moment."""

    checks: Mapping[str, Check]

    @property
    def ok(self) -> bool:
        """Whether every check is ok."""
        return not self.reasons

    @property
    def reasons(self) -> list[str]:
        """Why it is not ok, one line per reason, with the names of its failed checks."""
        names: dict[str, list[str]] = {}
        for name, check in self.checks.items():
            if not check.ok:
                names.setdefault(check.reason, []).append(name)
        return [f"{', '.join(failed)}: {reason}" for reason, failed in names.items()]


class Health:
    """The health of a process. Thread-safe; nothing here blocks.

    A process that has reported nothing is live and not ready.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._conditions: dict[str, Check] = {}
        self._beats: dict[str, tuple[float, float]] = {}
        self._details: dict[str, object] = {}

    def set(self, name: str, ok: bool, reason: str = "") -> None:  # noqa: FBT001 - the condition itself
        """Set a condition. `reason` says why it is not ok."""
        check = Check(ok, "" if ok else reason or "not ok")
        with self._lock:
            self._conditions[name] = check

    def passes(self, name: str) -> bool:
        """Whether a condition is ok; one that was never set is."""
        with self._lock:
            check = self._conditions.get(name)
        return check is None or check.ok

    def beat(self, name: str, within_s: float) -> None:
        """Record a heartbeat of a loop; without another within `within_s` it counts as stuck."""
        with self._lock:
            self._beats[name] = (self._clock(), within_s)

    def describe(self, name: str, details: object) -> None:
        """Set details for `GET /health`. They must be JSON; readiness ignores them."""
        with self._lock:
            self._details[name] = details

    def details(self) -> dict[str, object]:
        """Return all details."""
        with self._lock:
            return dict(self._details)

    def forget(self, name: str) -> None:
        """Remove a condition or heartbeat whose work has ended on purpose."""
        with self._lock:
            self._conditions.pop(name, None)
            self._beats.pop(name, None)

    def live(self) -> HealthReport:
        """Check that every heartbeat is fresh."""
        with self._lock:
            now = self._clock()
            return HealthReport(
                {name: _freshness(now, *beat) for name, beat in self._beats.items()}
            )

    def ready(self) -> HealthReport:
        """Check that every condition is ok and every heartbeat fresh."""
        with self._lock:
            conditions = dict(self._conditions)
        checks = {**conditions, **self.live().checks}
        return HealthReport(checks or {"start": Check(ok=False, reason="nothing reported yet")})


def _freshness(now: float, last: float, within_s: float) -> Check:
    age = now - last
    if age <= within_s:
        return Check(ok=True)
    return Check(ok=False, reason=f"no heartbeat for {age:.1f} s, expected every {within_s:g} s")


class HealthServer:
    """The health port of a process; a context manager. `port=0` takes a free port."""

    def __init__(self, health: Health, host: str = "127.0.0.1", port: int = 0) -> None:
        self._health = health
        self._host = host
        self._wanted_port = port
        self._server: _HealthHttpServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port, once started."""
        if self._server is None:
            raise RuntimeError("the health port is not open")
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def start(self) -> Self:
        """Listen in a daemon thread. Raises `SetupError` when the port can't be opened."""
        try:
            self._server = _HealthHttpServer((self._host, self._wanted_port), self._health)
        except (OSError, OverflowError) as error:
            raise SetupError(
                f"the health port {self._host}:{self._wanted_port} can't be opened:"
                f" {getattr(error, 'strerror', None) or error}; choose another (0 finds a free one)"
            ) from error
        self._thread = threading.Thread(target=self._server.serve, name="health", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Close the port. Safe to repeat."""
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join(_CLOSE_WITHIN_S)
            self._server.server_close()
            self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


class _HealthHttpServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], health: Health) -> None:
        self.health = health
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._is_stopping = False
        super().__init__(address, _Handler)

    def serve(self) -> None:
        """Serve until `stop`. `serve_forever` would wake up several times a second to check."""
        while not self._is_stopping:
            self.handle_request()

    def stop(self) -> None:
        """End `serve`, which waits for a connection."""
        self._is_stopping = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: a client that hangs up is no fault of ours."""

    def server_bind(self) -> None:
        # HTTPServer resolves its own host name here, which can take seconds.
        socketserver.TCPServer.server_bind(self)


class _Handler(BaseHTTPRequestHandler):
    timeout = _SLOW_CLIENT_S
    server: _HealthHttpServer

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/health":
                self._send(HTTPStatus.OK, self._overview())
            case "/health/ready":
                self._answer(self.server.health.ready(), "ready")
            case "/health/live":
                self._answer(self.server.health.live(), "live")
            case _:
                self._send(
                    HTTPStatus.NOT_FOUND,
                    {
                        "status": 404,
                        "title": "not found",
                        "detail": "use /health, /health/ready or /health/live",
                    },
                    "application/problem+json",  # RFC 9457
                )

    do_HEAD = do_GET  # noqa: N815 - the name http.server looks for

    def _overview(self) -> dict[str, object]:
        health = self.server.health
        return {"ready": _as_json(health.ready(), "ready"), **health.details()}

    def _answer(self, report: HealthReport, adjective: str) -> None:
        body = _as_json(report, adjective)
        self._send(HTTPStatus.OK if report.ok else HTTPStatus.SERVICE_UNAVAILABLE, body)

    def _send(
        self, status: HTTPStatus, body: Mapping[str, Any], media_type: str = "application/json"
    ) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Log nothing: there is a check every second."""


def _as_json(report: HealthReport, adjective: str) -> dict[str, object]:
    return {
        "status": adjective if report.ok else f"not {adjective}",
        "reasons": report.reasons,
        "checks": {
            name: {"ok": check.ok, "reason": check.reason} for name, check in report.checks.items()
        },
    }
