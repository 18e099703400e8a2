"""`scserv subscriptions`: switches notifications for a person, and undoes a burst of stops."""

import asyncio
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import click

from inbound.cli._context import settings_options
from inbound.cli._database import database_url
from inbound.cli._format import counted
from inbound.cli._operator import operator, reason_option
from inbound.cli._times import local, parse_moment
from inbound.clock import utc_now
from inbound.errors import SetupError
from inbound.handlers.registrations import Operator
from inbound.keys import SubjectHasher
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher
from inbound.terminal import echo

if TYPE_CHECKING:
    from inbound.registrations.stops import StopSpan

_AT_ONCE: Final = 200


@click.group
def subscriptions() -> None:
    """Switch notifications and broadcasts for a client who asks; undo false stops."""


@subscriptions.command("set")
@click.argument("number")
@click.argument("switch", metavar="on|off", type=click.Choice(["on", "off"]))
@reason_option
@settings_options
def set_(settings: Settings, number: str, switch: str, reason: str) -> None:
    """Switch notifications and broadcasts to NUMBER on or off, as its owner asked.

    It has the effect of their own CLIENT sms start or stop, which they may text later: the last
    one counts. Nobody is texted. Your name and the reason are recorded for ever, and their
    timeline shows the switch.
    """
    from inbound.parsers.numbers import mask

    parsed = _parsed(number)
    who = Operator(*operator(reason))
    hasher = SubjectHasher(check_database(settings))
    is_changed = asyncio.run(_switch(settings, hasher, parsed, who, on=switch == "on"))
    echo(f"notifications to {mask(parsed)} are {switch}{'' if is_changed else ' already'}")


def _parsed(number: str) -> str:
    from inbound.parsers.numbers import NumberError, parse_msisdn

    try:
        return parse_msisdn(number)
    except NumberError as error:
        raise SetupError(f"NUMBER: {error}") from None


async def _switch(
    settings: Settings, hasher: SubjectHasher, number: str, who: Operator, *, on: bool
) -> bool:
    from inbound.registrations.switching import Switching
    from inbound.store.transactions.postgres import PostgresStore

    url = settings.database_url.get_secret_value()
    store = PostgresStore(url, make_cipher(settings), application_name="scserv subscriptions")
    try:
        switching = Switching(store, hasher, clock=utc_now, new_id=uuid4)
        return await switching.switch(number, who, on=on)
    finally:
        await store.close()


@subscriptions.command("undo-stops")
@click.argument("number", required=False)
@click.option(
    "--since",
    metavar="WHEN",
    required=True,
    help="When the false stops began: 2026-01-31T12:00, or an age like 2h.",
)
@click.option(
    "--until", metavar="WHEN", required=True, help="When they ended: the same; 0s is now."
)
@click.option("--dry-run", is_flag=True, help="Only count.")
@reason_option
@settings_options
def undo_stops(
    settings: Settings, number: str | None, since: str, until: str, reason: str, *, dry_run: bool
) -> None:
    """Switch notifications on again for people whose stops were false.

    False stops are those that others sent from spoofed numbers. Undone is each stop by text that
    was accepted from --since to before --until: of everybody, or of NUMBER only. A stop that a
    person sent themselves within this time is undone, too, so keep it short.

    Left alone are people who texted a stop after --until, had a stop set by an operator, are on
    already, or were off before --since. Nobody is texted. Your name, the reason and each person are
    recorded in the audit. Safe to repeat: the second time nothing is left to undo.

    A time without an offset is in SCSERV_TIME_ZONE.
    """
    from inbound.registrations.stops import StopSpan

    parsed = None if number is None else _parsed(number)
    now = utc_now()
    zone = settings.time_zone
    span = StopSpan(
        parse_moment(since, "--since", now=now, zone=zone),
        parse_moment(until, "--until", now=now, zone=zone),
    )
    if span.since >= span.until:
        raise SetupError("--until must be later than --since")
    who = Operator(*operator(reason))
    hasher = SubjectHasher(check_database(settings))
    number_hash = None if parsed is None else hasher.hash(parsed)
    subject_ids = _stopped_within(settings, span, number_hash, who, dry_run=dry_run)
    undone = asyncio.run(_undo(settings, subject_ids, span, who, dry_run=dry_run))
    verb = "would be undone" if dry_run else "undone"
    echo(
        f"{verb}: {counted(undone, 'stop')}; {counted(len(subject_ids), 'person', 'people')} "
        f"stopped from {local(span.since, zone)} to {local(span.until, zone)}"
    )
    if left := len(subject_ids) - undone:
        echo(
            f"left alone: {counted(left, 'person', 'people')} who stopped again later, are on"
            " already, were switched off by an operator, or erased"
        )


def _stopped_within(
    settings: Settings, span: "StopSpan", number_hash: bytes | None, who: Operator, *, dry_run: bool
) -> list[UUID]:
    """Return who stopped within the span; unless it is a dry run, record the command first.

    With the hash of a number, only the person who has it.
    """
    from inbound.store.access import audit
    from inbound.store.connections import connect
    from inbound.store.log.replay_inputs import find_span, list_subjects_with
    from inbound.store.lookup.people import person_by_hash
    from schemas.events import SubscriptionStopped

    url = database_url(settings)
    with connect(url, "scserv subscriptions", long=True) as connection:
        log_span = find_span(connection, span.since, span.until)
        found = list_subjects_with(connection, log_span, SubscriptionStopped.TYPE)
        subject_id = None
        if number_hash is not None:
            person = person_by_hash(connection, number_hash)
            subject_id = person.subject_id if person else None
            found = [one for one in found if one == subject_id]
        if not dry_run:
            audit.record(
                connection,
                actor=who.name,
                action="undo stops",
                subject_id=subject_id,
                reason=who.reason,
            )
    return found


async def _undo(
    settings: Settings, subject_ids: list[UUID], span: "StopSpan", who: Operator, *, dry_run: bool
) -> int:
    from inbound.registrations.stops import Stops
    from inbound.store.transactions.postgres import PostgresStore

    url = settings.database_url.get_secret_value()
    store = PostgresStore(url, make_cipher(settings), application_name="scserv subscriptions")
    stops = Stops(store, clock=utc_now)
    undone = 0
    try:
        for start in range(0, len(subject_ids), _AT_ONCE):
            some = subject_ids[start : start + _AT_ONCE]
            undone += await stops.undo(some, span, who, dry_run=dry_run)
    finally:
        await store.close()
    return undone
