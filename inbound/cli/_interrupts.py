"""Ends a command in one line when Ctrl-C comes while it is still being imported.

Import it before anything else. Python then ends the process by SIGINT, which shells show as 130.
"""

import sys
from types import TracebackType


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("scserv: interrupted\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _say
