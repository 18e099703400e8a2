"""Running a role until it is told to stop: signals, uvloop, health port, telemetry."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from inbound.ops import logs, telemetry
from inbound.ops.health import Health, HealthServer
from inbound.ops.supervisor import end_with_parent
from inbound.settings import Settings

log = logging.getLogger(__name__)


def serve_health(settings: Settings, role: str) -> Health:
    """Set up logging, telemetry and the health port of this process; return its health."""
    logs.configure(settings.log_level, name=role)
    telemetry.start(role)
    end_with_parent()
    health = Health()
    HealthServer(health, settings.health_host, settings.health_port).start()
    return health


def run_role(role: str, main: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run `main` until SIGTERM or SIGINT cancels it; return the exit status.

    Blocks. An error that nobody handles, in a callback too, ends the process with
    status 1: whoever supervises it starts it again.
    """
    status = uvloop.run(_until_signal(role, main))
    telemetry.stop()
    return status


async def _until_signal(role: str, main: Callable[[], Coroutine[Any, Any, None]]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main())
    failures: list[str] = []

    def stop() -> None:
        log.info("stopping")
        task.cancel()

    def fail(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # Only the kind and the place: what an exception says may quote a message.
        error = context.get("exception")
        log.critical("%s: %s", context.get("message"), type(error).__name__, exc_info=error)
        failures.append(role)
        task.cancel()

    loop.set_exception_handler(fail)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        return 1 if failures else 0
    except Exception as error:
        log.critical("%s ends: %s", role, _first_line(error), exc_info=error)
        return 1
    return 0


def _first_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".splitlines()[0]
