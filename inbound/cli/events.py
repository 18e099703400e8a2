"""`scserv events`: the recorded events of one person, for programs.

For people there is `scserv timeline`.
"""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import click
from pydantic_core import from_json

from inbound.cli._context import settings_options
from inbound.errors import SetupError
from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher
from inbound.store.log.rows import RecordedEvent
from inbound.terminal import echo_json


@click.command
@click.option("--phone", metavar="NUMBER", help="Events of the person with this number.")
@click.option("--subject", metavar="ID", help="Events of this subject id.")
@settings_options
def events(settings: Settings, phone: str | None, subject: str | None) -> None:
    """Print the events of one person in order, one JSON object per line.

    Events contain no number, text or secret. Prints nothing when there are none.
    """
    if (phone is None) == (subject is None):
        raise SetupError("give exactly one of --phone and --subject")
    number = None if phone is None else _number(phone)
    subject_id = None if subject is None else _subject(subject)
    check_database(settings)
    for event in asyncio.run(_load(settings, number, subject_id)):
        echo_json(_as_object(event))


def _number(text: str) -> str:
    try:
        return parse_msisdn(text)
    except NumberError as error:
        raise SetupError(f"--phone: {error}") from error


def _subject(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise SetupError("--subject: not an id like 87130844-cb20-4813-8fdd-a7e12e66b55c") from None


async def _load(
    settings: Settings, number: str | None, subject_id: UUID | None
) -> list[RecordedEvent]:
    from inbound.keys import SubjectHasher
    from inbound.store.transactions.postgres import PostgresStore

    store = PostgresStore(settings.database_url.get_secret_value(), make_cipher(settings))
    try:
        async with store.transaction() as transaction:
            wanted: Iterable[UUID] = [subject_id] if subject_id is not None else []
            if number is not None:
                hash_ = SubjectHasher(settings.subject_key_bytes()).hash(number)
                wanted = (await transaction.find_subjects([hash_])).values()
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
