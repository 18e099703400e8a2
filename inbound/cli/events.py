"""`scserv events`: what happened to one person, in order."""

import asyncio

import click
from pydantic_core import from_json, to_json
from rich.console import Console
from rich.table import Table

from inbound.cli._context import settings_options
from inbound.cli._wiring import check_database, make_cipher
from inbound.errors import SetupError
from inbound.parsers.numbers import NumberError, mask, parse_msisdn
from inbound.settings import Settings
from inbound.store.rows import RecordedEvent


@click.command
@click.option("--phone", required=True, metavar="NUMBER", help="Number, with country code.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@settings_options
def events(settings: Settings, phone: str, *, as_json: bool) -> None:
    """Show one person's events in the order they happened."""
    try:
        number = parse_msisdn(phone)
    except NumberError as error:
        raise SetupError(f"--phone: {error}") from error
    check_database(settings)
    recorded = asyncio.run(_load(settings, number))
    if as_json:
        for event in recorded:
            click.echo(to_json(_as_object(event)).decode())
    elif recorded:
        Console().print(_as_table(recorded, number))
    else:
        click.echo(f"no events: {mask(number)} has sent no command")


async def _load(settings: Settings, number: str) -> list[RecordedEvent]:
    from inbound.keys import SubjectHasher
    from inbound.store.postgres import PostgresStore

    store = PostgresStore(settings.database_url.get_secret_value(), make_cipher(settings))
    try:
        async with store.transaction() as transaction:
            hash_ = SubjectHasher(settings.subject_key_bytes()).hash(number)
            found = await transaction.find_subjects([hash_])
            streams = await transaction.load_streams(found.values())
            return [event for stream in streams.values() for event in stream]
    finally:
        await store.close()


def _as_object(event: RecordedEvent) -> dict[str, object]:
    return {
        "position": event.position,
        "subject": event.stream_id,
        "version": event.version,
        "type": event.type,
        "schema_version": event.schema_version,
        "recorded_at": event.recorded_at,
        "data": from_json(event.data),
        "metadata": from_json(event.metadata),
    }


def _as_table(recorded: list[RecordedEvent], number: str) -> Table:
    table = Table(title=f"{mask(number)}, subject {recorded[0].stream_id}", title_justify="left")
    table.add_column("recorded (UTC)", no_wrap=True)
    table.add_column("event", no_wrap=True)
    table.add_column("data", overflow="fold")
    for event in recorded:
        data = {k: v for k, v in from_json(event.data).items() if not k.endswith("_id")}
        shown = ", ".join(f"{name}={_short(value)}" for name, value in data.items())
        table.add_row(f"{event.recorded_at:%Y-%m-%d %H:%M:%S.%f}"[:-3], event.type, shown)
    return table


def _short(value: object) -> str:
    return value if isinstance(value, str) else to_json(value).decode()
