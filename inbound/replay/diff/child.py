"""The entry point of a candidate release: answers the replay protocol line by line.

`_bootstrap.py` of the asking release starts it, with this release first on the path. The name
of this module, `serve` and the first line in each direction never change, so that any two
releases can at least report that they are incompatible:

    -> {"protocol": 1, "orders": {...}}         <- {"protocol": 1, "release": ..., ...}
    -> {"asked": [...], "trace": false, "streams": [[subject, [event, ...]], ...]}
                                                <- {"verdicts": [...]}

With `trace` a line `{"deciding": [subject, version]}` precedes the reading and the deciding of
every event, to locate a crash or an endless loop.
"""

from dataclasses import asdict
from functools import partial
from typing import BinaryIO, Final
from uuid import UUID

from pydantic_core import from_json, to_json

from inbound.errors import ScservError
from inbound.replay.diff.candidates import LocalCandidate
from inbound.replay.diff.protocol import PROTOCOL, CandidateConfig, PastEvent

SPOKEN: Final = (PROTOCOL,)
"""Versions of the protocol that this release speaks."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until the input closes. Blocks."""
    hello = from_json(requests.readline())
    if hello["protocol"] not in SPOKEN:
        spoken = ", ".join(map(str, SPOKEN))
        _say(answers, {"error": f"speaks replay protocol {spoken}, not {hello['protocol']}"})
        return
    try:
        candidate = LocalCandidate(CandidateConfig(**hello["orders"]))
    except ScservError as error:
        _say(answers, {"error": str(error)})
        return
    _say(answers, {"protocol": hello["protocol"], **asdict(candidate.description)})
    for line in requests:
        batch = from_json(line)
        decider = candidate.decider(batch["asked"])
        verdicts = []
        for subject, events in batch["streams"]:
            announce = partial(_announce, answers, subject) if batch["trace"] else None
            stored = [PastEvent(*event) for event in events]
            verdicts.append(decider.judge(UUID(subject), stored, announce))
        _say(answers, {"verdicts": verdicts})


def _announce(answers: BinaryIO, subject: str, version: int) -> None:
    _say(answers, {"deciding": [subject, version]})


def _say(answers: BinaryIO, what: object) -> None:
    answers.write(to_json(what) + b"\n")
    answers.flush()
