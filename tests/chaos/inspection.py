"""What a kept campaign has about one client: `python -m tests.chaos.inspection FOLDER NUMBER`.

Starts the PostgreSQL in the folder, prints the client's events, the spans of their traces, and log
lines that name one of their ids, and stops it again.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from inbound.keys import SubjectHasher
from inbound.local.servers.postgres import PostgresServer
from inbound.store.access.index_keys import load_index_key
from tests.e2e.collector import Span, recorded_spans
from tests.fix_service import SUBJECT_KEY

_EVENTS: LiteralString = """
    SELECT position, stream_id, version, type, recorded_at, data, metadata->>'traceparent'
    FROM events JOIN subjects ON subject_id = stream_id
    WHERE number_hash = %s ORDER BY version
"""
_IDS: Final = ("request_id", "message_id")


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A row of the event log."""

    position: int
    stream_id: object
    version: int
    type: str
    recorded_at: datetime
    data: dict[str, Any]
    traceparent: str | None

    @property
    def trace_id(self) -> str:
        """The trace id; empty without a trace."""
        return self.traceparent.split("-")[1] if self.traceparent else ""

    def __str__(self) -> str:
        data = json.dumps(self.data, ensure_ascii=False)
        about = f"position {self.position}, version {self.version}"
        return f"{_time(self.recorded_at)}  {self.type}  ({about})  {data}"


def main() -> None:
    """Print everything about the client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the campaign")
    parser.add_argument("number", help="phone number, as in broken.txt")
    options = parser.parse_args()
    folder = options.folder.resolve()
    with PostgresServer(_find_primary(folder)) as postgres:
        events = read_events(postgres.url(), options.number)
    _print("events", events)
    traces = {event.trace_id for event in events if event.trace_id}
    spans = sorted(
        (span for span in recorded_spans(folder / "telemetry") if span.trace_id in traces),
        key=lambda span: span.started_at,
    )
    _print("spans", map(_describe_span, spans))
    _print("log lines", find_log_lines(folder, find_ids(events) | traces))


def _find_primary(folder: Path) -> Path:
    """Return the folder of the PostgreSQL, of several machines' that of the last primary."""
    standby = Path("data", "standby.signal")
    return next(one for one in sorted(folder.glob("postgres*")) if not (one / standby).exists())


def read_events(database_url: str, number: str) -> list[LoggedEvent]:
    """Return the events of a number in order. Blocks."""
    with psycopg.connect(database_url) as connection:
        number_hash = SubjectHasher(load_index_key(connection, SUBJECT_KEY)).hash(number)
        return [LoggedEvent(*row) for row in connection.execute(_EVENTS, [number_hash])]


def find_ids(events: Iterable[LoggedEvent]) -> set[str]:
    """Return the ids of subject, requests and messages."""
    found = set()
    for event in events:
        found |= {
            str(event.stream_id),
            *(str(event.data[name]) for name in _IDS if name in event.data),
        }
    return found


def find_log_lines(folder: Path, ids: set[str]) -> Iterator[str]:
    """Yield every line of the roles' logs that names one of the ids."""
    for path in sorted(folder.glob("*.log")):
        for line in path.read_text("utf-8", "replace").splitlines():
            if any(id_ in line for id_ in ids):
                yield f"{path.name}: {line}"


def _describe_span(span: Span) -> str:
    return f"{_time(span.started_at)}  {span.name}  trace {span.trace_id}  {span.attributes}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S.%f}"[:-3]


def _print(title: str, lines: Iterable[object]) -> None:
    print(f"-- {title}")
    for line in lines:
        print(line)


if __name__ == "__main__":
    main()
