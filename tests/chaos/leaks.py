"""Canaries: marked secrets and numbers, searched for wherever they must not be.

A secret must not be readable anywhere, a number only in `sms.mo.v1` and `sms.notify.v1`. The search
covers the raw files of both servers (deleted rows and the write-ahead log included), the logs,
traces and metrics of every process, the pages of the health ports, the output of the operator's
commands, every record of every topic and every column of every table, those of the servers
themselves included.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.canaries import Canaries
from tests.chaos.deployment import STARTED_ROLES, Deployment
from tests.fix_service import Client
from tests.searching import all_topics, files_in, in_file, tables_with, topics_with

CODE, LOGIN, PASSWORD = "kod-canary", "login-canary", "parol-canary"
NUMBERS: Final = "+792555501"

_SECRETS: Final = Canaries(CODE, LOGIN, PASSWORD)
_EVERYTHING: Final = Canaries(CODE, LOGIN, PASSWORD, NUMBERS[1:])

_TRACED_ROLES: Final = {"gateway", "worker"}


def make_client(number: int) -> Client:
    """Return a client whose number and secrets are canaries."""
    return Client(
        f"{NUMBERS}{number:02d}", f"{CODE}-{number}", f"{LOGIN}-{number}", f"{PASSWORD}-{number}"
    )


def find_leaks(deployment: Deployment) -> Iterator[str]:
    """Yield every place with a forbidden canary, and every place that could not be searched.

    Blocks for minutes. Stop the roles first, so that they have exported everything.
    """
    with_numbers = {deployment.names.mo, deployment.names.notify}
    for path in files_in(deployment.folder):
        if in_file(path, _SECRETS if _belongs_to(path, with_numbers) else _EVERYTHING):
            yield f"a canary is in the file {path.relative_to(deployment.folder)}"
    names = all_topics(deployment.bootstrap)
    for name in topics_with(
        deployment.bootstrap,
        names,
        lambda name: _SECRETS if name in with_numbers else _EVERYTHING,
    ):
        yield f"a canary is in the topic {name}"
    for table in tables_with(deployment.database_url, _EVERYTHING):
        yield f"a canary is in the table {table}"
    missing = {spec.name for spec in deployment.names.specs()} | {"__consumer_offsets"}
    for name in sorted(missing - names):
        yield f"not searched: the topic {name} is missing"
    for role in STARTED_ROLES:
        kinds = ("traces", "metrics") if role in _TRACED_ROLES else ("metrics",)
        for kind in kinds:
            if not deployment.recorder.exports[role, f"/v1/{kind}"]:
                yield f"not searched: {role} exported no {kind}"


def _belongs_to(path: Path, topics: set[str]) -> bool:
    """Whether Kafka keeps a partition of a topic at the path, deleted ones included."""
    return any(part.startswith(f"{topic}-") for topic in topics for part in path.parts)
