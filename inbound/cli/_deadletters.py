"""Formats dead letters for `scserv deadletters`."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from inbound.cli._format import counted
from inbound.cli._times import local
from inbound.store.dead_letters.rows import StoredDeadLetter
from inbound.terminal import echo
from schemas.orders import utc

SHOWN_MAX: Final = 10


def print_rows(what: str, rows: Iterable[tuple[StoredDeadLetter, str]]) -> None:
    """Print the first of these with their reasons, and how many more there are."""
    rows = list(rows)
    for row, reason in rows[:SHOWN_MAX]:
        echo(f"{what}: {row.id}  {place(row)}  {reason}")
    if len(rows) > SHOWN_MAX:
        echo(f"{what}: {len(rows) - SHOWN_MAX} more")


def line(row: StoredDeadLetter, now: datetime, zone: str) -> str:
    """Return a dead letter on one line."""
    retried = f"  (retried {counted(row.retried, 'time')})" if row.retried else ""
    when = f"{local(row.stored_at, zone)}, {_age(now - row.stored_at)} ago"
    return f"{row.id}  {when}  {place(row)}  {row.reason}{retried}"


def place(row: StoredDeadLetter) -> str:
    """Return the source of a dead letter: topic[partition]@offset, and its part of a record."""
    part = f"#{row.part}" if row.part else ""
    feed = "" if row.feed == "kafka" else f"{row.feed} row for "
    return f"{feed}{row.topic}[{row.partition}]@{row.kafka_offset}{part}"


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def as_object(row: StoredDeadLetter) -> dict[str, Any]:
    """Return a dead letter for `--json`."""
    return {
        "id": row.id,
        "stored_at": utc(row.stored_at),
        "feed": row.feed,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.kafka_offset,
        "part": row.part,
        "reason": row.reason,
        "retried": row.retried,
        "stored_bytes": row.size,
    }
