"""Runs blocking functions on threads that don't keep the process from ending.

Python waits at its exit for the threads of `asyncio.to_thread`, and so for a server that hangs.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

Params = ParamSpec("Params")
Result = TypeVar("Result")


async def to_daemon_thread(
    function: Callable[Params, Result], /, *args: Params.args, **kwargs: Params.kwargs
) -> Result:
    """Return what `function` returns, or raise what it raises; its thread is a daemon.

    When the caller is cancelled the function runs on, and nobody gets its result.
    """
    loop = asyncio.get_running_loop()
    returned: asyncio.Future[Result] = loop.create_future()

    def deliver(set_: Callable[[Any], None], value: object) -> None:
        if not returned.done():
            set_(value)

    def run() -> None:
        try:
            set_, value = returned.set_result, function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 — for the caller
            set_, value = returned.set_exception, error  # type: ignore[assignment]
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(deliver, set_, value)

    threading.Thread(target=run, daemon=True).start()
    return await returned
