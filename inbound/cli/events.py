"""`scserv events`: the recorded events of one person or of orders, for programs.

For people there is `scserv timeline`.
"""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import click
from pydantic_core import from_json

from inbound.cli._backlog import ask_backlog, pending_lines
from inbound.cli._context import settings_options
from inbound.errors import SetupError
from inbound.keys import SubjectHasher
from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher
from inbound.store.log.rows import RecordedEvent
from inbound.terminal import echo, echo_json


@click.command
@click.option("--phone", metavar="NUMBER", help="Events of the person with this number.")
@click.option("--subject", metavar="ID", help="Events of this subject id.")
@click.option("--order", metavar="ID", help="Events of this order.")
@click.option("--account", metavar="NAME", help="Events of this account's newest orders.")
@click.option("--broadcast", metavar="ID", help="Events of this broadcast's newest orders.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="With --account and --broadcast: how many orders.",
)
@settings_options
def events(settings: Settings, *, limit: int, **wanted: str | None) -> None:
    """Print the events of one person or of orders, one JSON object per line.

    Events contain no number, text or secret. What was received but not processed yet, and so may
    be missing, is named on standard error.
    """
    given = [name for name in wanted if wanted[name] is not None]
    if len(given) != 1:
        raise SetupError(f"give exactly one of {', '.join(f'--{name}' for name in wanted)}")
    by = given[0]
    value = str(wanted[by])
    number = _number(value) if by == "phone" else None
    id_ = _id(by, value) if by in {"subject", "order", "broadcast"} else None
    hasher = SubjectHasher(check_database(settings))
    number_hash = None if number is None else hasher.hash(number)
    # First, so that what doesn't wait is in the database when that is read.
    backlog = ask_backlog(settings, number_hash)
    if by in {"phone", "subject"}:
        found = asyncio.run(_load(settings, number_hash, id_))
    else:
        found = _load_orders(settings, limit, by, id_, value)
    for event in found:
        echo_json(_as_object(event))
    for line in pending_lines(settings, backlog, number_hash):
        echo(line, err=True)


def _number(text: str) -> str:
    try:
        return parse_msisdn(text)
    except NumberError as error:
        raise SetupError(f"--phone: {error}") from error


def _id(by: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise SetupError(f"--{by}: not an id like 87130844-cb20-4813-8fdd-a7e12e66b55c") from None


def _load_orders(
    settings: Settings, limit: int, by: str, id_: UUID | None, account: str
) -> list[RecordedEvent]:
    from inbound.store.connections import connect
    from inbound.store.lookup import events

    with connect(settings.database_url.get_secret_value(), "scserv events") as connection:
        return events.events_of_orders(
            connection,
            limit,
            order_id=id_ if by == "order" else None,
            account=account if by == "account" else None,
            broadcast_id=id_ if by == "broadcast" else None,
        )


async def _load(
    settings: Settings, number_hash: bytes | None, subject_id: UUID | None
) -> list[RecordedEvent]:
    from inbound.store.transactions.postgres import PostgresStore

    store = PostgresStore(settings.database_url.get_secret_value(), make_cipher(settings))
    try:
        async with store.transaction() as transaction:
            wanted: Iterable[UUID] = [subject_id] if subject_id is not None else []
            if number_hash is not None:
                wanted = (await transaction.find_subjects([number_hash])).values()
            streams = await transaction.load_streams(list(wanted))
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
