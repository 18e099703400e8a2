"""Ends a command in one line when Ctrl-C comes, also while it is still being imported.

Import it before anything else. During the imports Python ends the process by SIGINT, which shells
show as status 130, too.
"""

import sys
from types import TracebackType
from typing import Final

INTERRUPTED: Final = 128 + 2
"""The status of a command that Ctrl-C ended, as shells show the end of a process by SIGINT."""


def say_interrupted() -> None:
    """Say so on a line of its own: a terminal has shown ^C, or the question of a prompt."""
    begin = "\n" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{begin}scserv: interrupted\n")


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        say_interrupted()
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _say
