"""`scserv schemas`: the contracts of the topics."""

from pathlib import Path

import click

from inbound.errors import SetupError


@click.group
def schemas() -> None:
    """Contracts of the topics."""


@schemas.command
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def export(folder: Path) -> None:
    """Write what a subscriber needs into FOLDER.

    The JSON Schema of every public type and version, the AsyncAPI document and its page.
    """
    from schemas.contracts.publication import export as write

    for path in write(folder):
        click.echo(str(path))


@schemas.command
def check() -> None:
    """Hold the models against what was released; exit status 1 when somebody would break.

    For a source tree. Also refuses a record or a document that is not as the models are.
    """
    from schemas.contracts.publication import ROOT, stale
    from schemas.contracts.released import load, next_record, of_today
    from schemas.contracts.rules import problems

    _need_source_tree(ROOT)
    released, today = load(), of_today()
    found = list(map(str, problems(released, today)))
    if not found:
        found = [
            f"{path} is not as the models are. Way out: `scserv schemas release`, and commit it"
            for path in stale(next_record(released, today))
        ]
    for line in found:
        click.echo(line, err=True)
    if found:
        raise click.exceptions.Exit(1)
    click.echo(f"{len(released.types)} types and {len(released.topics)} topics are as released")


@schemas.command
def release() -> None:
    """Record the models as released and write their documents; refuses what would break.

    For a source tree. What is recorded and pushed is promised from then on.
    """
    from schemas.contracts.publication import ROOT
    from schemas.contracts.publication import release as write

    _need_source_tree(ROOT)
    try:
        written = write()
    except ValueError as error:
        raise SetupError(str(error)) from error
    for path in written:
        click.echo(f"wrote {path.relative_to(ROOT)}")
    if not written:
        click.echo("nothing changed")


def _need_source_tree(root: Path) -> None:
    if not (root / "pyproject.toml").is_file():
        raise SetupError("run this in a source tree: an installed package has no documents")
