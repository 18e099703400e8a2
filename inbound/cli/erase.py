"""`scserv erase` and `scserv erasures`: deleting what names a person, and the records of it."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click
from pydantic_core import from_json, to_json

from inbound.cli._context import settings_options
from inbound.cli.audit import os_user
from inbound.errors import SetupError
from inbound.parsers.numbers import NumberError, mask, parse_msisdn
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher

if TYPE_CHECKING:
    from inbound.erasure.eraser import Done

KINDS: Final = {
    "subjects": "link from the number to its subject",
    "clients": "client with registration data",
    "parts": "parts of long texts",
    "misses": "notes of texts that made no request",
    "sent": "sent messages that wait for receipts",
    "early": "receipts that wait for their message",
    "secrets": "secrets of open requests",
    "parked": "parked messages",
    "published": "published rows of the outbox",
}
"""What is removed, by the names in the record."""


@click.command
@click.option("--phone", metavar="NUMBER", required=True, help="Number, with country code.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is recorded for ever.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@settings_options
def erase(settings: Settings, phone: str, reason: str, *, yes: bool) -> None:
    """Delete what names a person. The event log and its replay stay as they are.

    In one transaction; can't be undone. Exit status 1 when nothing of the number is stored.
    """
    from inbound.store.audit import ReasonError, check_reason

    try:
        number = parse_msisdn(phone)
        why = check_reason(reason)
    except NumberError as error:
        raise SetupError(f"--phone: {error}") from error
    except ReasonError as error:
        raise SetupError(f"--reason: {error}") from error
    check_database(settings)
    if not yes:
        click.confirm(f"erase {mask(number)} for good?", abort=True, err=True)
    done = asyncio.run(_erase(settings, number, why))
    if done is None:
        click.echo(f"nothing to erase: nothing of {mask(number)} is stored")
        click.get_current_context().exit(1)
    for line in _told(mask(number), done):
        click.echo(line)


@click.command
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="The newest so many.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@settings_options
def erasures(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Show the records of erasures, the newest first."""
    from inbound.store import erasures as store
    from inbound.store.connecting import connect

    check_database(settings)
    with connect(settings.database_url.get_secret_value(), "scserv erasures") as connection:
        found = store.erasures(connection, limit=limit)
    for one in found:
        removed = from_json(one.removed)
        if as_json:
            click.echo(to_json({**asdict(one), "removed": removed}).decode())
            continue
        what = ", ".join(f"{count} {name}" for name, count in removed.items())
        about = f", subject {one.subject_id}" if one.subject_id else ""
        click.echo(f"{one.id}  {one.erased_at:%Y-%m-%d %H:%M:%S} UTC  {one.actor}{about}: {what}")
        click.echo(f"   {one.reason}")
    if not found and not as_json:
        click.echo("nobody was erased")


async def _erase(settings: Settings, number: str, reason: str) -> "Done | None":
    from inbound.clock import utc_now
    from inbound.erasure.eraser import Eraser
    from inbound.keys import SubjectHasher
    from inbound.store.postgres import PostgresStore

    url = settings.database_url.get_secret_value()
    store = PostgresStore(url, make_cipher(settings), application_name="scserv erase", long=True)
    try:
        eraser = Eraser(store, SubjectHasher(settings.subject_key_bytes()), clock=utc_now)
        return await eraser.erase(number, actor=os_user(), reason=reason)
    finally:
        await store.close()


def _told(masked: str, done: "Done") -> Iterator[str]:
    about = f", subject {done.subject_id}" if done.subject_id else ""
    yield f"erased {masked}{about}: record {done.record}"
    for name, count in asdict(done.removed).items():
        if count:
            yield f"  removed: {count} {KINDS[name]}"
    if done.open_requests:
        yield (
            f"  {done.open_requests} open requests end by themselves: what is queued is not sent, "
            "what the SMS centre has is"
        )
    yield "What stays for a while, because it can't be taken out one by one:"
    yield "  the number and its texts in Kafka's topic sms.mo.v1, up to 3 days and 6 hours"
    yield "  the number's keyed hash in Kafka's internal topics, as long, and in rows of the"
    yield "  outbox that are written from now on, up to 8 days"
    yield "  what was deleted, sealed, in backups and in PostgreSQL's files until they are reused"
    if done.removed.clients:
        yield "The next import brings the client back: take them out of its file."
