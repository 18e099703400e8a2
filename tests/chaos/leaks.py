"""Canaries: secrets and numbers of the campaign, looked for everywhere they must not be.

Secrets may stand nowhere in the clear; a number in `sms.mo.v1` alone. Searched are the raw
files of both servers (what was deleted since and the write-ahead log, too), the logs of
every process that ran, what it exported as traces and metrics, what its health port and the
operator's commands said, each record of each topic and each column of each table, those of the
servers' own included.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.canaries import Canaries
from tests.chaos.world import RUNNING, World
from tests.fix_service import Client
from tests.searching import all_topics, files_in, in_file, tables_with, topics_with

CODE, LOGIN, PASSWORD = "kod-canary", "login-canary", "parol-canary"
NUMBERS: Final = "+792555501"

_SECRETS: Final = Canaries(CODE, LOGIN, PASSWORD)
_EVERYTHING: Final = Canaries(CODE, LOGIN, PASSWORD, NUMBERS[1:])

_SPANS: Final = {"gateway", "worker"}
"""The roles that record any."""


def marked(number: int) -> Client:
    """Return a client whose number and secrets are canaries."""
    return Client(
        f"{NUMBERS}{number:02d}", f"{CODE}-{number}", f"{LOGIN}-{number}", f"{PASSWORD}-{number}"
    )


def leaks(world: World) -> Iterator[str]:
    """Yield where a canary stands that must not, and what could not be searched.

    Blocks; reads everything there is. The roles have to be stopped: they export what is left.
    """
    mo = world.names.mo
    for path in files_in(world.folder):
        if in_file(path, _SECRETS if _is_of_topic(path, mo) else _EVERYTHING):
            yield f"a canary stands in the file {path.relative_to(world.folder)}"
    names = all_topics(world.bootstrap)
    for name in topics_with(
        world.bootstrap, names, lambda name: _SECRETS if name == mo else _EVERYTHING
    ):
        yield f"a canary stands in the topic {name}"
    for table in tables_with(world.database_url, _EVERYTHING):
        yield f"a canary stands in the table {table}"
    missing = {spec.name for spec in world.names.specs()} | {"__consumer_offsets"}
    for name in sorted(missing - names):
        yield f"the topic {name} was not there to be searched"
    for role in RUNNING:
        kinds = ("traces", "metrics") if role in _SPANS else ("metrics",)
        for kind in kinds:
            if not world.recorder.exports[role, f"/v1/{kind}"]:
                yield f"no {kind} of {role} arrived to be searched"


def _is_of_topic(path: Path, topic: str) -> bool:
    """Whether Kafka keeps a partition of a topic there, or what is left of one."""
    return any(part.startswith(f"{topic}-") for part in path.parts)
