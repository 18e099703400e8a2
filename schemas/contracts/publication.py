"""Writes the files that are generated from the models: the released record, and documents.

All are committed and written together, so that none can be stale.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic_core import to_json

from schemas.contracts import asyncapi
from schemas.contracts.catalogue import Flow
from schemas.contracts.guide import GUIDE, with_tables_of_today
from schemas.contracts.page import page
from schemas.contracts.published import FLOW
from schemas.contracts.released import FOLDER, ReleaseRecord, files_of, load, next_record, of_today
from schemas.contracts.rules import problems

ROOT: Final = Path(__file__).parents[2]
Files = Mapping[str, bytes]
NO_FILES: Final[Files] = {}
RELEASED: Final = FOLDER.relative_to(ROOT).as_posix()


def documents(record: ReleaseRecord) -> dict[str, bytes]:
    """Return what subscribers read, by file name."""
    described = asyncapi.document(record)
    return {
        "asyncapi.json": to_json(described, indent=2) + b"\n",
        "asyncapi.html": page(described).encode(),
    }


def generated(
    record: ReleaseRecord, root: Path = ROOT, others: Files = NO_FILES
) -> dict[str, bytes]:
    """Return every generated file of the source tree by its path from the root.

    `others` are documents that are made elsewhere, by path. The guide for subscribers is written
    by hand, except for its tables of values. Raises ValueError if one is missing.
    """
    released = {f"{RELEASED}/{name}": content for name, content in files_of(record).items()}
    made = {f"docs/{name}": content for name, content in documents(record).items()}
    guide = with_tables_of_today((root / GUIDE).read_text("utf-8")).encode()
    return released | made | {GUIDE: guide} | dict(others)


def stale(record: ReleaseRecord, root: Path = ROOT, others: Files = NO_FILES) -> list[str]:
    """Return the generated files that are missing or differ from what `record` makes."""
    return [
        path
        for path, content in generated(record, root, others).items()
        if not (root / path).is_file() or (root / path).read_bytes() != content
    ]


def export(folder: Path) -> list[Path]:
    """Write what a subscriber needs into `folder`: public schemas and documents."""
    record = load()
    public = {
        f"{name}.json"
        for name, schema in record.types.items()
        if schema[FLOW] in {Flow.PUBLIC, Flow.ACCEPTED}
    }
    files = {name: data for name, data in files_of(record).items() if name in public}
    return _write(folder, (files | documents(record)).items())


def release(root: Path = ROOT, others: Files = NO_FILES) -> list[Path]:
    """Write the generated files that changed, and return them.

    Raises `ValueError` with one line for each problem, having written nothing, when today's
    models would break what was released.
    """
    released, today = load(root / RELEASED), of_today()
    found = problems(released, today)
    if found:
        raise ValueError("\n".join(map(str, found)))
    record = next_record(released, today)
    files = generated(record, root, others)
    return _write(root, [(path, files[path]) for path in stale(record, root, others)])


def _write(folder: Path, files: Iterable[tuple[str, bytes]]) -> list[Path]:
    written = []
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written
