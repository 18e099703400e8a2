"""Runs one diff from the event log to the report.

Streams are read in batches, each from its first event, because that is where the state of a
subject starts. Memory holds two batches, however long the log is.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Final
from uuid import UUID

import psycopg

from inbound.replay.diff.candidates import Candidate
from inbound.replay.diff.protocol import PastEvent, PastStream
from inbound.replay.diff.report import DiffReport
from inbound.store.log import replay_inputs

APPLICATION_NAME: Final = "scserv replay diff"
SUBJECTS_AT_ONCE: Final = 200
EVENTS_AT_ONCE: Final = 5000


def run(
    conn: psycopg.Connection,
    span: replay_inputs.LogSpan,
    candidate: Candidate,
    report: DiffReport,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> None:
    """Decide everything in `span` again and add it to `report`. Blocks.

    `progress` gets the number of finished subjects and of all. Raises `SetupError` when the
    candidate fails, `RetryableError` when the database does not answer.
    """
    subjects = replay_inputs.list_subjects(conn, span)
    total = len(subjects) // replay_inputs.ID_BYTES
    sizes: list[int] = []

    def batches() -> Iterator[list[PastStream]]:
        for ids in replay_inputs.unpack_subjects(subjects, SUBJECTS_AT_ONCE):
            streams = replay_inputs.read_streams(conn, ids, span, PastEvent)
            for batch in _cut(streams):
                sizes.append(sum(len(stream.events) for stream in batch))
                yield batch

    asked: Collection[str] = report.texts.keys()
    for verdicts in candidate.judge(batches(), asked):
        report.add(verdicts, sizes.pop(0))
        progress(report.subjects, total)


def _cut(streams: list[tuple[str, list[PastEvent]]]) -> Iterator[list[PastStream]]:
    """Yield batches of about `EVENTS_AT_ONCE` events, so that a time limit covers few."""
    batch: list[PastStream] = []
    events = 0
    for subject, stored in streams:
        batch.append(PastStream(UUID(subject), stored))
        events += len(stored)
        if events >= EVENTS_AT_ONCE:
            yield batch
            batch, events = [], 0
    if batch:
        yield batch
