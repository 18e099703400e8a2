"""Stop at a named point: a fork with the arguments PIPE MODULE:NAME WHEN N -- COMMAND.

Runs a command of `scserv` with `MODULE:NAME` wrapped where it is looked up. At its n-th call,
before it runs or after it has returned, the process says so through a named pipe and stops all
its threads at once (SIGSTOP). The program itself holds no code for this. The program is imported
by then, so the name has to be looked up at each call: a method, or a function of a module.
"""

import inspect
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, Literal

import inbound.cli

When = Literal["before", "after"]
REACHED = b"reached\n"


def _install(pipe: str, target: str, when: When, nth: int) -> None:
    module, _, name = target.partition(":")
    owner: Any = import_module(module)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    setattr(owner, last, _wrapped(getattr(owner, last), when, nth, lambda: _stand_still(pipe)))


def _wrapped(
    function: Callable[..., Any], when: When, nth: int, stand_still: Callable[[], None]
) -> Callable[..., Any]:
    calls = count(1)

    def is_it() -> bool:
        return next(calls) == nth

    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def waiting(*args: Any, **kwargs: Any) -> Any:
            now = is_it()
            if now and when == "before":
                stand_still()
            result = await function(*args, **kwargs)
            if now:
                stand_still()
            return result

        return waiting

    @wraps(function)
    def calling(*args: Any, **kwargs: Any) -> Any:
        now = is_it()
        if now and when == "before":
            stand_still()
        result = function(*args, **kwargs)
        if now:
            stand_still()
        return result

    return calling


def _stand_still(pipe: str) -> None:
    Path(pipe).write_bytes(REACHED)
    os.kill(os.getpid(), signal.SIGSTOP)


def main() -> None:
    """Run the command that `sys.argv` names, up to the point that it names."""
    pipe, target, when, nth, _, *arguments = sys.argv[1:]
    _install(pipe, target, "before" if when == "before" else "after", int(nth))
    sys.argv[1:] = arguments
    inbound.cli.main()
