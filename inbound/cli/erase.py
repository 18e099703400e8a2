"""`scserv erase` deletes the personal data of a number, `scserv erasures` lists erasures."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click
from pydantic_core import from_json

from inbound.cli._context import settings_options
from inbound.cli._format import counted
from inbound.cli._os_user import os_user
from inbound.cli._times import local
from inbound.errors import SetupError
from inbound.keys import SubjectHasher
from inbound.parsers.numbers import NumberError, mask, parse_msisdn
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher
from inbound.terminal import confirm, echo, echo_json

if TYPE_CHECKING:
    from inbound.erasure.eraser import CommittedErasure

_REMOVED: Final = {
    "subjects": ("link from the number to its subject", "links from the number to its subject"),
    "clients": ("client record", "client records"),
    "parts": ("part of a long text", "parts of long texts"),
    "rejected_mos": ("record of a rejected text", "records of rejected texts"),
    "sent": ("id of a sent message", "ids of sent messages"),
    "early": ("receipt that awaits its message", "receipts that await their message"),
    "secrets": ("secret of an open request", "secrets of open requests"),
    "dead_letters": ("dead letter", "dead letters"),
    "texts": ("text of an order", "texts of orders"),
    "audiences": ("row of a broadcast's audience", "rows of broadcasts' audiences"),
    "orders": ("order that waited for its time", "orders that waited for their time"),
    "refused_orders": (
        "link from the number to a refused order",
        "links from the number to refused orders",
    ),
    "account_texts": (
        "text that waited for an account's program",
        "texts that waited for accounts' programs",
    ),
    "published": ("published outbox row", "published outbox rows"),
}
"""Singular and plural of what is removed, by the names in the record of the erasure."""


@click.command
@click.option("--phone", metavar="NUMBER", required=True, help="Number with country code.")
@click.option(
    "--reason",
    metavar="TEXT",
    required=True,
    help="Why; recorded for ever.",
)
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
@settings_options
def erase(settings: Settings, phone: str, reason: str, *, yes: bool) -> None:
    """Delete the personal data of a number. Events keep their random subject id.

    It can't be undone, and includes wrong forms of the number that earlier releases stored.
    Exit status 1 when nothing is stored for the number.
    """
    from inbound.store.access.audit import ReasonError, check_reason

    try:
        number = parse_msisdn(phone)
        why = check_reason(reason)
    except NumberError as error:
        raise SetupError(f"--phone: {error}") from error
    except ReasonError as error:
        raise SetupError(f"--reason: {error}") from error
    index_key = check_database(settings)
    if not yes:
        confirm(f"Erase {mask(number)} for good?")
    done = asyncio.run(_erase(settings, SubjectHasher(index_key), number, why))
    if not done:
        echo(f"nothing to erase: nothing is stored for {mask(number)}")
        click.get_current_context().exit(1)
    for form, one in done.items():
        for line in _report(mask(form), one):
            echo(line)
    for line in _remaining(any(one.removed.clients for one in done.values())):
        echo(line)


@click.command
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="Records to show.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def erasures(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Show the records of erasures, newest first."""
    from inbound.store.connections import connect
    from inbound.store.people import erasure as store

    check_database(settings)
    with connect(settings.database_url.get_secret_value(), "scserv erasures") as connection:
        found = store.erasures(connection, limit=limit)
    for one in found:
        removed = from_json(one.removed)
        if as_json:
            echo_json({**asdict(one), "removed": removed})
            continue
        what = ", ".join(
            counted(count, *_REMOVED.get(name, (name,))) for name, count in removed.items()
        )
        about = f", subject {one.subject_id}" if one.subject_id else ""
        echo(f"{one.id}  {local(one.erased_at, settings.time_zone)}  {one.actor}{about}: {what}")
        echo(f"   {one.reason}")
    if not found and not as_json:
        echo("no person was erased yet")


async def _erase(
    settings: Settings, hasher: SubjectHasher, number: str, reason: str
) -> "dict[str, CommittedErasure]":
    """Erase a number and its former forms; return those that were stored, with what was done."""
    from inbound.clock import utc_now
    from inbound.erasure.eraser import Eraser
    from inbound.erasure.former_numbers import former_numbers
    from inbound.store.transactions.postgres import PostgresStore

    url = settings.database_url.get_secret_value()
    store = PostgresStore(url, make_cipher(settings), application_name="scserv erase", long=True)
    try:
        eraser = Eraser(store, hasher, clock=utc_now)
        countries = dict.fromkeys(bind.country for bind in settings.all_binds)
        erased = {
            form: await eraser.erase(form, actor=os_user(), reason=reason)
            for form in (number, *former_numbers(number, countries))
        }
        return {form: done for form, done in erased.items() if done is not None}
    finally:
        await store.close()


def _report(masked: str, done: "CommittedErasure") -> Iterator[str]:
    about = f", subject {done.subject_id}" if done.subject_id else ""
    yield f"erased {masked}{about}: record {done.record}"
    for name, count in asdict(done.removed).items():
        if count:
            yield f"  removed: {counted(count, *_REMOVED[name])}"
    open_ = [counted(done.open_requests, "request")] if done.open_requests else []
    open_ += [counted(done.open_orders, "order")] if done.open_orders else []
    if open_:
        yield (
            f"  still open: {' and '.join(open_)}; queued messages are not sent, those at the SMS "
            "centre may be delivered"
        )


def _remaining(has_client: bool) -> Iterator[str]:  # noqa: FBT001 — the only argument
    yield "These can't be deleted one by one and expire by themselves:"
    yield "  the number and its texts in the Kafka topic sms.mo.v1: after 3 days and 6 hours"
    yield "  the keyed hash of the number in internal Kafka topics: the same"
    yield "  the keyed hash in outbox rows of open requests: after 8 days"
    yield "  sealed rows in backups, and in PostgreSQL's files until their pages are reused"
    if has_client:
        yield "Remove the client from the import file, or the next import brings it back."
