"""The policies by which each worker decides, as it reports them every minute.

A command that explains decisions can't know them otherwise: workers read their settings at their
start, from their own environment and files.
"""

import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import psycopg
from pydantic_core import from_json

from inbound.handlers.policies import Policies
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

ALIVE: Final = timedelta(seconds=90)
"""A worker that has not reported for so long is gone: it reports every minute."""

_SQL: Final = statements(__package__, "worker_policies")
_REPORT: Final = _SQL["report_policies"]
_SWEEP: Final = _SQL["sweep_reports"]
_FIND: Final = _SQL["find_policies"]


@dataclass(frozen=True, slots=True)
class ReportedPolicies:
    """Policies that some workers have in common; the newest report is `age_s` seconds old."""

    policies: Policies
    workers: tuple[str, ...]
    age_s: float


@raises_store_errors
def report_policies(conn: psycopg.Connection, policies: Policies) -> None:
    """Report the policies of this process, and forget processes that are long gone."""
    worker = f"{socket.gethostname()}-{os.getpid()}"
    conn.execute(_REPORT, {"worker": worker, "policies": policies.model_dump_json()})
    conn.execute(_SWEEP)


@raises_store_errors
def find_policies(conn: psycopg.Connection) -> list[ReportedPolicies]:
    """Return the policies of the workers that run, those of most workers first.

    More than one entry means that workers differ, or that one was restarted just now. A policy of
    another release is left out.
    """
    return [
        ReportedPolicies(_known(from_json(values)), tuple(workers), age_s)
        for values, workers, age_s in conn.execute(_FIND, {"alive": ALIVE})
    ]


def _known(values: dict[str, object]) -> Policies:
    return Policies.model_validate(
        {name: value for name, value in values.items() if name in Policies.model_fields}
    )
