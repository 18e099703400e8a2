"""`scserv callbacks`: the URLs of accounts that are called when a message has ended."""

from dataclasses import asdict
from typing import Final
from uuid import UUID

import click
import psycopg

from inbound.api.tokens import parse_duration
from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._format import counted
from inbound.cli._os_user import os_user
from inbound.cli._times import local
from inbound.clock import utc_now
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher
from inbound.store.callbacks import callbacks as stored
from inbound.store.callbacks import url_changes
from inbound.store.callbacks.callbacks import CallbackUrl, DeadCallback, ListedUrl
from inbound.store.sealing import Sealer
from inbound.terminal import echo, echo_json

_APPLICATION: Final = "scserv callbacks"
_NO_URL: Final = "account {} has no URL; `scserv callbacks list` shows those that have"


@click.group
def callbacks() -> None:
    """Set the URL of an account that is called when its messages have ended."""


@callbacks.command("set")
@click.argument("account")
@click.argument("url")
@click.option("--commands", is_flag=True, help="Tell it about commands of clients, too.")
@click.option(
    "--allow-private",
    is_flag=True,
    help="Let the URL lead into private networks, and be http://.",
)
@click.option(
    "--form",
    type=click.Choice([stored.SCSERV, stored.SMSC]),
    default=stored.SCSERV,
    show_default=True,
    help="smsc: for programs that take the calls of SMSC.",
)
@settings_options
def set_(
    settings: Settings, account: str, *, url: str, commands: bool, allow_private: bool, form: str
) -> None:
    """Have URL (https://example.org/sms) called for ACCOUNT; print the signing secret, once.

    Setting it again makes a new secret; calls that wait go to the new URL, in the new form. The
    calls are signed, so the URL needs no secret of its own; it is stored and listed as it is. In
    the form of SMSC, calls are made only for messages that came over its interfaces or SMPP, and
    for texts of phones; waiting calls that it can't express become dead.
    """
    if commands and form == stored.SMSC:
        raise SetupError("--commands: SMSC's form has no calls about commands of clients")
    from inbound.callbacks.posting import check_url
    from inbound.callbacks.signing import new_secret, secret_context

    checked = check_url(url, private_allowed=allow_private)
    check_database(settings)  # the secret is sealed with these keys
    secret = new_secret()
    sealed = Sealer(make_cipher(settings)).seal(secret.encode(), secret_context(account))
    with open_database(settings, _APPLICATION) as connection:
        before = stored.list_urls(connection, account)
        try:
            url_changes.set_url(
                connection,
                CallbackUrl(account, checked, sealed, commands, allow_private, form),
                actor=os_user(),
            )
        except url_changes.NoAccountError:
            raise SetupError(
                f"ACCOUNT: there is no account {account}; `scserv accounts list` shows the accounts"
            ) from None
    echo(f"{account}: the URL is set; the secret is not shown again", err=True)
    if before and before[0].form != form and before[0].waiting:
        echo(_of_changed_form(before[0], form), err=True)
    echo(secret)


def _of_changed_form(before: ListedUrl, form: str) -> str:
    """Say what happens to waiting calls when an account is called in another form."""
    waiting = before.waiting
    said = f"{counted(waiting, 'call')} that {'waits is' if waiting == 1 else 'wait are'} made"
    if form != stored.SMSC:
        return f"{said} in the new form"
    return (
        f"{said} in SMSC's form; those that it can't express are given up: messages that came "
        f"neither over SMSC's interfaces nor by SMPP, and commands. `scserv callbacks dead "
        f"{before.account}` shows them; they can be made again in the old form"
    )


@callbacks.command
@click.argument("account")
@click.option(
    "--overlap",
    default="1d",
    show_default=True,
    metavar="TIME",
    help="For how long calls are signed with the old secret, too: 30m, 12h, 7d.",
)
@settings_options
def rotate(settings: Settings, account: str, overlap: str) -> None:
    """Make a new signing secret for the URL of ACCOUNT, and print it, once.

    Until the overlap is over each call has two signatures, by the new secret and the old one, so
    that the receiver can change to the new one without missing a call.
    """
    from inbound.callbacks.signing import new_secret, secret_context

    try:
        until = utc_now() + parse_duration(overlap)
    except ValueError as error:
        raise SetupError(f"--overlap: {error}") from None
    check_database(settings)  # the secret is sealed with these keys
    secret = new_secret()
    sealed = Sealer(make_cipher(settings)).seal(secret.encode(), secret_context(account))
    with open_database(settings, _APPLICATION) as connection:
        try:
            url_changes.rotate_secret(connection, account, sealed, until, actor=os_user())
        except url_changes.NoUrlError:
            raise SetupError(_NO_URL.format(account)) from None
    ends = local(until, settings.time_zone, seconds=False)
    echo(
        f"{account}: calls are signed with the old secret, too, until {ends}; "
        "the new one is not shown again",
        err=True,
    )
    echo(secret)


@callbacks.command
@click.argument("account")
@settings_options
def remove(settings: Settings, account: str) -> None:
    """Remove the URL of ACCOUNT, with the calls that wait."""
    with open_database(settings, _APPLICATION) as connection:
        try:
            url_changes.remove_url(connection, account, actor=os_user())
        except url_changes.NoUrlError:
            raise SetupError(_NO_URL.format(account)) from None
    echo(f"{account} is not called any more")


@callbacks.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def list_(settings: Settings, *, as_json: bool) -> None:
    """Show every URL, and how many calls wait or are dead."""
    with open_database(settings, _APPLICATION) as connection:
        found = stored.list_urls(connection)
    for one in found:
        if as_json:
            echo_json(_as_object(one))
        else:
            echo(_line(one, settings.time_zone))
    if not found and not as_json:
        echo("no account has a URL yet; set one with `scserv callbacks set`")


@callbacks.command
@click.argument("account")
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Calls at most, the oldest first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def dead(settings: Settings, account: str, *, limit: int, as_json: bool) -> None:
    """Show the dead calls of ACCOUNT: what each would have reported, and why it failed.

    A call is dead when it has failed for three days, or the receiver answered 410 Gone.
    """
    with open_database(settings, _APPLICATION) as connection:
        found = stored.list_dead(connection, account, limit)
        if not found:
            _require_url(connection, account)
    for one in found:
        if as_json:
            echo_json(asdict(one))
        else:
            echo(_dead_line(one, settings.time_zone))
    if not found and not as_json:
        echo(f"{account} has no dead calls")


@callbacks.command
@click.argument("account")
@click.option(
    "--id",
    "callback_ids",
    type=click.UUID,
    multiple=True,
    help="Only this one, as `dead` shows it; may be repeated.",
)
@settings_options
def retry(settings: Settings, account: str, *, callback_ids: tuple[UUID, ...]) -> None:
    """Make the dead calls of ACCOUNT again; `scserv callbacks dead` shows them."""
    with open_database(settings, _APPLICATION) as connection:
        count = url_changes.retry_dead(
            connection, account, utc_now(), callback_ids or None, actor=os_user()
        )
        if not count:
            _require_url(connection, account)
    echo(f"{count} {'call is' if count == 1 else 'calls are'} made again")


def _require_url(connection: psycopg.Connection, account: str) -> None:
    """Raise `SetupError` unless the account has a URL: its name may be mistyped."""
    if not stored.list_urls(connection, account):
        raise SetupError(_NO_URL.format(account))


def _as_object(one: ListedUrl) -> dict[str, object]:
    return {
        "account": one.account,
        "url": one.url,
        "commands": one.commands,
        "private_allowed": one.private_allowed,
        "form": one.form,
        "changed_at": one.changed_at,
        "previous_secret_until": one.previous_until,
        "waiting": one.waiting,
        "dead": one.dead,
        "error": one.error,
    }


def _dead_line(one: DeadCallback, zone: str) -> str:
    attempts = counted(one.attempts, "attempt")
    return (
        f"{one.callback_id}  {one.type} of {one.topic_id}, {local(one.told_at, zone)}: dead since "
        f"{local(one.dead_at, zone)} after {attempts}: {one.error}"
    )


def _line(one: ListedUrl, zone: str) -> str:
    wishes = [
        *(["commands"] if one.commands else []),
        *(["private addresses"] if one.private_allowed else []),
        *(["SMSC's form"] if one.form == stored.SMSC else []),
        *(
            [f"the old secret until {local(one.previous_until, zone, seconds=False)}"]
            if one.previous_until
            else []
        ),
    ]
    extra = f" ({', '.join(wishes)})" if wishes else ""
    error = f", last error: {one.error}" if one.error else ""
    since = local(one.changed_at, zone, seconds=False)
    counts = f"{one.waiting} waiting, {one.dead} dead"
    return f"{one.account}  {one.url}{extra}  since {since}: {counts}{error}"
