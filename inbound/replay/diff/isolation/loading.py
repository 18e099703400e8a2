"""Imports a candidate and lets it serve."""

import json
import os
import sys
from importlib import import_module
from typing import Final

_ENTRY: Final = "inbound.replay.diff.child"
_OURS: Final = ("inbound", "schemas")


def serve_candidate(code: str, installed: list[str]) -> None:
    """Put the candidate first on the path, and let it serve until the pipes close.

    The candidate comes first, so its code wins; other packages are the installed ones.
    """
    sys.path[:0] = [code]
    sys.path += installed
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a candidate prints must not reach the answers
    problem = None
    serve = None
    try:
        serve = import_module(_ENTRY).serve
        for name in _OURS:
            found = str(getattr(import_module(name), "__file__", ""))
            if not found.startswith(code):
                problem = f"brings no package {name!r}"
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.split(".")[0] in _OURS:
            problem = "is older than the replay: it has no " + missing
        else:
            problem = f"needs the package {missing!r}, which is not installed here"
    except Exception as error:  # noqa: BLE001 — any error of its import is reported
        problem = f"can't be imported: {type(error).__name__}: {error}"
    if problem is not None or serve is None:
        answers.write(json.dumps({"error": problem}).encode() + b"\n")
        answers.flush()
        return
    serve(sys.stdin.buffer, answers)
