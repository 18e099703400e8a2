"""`scserv schemas`: exports, checks and releases the contracts of the topics."""

from collections.abc import Sequence
from pathlib import Path

import click

from inbound.errors import SetupError
from inbound.terminal import echo


@click.group
def schemas() -> None:
    """Export, check and release the contracts of the topics."""


@schemas.command
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def export(folder: Path) -> None:
    """Write the documents for subscribers to FOLDER.

    A JSON Schema for each public type and version, the AsyncAPI document and its HTML page.
    """
    from schemas.contracts.publication import export as write

    for path in write(folder):
        echo(str(path))


@schemas.command
def check() -> None:
    """Compare the models with what was released; exit status 1 if a change would break others.

    For a source tree. Also refuses an announced value that a decision already writes, and a
    generated file that is out of date.
    """
    from inbound.handlers.reachable import written_while_announced
    from schemas.contracts.publication import ROOT, stale
    from schemas.contracts.released import load, next_record, of_today
    from schemas.contracts.rules import problems

    _need_source_tree(ROOT)
    released, today = load(), of_today()
    found = [*map(str, problems(released, today)), *_written(written_while_announced())]
    if not found:
        found = [
            f"{path} is out of date. Fix: run `scserv schemas release` and commit it"
            for path in stale(next_record(released, today), others=_api_documents())
        ]
    for line in found:
        echo(line, err=True)
    if found:
        raise click.exceptions.Exit(1)
    echo(f"{len(released.types)} types and {len(released.topics)} topics are as released")


@schemas.command
def release() -> None:
    """Record the models as released and write all documents; refuses a breaking change.

    For a source tree. What is recorded and pushed is promised from then on.
    """
    from inbound.handlers.reachable import written_while_announced
    from schemas.contracts.publication import ROOT
    from schemas.contracts.publication import release as write

    _need_source_tree(ROOT)
    if found := _written(written_while_announced()):
        raise SetupError("\n".join(found))
    try:
        written = write(others=_api_documents())
    except ValueError as error:
        raise SetupError(str(error)) from error
    for path in written:
        echo(f"wrote {path.relative_to(ROOT)}")
    if not written:
        echo("nothing changed")


def _written(values: Sequence[str]) -> list[str]:
    return [
        f"{value}: announced and written by the same release. Fix: write it in the next one"
        for value in values
    ]


def _api_documents() -> dict[str, bytes]:
    from inbound.api.app import openapi_text

    return {"docs/openapi.json": openapi_text().encode()}


def _need_source_tree(root: Path) -> None:
    if not (root / "pyproject.toml").is_file():
        raise SetupError("run this in a source tree: an installed package has no documents")
