"""The processes that a rotation waits for, by the reports of their keys."""

import shlex
from collections.abc import Sequence

import psycopg

from inbound.errors import SetupError
from inbound.plurals import counted
from inbound.store.access.process_keys import ReportedKeys, forget, list_keys


def forget_killed(conn: psycopg.Connection, killed: Sequence[str]) -> None:
    """Stop counting processes that an operator has declared dead. Blocks.

    Raises SetupError, and forgets none, if one of the names is not that of a report.
    """
    reported = [one.process for one in list_keys(conn)]
    if unknown := [name for name in killed if name not in reported]:
        raise SetupError(
            f"no process {unknown[0]!r} has reported its keys in the last minutes; these have: "
            f"{', '.join(reported) or 'none'}"
        )
    for name in killed:
        forget(conn, name)


def refusal_of(processes: Sequence[ReportedKeys], what: str, todo: str) -> SetupError:
    """Return the refusal because of processes that run, of which `what` is wrong.

    Its lines say what is wrong, name the processes, and say what to do, the killed ones included.
    """
    last = max(processes, key=lambda one: one.counts_for_s)
    words = "it counts" if len(processes) == 1 else "they count"
    lines = (
        f"{counted(len(processes), 'process', 'processes')} {what}:",
        *(f"    {one}" for one in processes),
        todo,
        (
            "A process that was killed could not take its report back. If that is so here, "
            f"{words} for another {last.counts_for_s:.0f} s, or until you say so:"
        ),
        f"    --killed {shlex.quote(last.process)}",
    )
    return SetupError("\n".join(lines))
