"""Starts a candidate: a script for `python -I -S`, without the code of this release.

Arguments: the candidate's wheel or folder, then the folders of the installed packages. The
candidate comes first, so its code wins; other packages are the installed ones. Uses only the
standard library, because nothing else may be imported before the candidate.
"""

import json
import os
import sys
from importlib import import_module

ENTRY = "inbound.replay.diff.child"
OURS = ("inbound", "schemas")


def main() -> None:
    """Put the candidate first on the path, and let it serve until the pipes close."""
    candidate, *installed = sys.argv[1:]
    sys.path[:0] = [candidate]
    sys.path += installed
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a candidate prints must not reach the answers
    problem = None
    serve = None
    try:
        serve = import_module(ENTRY).serve
        for name in OURS:
            found = str(getattr(import_module(name), "__file__", ""))
            if not found.startswith(candidate):
                problem = f"brings no package {name!r}"
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.split(".")[0] in OURS:
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


if __name__ == "__main__":
    main()
