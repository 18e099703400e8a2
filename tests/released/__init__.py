"""Events as released versions of this service wrote them, kept for ever.

`TYPE.vN.ndjson` has examples of one type in one version, a line each; `streams/` has whole
streams of subjects. Lines are added, never changed: a log written years ago can't be either.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic_core import from_json, to_json

FOLDER = Path(__file__).parent


class Example(NamedTuple):
    """One stored event of one released version; `data` is its JSON."""

    type: str
    version: int
    data: bytes


def examples() -> Iterator[Example]:
    """Yield every example of every type and version ever released."""
    for path in sorted(FOLDER.glob("*.ndjson")):
        type_, _, version = path.stem.rpartition(".v")
        for line in path.read_bytes().splitlines():
            yield Example(type_, int(version), line)


def stream(name: str) -> list[Example]:
    """Return the stream of one subject, from its version 1 on."""
    lines = map(from_json, (FOLDER / "streams" / f"{name}.ndjson").read_bytes().splitlines())
    return [Example(line["type"], line["schema_version"], to_json(line["data"])) for line in lines]
