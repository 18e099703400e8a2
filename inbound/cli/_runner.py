"""Runs a role until a signal stops it: signals, uvloop, health port, telemetry."""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from inbound.errors import RetryableError, SetupError
from inbound.ops import logs, metrics, telemetry
from inbound.ops.ending import end_now
from inbound.ops.garbage import collect_rarely
from inbound.ops.health import Health, HealthServer
from inbound.ops.parent import end_with_parent
from inbound.reasons import in_words
from inbound.settings import Settings

log = logging.getLogger(__name__)

STOP_WITHIN_S = 9.0


def serve_health(settings: Settings, role: str, awaits: str) -> Health:
    """Set up logging, telemetry and the health port of this process; return its health.

    The role is not ready before the check `awaits` passes.
    """
    logs.configure(settings.log_level, name=role)
    telemetry.start(role)
    end_with_parent()
    collect_rarely()
    health = Health()
    health.set(awaits, ok=False, reason="starting")
    metrics.READY.set(lambda: float(health.ready().ok), {"role": role})
    HealthServer(health, settings.health_host, settings.health_port).start()
    return health


def run_role(main: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run `main` until SIGTERM or SIGINT cancels it; return the exit status.

    Blocks. An unhandled error, in a callback too, ends the process with status 1; its
    supervisor restarts it.
    """
    status = uvloop.run(run_until_signal(main, give_up_after_s=STOP_WITHIN_S))
    telemetry.stop(is_orderly=status == 0)
    return status


async def run_until_signal(
    main: Callable[[], Coroutine[Any, Any, None]], give_up_after_s: float | None = None
) -> int:
    """Run `main` until SIGTERM or SIGINT cancels it; return the exit status.

    The process exits when stopping takes longer than `give_up_after_s`. Raises SetupError;
    any other error is logged and gives status 1.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main())
    failed = False

    def fail(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal failed
        if context.get("exception") is None:
            # Something was left open, by a start that was interrupted for example.
            log.debug("%s", context.get("message"))
            return
        failed = True
        log.critical("%s", context.get("message"), exc_info=context.get("exception"))
        task.cancel()

    loop.set_exception_handler(fail)

    def stop() -> None:
        if give_up_after_s is not None:
            # A role is safe to kill at any moment, so nothing may delay its exit.
            guard = threading.Timer(give_up_after_s, _give_up)
            guard.daemon = True
            guard.start()
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        return 1 if failed else 0
    except Exception as error:
        cause = _first(error)
        if isinstance(cause, SetupError):
            raise cause from None
        # An outage is not a bug: a traceback would only bury the reason.
        trace = None if isinstance(cause, RetryableError) else error
        log.critical("exits: %s", in_words(cause), exc_info=trace)
        return 1
    return 0


def _give_up() -> None:
    log.critical("did not stop in time: exits now")
    end_now(1)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
