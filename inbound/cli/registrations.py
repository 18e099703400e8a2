"""`scserv registrations`: requests for registration data that wait for a person."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._format import counted
from inbound.cli._operator import checked_reason, operator, reason_option
from inbound.cli._os_user import os_user
from inbound.clock import utc_now
from inbound.errors import SetupError
from inbound.handlers.registrations import Operator
from inbound.parsers.numbers import mask
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher
from inbound.terminal import echo, echo_json

if TYPE_CHECKING:
    import psycopg

    from inbound.keys import VaultCipher
    from inbound.store.registrations.rows import (
        HeldRegistration,
        HoldSelection,
    )

_BATCH: Final = 200
_ERASED: Final = "erased"


@click.group
def registrations() -> None:
    """Decide about held requests for registration data, and switch registrations off."""


@registrations.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@settings_options
def show_status(settings: Settings, *, as_json: bool) -> None:
    """Show the switch, the ceilings of the workers, what was sent, and how many are held."""
    from inbound.cli._registrations_view import RegistrationsShown, status_lines, status_object
    from inbound.store.registrations.status import find_status, find_used
    from inbound.store.worker_policies import find_policies

    with open_database(settings, "scserv registrations") as connection:
        shown = RegistrationsShown(
            find_status(connection),
            find_used(connection),
            find_policies(connection),
            settings.policies,
        )
    if as_json:
        echo_json(status_object(shown))
    else:
        echo(*status_lines(shown, settings.time_zone))


@registrations.command("list")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Requests to show.",
)
@click.option("--reveal", metavar="REASON", help="Show full numbers; recorded in the audit.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def list_held(settings: Settings, limit: int, reveal: str | None, *, as_json: bool) -> None:
    """Show held requests, the oldest first."""
    from inbound.cli._registrations_view import held_line, held_object
    from inbound.store.registrations import status

    why = None if reveal is None else checked_reason(reveal, "--reveal")
    cipher = make_cipher(settings)
    with open_database(settings, "scserv registrations", unseals=True) as connection:
        held = status.list_held(connection, limit + 1)
        shown = held[:limit]
        numbers = _numbers(connection, cipher, shown, why)
        off = status.find_status(connection).off
    for one in shown:
        number = numbers.get(one.subject_id, _ERASED)
        if as_json:
            echo_json(held_object(one, number))
        else:
            echo(held_line(one, number, settings.time_zone))
    if as_json:
        return
    if off:
        echo("registrations are switched off: see `scserv registrations status`", err=True)
    if not held:
        echo("no request is held")
    elif len(held) > limit:
        echo(f"more are held: use --limit {2 * limit}", err=True)


@registrations.command("release")
@click.argument("request_ids", metavar="[REQUEST]...", nargs=-1, type=click.UUID)
@click.option("--all", "all_", is_flag=True, help="All that are held now.")
@reason_option
@settings_options
def release(settings: Settings, request_ids: tuple[UUID, ...], reason: str, *, all_: bool) -> None:
    """Send the registration data of held requests. They don't count towards the ceilings.

    Exit status 1 when a given request is not held.
    """
    _end(settings, request_ids, reason, all_=all_, released=True)


@registrations.command("refuse")
@click.argument("request_ids", metavar="[REQUEST]...", nargs=-1, type=click.UUID)
@click.option("--all", "all_", is_flag=True, help="All that are held now.")
@reason_option
@settings_options
def refuse(settings: Settings, request_ids: tuple[UUID, ...], reason: str, *, all_: bool) -> None:
    """Refuse held requests: clients get the text [registration_refused] of the templates.

    Exit status 1 when a given request is not held.
    """
    _end(settings, request_ids, reason, all_=all_, released=False)


@registrations.command("off")
@reason_option
@settings_options
def off(settings: Settings, reason: str) -> None:
    """Hold (or refuse, by the policy registrations_off) every request from now on."""
    _switch(settings, reason, off=True)


@registrations.command("on")
@reason_option
@settings_options
def on(settings: Settings, reason: str) -> None:
    """Send registrations again, up to the ceilings. Held requests stay held."""
    _switch(settings, reason, off=False)


def _switch(settings: Settings, reason: str, *, off: bool) -> None:
    from inbound.store.registrations.status import set_switch

    name, why = operator(reason)
    with open_database(settings, "scserv registrations") as connection:
        changed = set_switch(connection, off=off, actor=name, reason=why)
    state = "off" if off else "on"
    echo(f"registrations are {state}" if changed else f"registrations were {state} already")


def _end(
    settings: Settings, request_ids: tuple[UUID, ...], reason: str, *, all_: bool, released: bool
) -> None:
    if all_ == bool(request_ids):
        raise SetupError("name the requests, or give --all")
    who = Operator(*operator(reason))
    check_database(settings)
    wanted = tuple(dict.fromkeys(request_ids))
    ended = asyncio.run(_end_holds(settings, wanted, who, released=released))
    done = "released" if released else "refused"
    echo(f"{done}: {counted(ended, 'request')}")
    if ended < len(wanted):
        echo(f"not held: {counted(len(wanted) - ended, 'request')}", err=True)
        click.get_current_context().exit(1)


async def _end_holds(
    settings: Settings, request_ids: tuple[UUID, ...], who: Operator, *, released: bool
) -> int:
    from inbound.registrations.holds import Holds, HoldSettings
    from inbound.store.transactions.postgres import PostgresStore
    from schemas.topics import TopicNames

    url = settings.database_url.get_secret_value()
    store = PostgresStore(url, make_cipher(settings), application_name="scserv registrations")
    valid_for = timedelta(seconds=settings.policies.reply_valid_for_s)
    names = TopicNames.prefixed(settings.topic_prefix)
    holds = Holds(store, HoldSettings(names, valid_for), clock=utc_now)
    end = holds.release if released else holds.refuse
    ended = 0
    try:
        if request_ids:
            for selection in _named(request_ids):
                ended += await end(selection, who)
        else:
            everything = _until_now()
            while count := await end(everything, who):
                ended += count
    finally:
        await store.close()
    return ended


def _named(request_ids: tuple[UUID, ...]) -> Iterator["HoldSelection"]:
    from inbound.store.registrations.rows import HoldSelection

    for start in range(0, len(request_ids), _BATCH):
        yield HoldSelection(request_ids=request_ids[start : start + _BATCH])


def _until_now() -> "HoldSelection":
    """Return all that is held now; what is held later was not seen by the operator."""
    from inbound.store.registrations.rows import HoldSelection

    return HoldSelection(made_by=utc_now(), limit=_BATCH)


def _numbers(
    connection: "psycopg.Connection",
    cipher: "VaultCipher",
    held: list["HeldRegistration"],
    reveal: str | None,
) -> Mapping[UUID, str]:
    """Return the numbers, masked unless they are revealed: then each has its audit entry first."""
    from inbound.store.access import audit
    from inbound.store.people.subjects import numbers_of
    from inbound.store.sealing import Sealer

    subject_ids = list(dict.fromkeys(one.subject_id for one in held))
    numbers = numbers_of(connection, Sealer(cipher), subject_ids)
    if reveal is None:
        return {subject_id: mask(number) for subject_id, number in numbers.items()}
    user = os_user()
    audit.record_all(
        connection, [audit.NewAuditEntry(user, "reveal", reveal, each) for each in numbers]
    )
    return numbers
