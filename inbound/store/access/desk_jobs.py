"""Long work of the desk: one row a job, which its process renews while it works.

A job whose process is silent for `SILENT_S` is lost: what it did was one transaction that never
committed. Another process may take it over; then the first one can't end it any more, so two
processes never both report a result. Rows are deleted a day after they were last renewed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_row
from inbound.store.statements import statements

SILENT_S: Final = 20.0

_SQL: Final = statements(__package__, "desk_jobs")
_CLAIM_JOB: Final = _SQL["claim_job"]
_BEAT: Final = _SQL["beat"]
_END_JOB: Final = _SQL["end_job"]
_FIND_JOB: Final = _SQL["find_job"]
_SWEEP_JOBS: Final = _SQL["sweep_jobs"]


class JobState(StrEnum):
    """What a job does. LOST: its process has died, or doesn't reach the database."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to begin, in the name of the desk's user `owner`. `form_sealed` is what was typed."""

    job_id: UUID
    kind: str
    owner: UUID
    form_sealed: bytes = field(repr=False)


class Beat(NamedTuple):
    """How far a job is that has not ended."""

    job_id: UUID
    state: JobState
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job as its row has it. `result` is that of a done one, or why it failed."""

    state: JobState
    done: int
    total: int
    form_sealed: bytes = field(repr=False)
    result: Mapping[str, Any] = field(repr=False)


@raises_store_errors
def claim_job(conn: psycopg.Connection, new: NewJob, process: UUID) -> bool:
    """Begin a job for a process; False if another one that lives has it. Sweeps old jobs."""
    conn.execute(_SWEEP_JOBS)
    return conn.execute(_CLAIM_JOB, {
        "job_id": new.job_id, "kind": new.kind, "owner": new.owner, "process": process,
        "form_sealed": new.form_sealed, "silent_s": SILENT_S,
    }).rowcount == 1  # fmt: skip


@raises_store_errors
def beat(conn: psycopg.Connection, process: UUID, jobs: Sequence[Beat]) -> None:
    """Say that these jobs of a process go on, and how far they are."""
    conn.execute(_BEAT, {
        "process": process,
        "job_ids": [job.job_id for job in jobs],
        "states": [job.state.value for job in jobs],
        "done": [job.done for job in jobs],
        "totals": [job.total for job in jobs],
    })  # fmt: skip


@raises_store_errors
def end_job(
    conn: psycopg.Connection,
    process: UUID,
    job_id: UUID,
    state: JobState,
    result: Mapping[str, object],
) -> bool:
    """Record how a job ended; False if its process has it no more."""
    parameters = {
        "job_id": job_id,
        "process": process,
        "state": state.value,
        "result": json.dumps(result),
    }
    return conn.execute(_END_JOB, parameters).rowcount == 1


@raises_store_errors
def find_job(conn: psycopg.Connection, job_id: UUID, owner: UUID, kind: str) -> StoredJob | None:
    """Return a job of this user and kind."""
    parameters = {"job_id": job_id, "owner": owner, "kind": kind, "silent_s": SILENT_S}
    return fetch_row(conn, _stored, _FIND_JOB, parameters)


def _stored(state: str, done: int, total: int, form_sealed: bytes, result: bytes) -> StoredJob:
    return StoredJob(JobState(state), done, total, form_sealed, json.loads(result or b"{}"))
