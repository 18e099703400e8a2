"""`scserv tokens`: creates, lists and revokes tokens of the HTTP API."""

from datetime import datetime
from typing import Final

import click

from inbound.api.token_records import (
    NAME,
    create_token,
    grants,
    make_token,
    revoke_by_name,
    state_of,
)
from inbound.api.tokens import Scope, parse_duration
from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._os_user import os_user
from inbound.cli._times import local
from inbound.clock import utc_now
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.store.access.api_tokens import DEFAULT_ACCOUNT, ListedToken, list_tokens
from inbound.terminal import echo, echo_json

_APPLICATION: Final = "scserv tokens"


@click.group
def tokens() -> None:
    """Create, list and revoke tokens of the HTTP API."""


@tokens.command
@click.option("--name", required=True, help="Name of the caller, for log and audit.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it allows; can be repeated.",
)
@click.option(
    "--expires", default="90d", show_default=True, metavar="WHEN", help="90d, 12h, 30m, or never."
)
@click.option(
    "--account",
    metavar="NAME",
    default=DEFAULT_ACCOUNT,
    show_default=True,
    help="Account for which a token with the scope send orders messages.",
)
@settings_options
def create(
    settings: Settings, name: str, scopes: tuple[str, ...], expires: str, account: str
) -> None:
    """Create a token and print it once: the database keeps only its hash."""
    if not NAME.fullmatch(name):
        raise SetupError(
            "--name: use up to 64 letters, digits, dots and dashes, and no phone number"
        )
    now = utc_now()
    granted = list(dict.fromkeys(scopes))
    if account != DEFAULT_ACCOUNT and Scope.SEND.value not in granted:
        raise SetupError("--account: only a token that sends has one; add --scope send")
    expires_at = _expiry(expires, now)
    token, new = make_token(name, granted, now, expires_at, account)
    with open_database(settings, _APPLICATION) as connection:
        create_token(connection, new, actor=os_user())
    until = f"until {_time(new.expires_at, settings.time_zone)}" if new.expires_at else "for ever"
    echo(f"{name}: {grants(new)}, valid {until}; it is not shown again", err=True)
    echo(token)


@tokens.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def list_(settings: Settings, *, as_json: bool) -> None:
    """Show every token: name, scopes, whether it is valid, last use."""
    with open_database(settings, _APPLICATION) as connection:
        found = list_tokens(connection)
    now = utc_now()
    for token in found:
        if as_json:
            echo_json({**_as_object(token), "state": state_of(token, now)})
        else:
            echo(_line(token, now, settings.time_zone))
    if not found and not as_json:
        echo("no tokens yet; create one with `scserv tokens create`")


@tokens.command
@click.argument("name")
@settings_options
def revoke(settings: Settings, name: str) -> None:
    """Revoke the token NAME at once."""
    with open_database(settings, _APPLICATION) as connection:
        revoke_by_name(connection, name, utc_now(), actor=os_user())
    echo(f"revoked {name}")


def _expiry(expires: str, now: datetime) -> datetime | None:
    if expires == "never":
        return None
    try:
        return now + parse_duration(expires)
    except (ValueError, OverflowError) as error:
        raise SetupError(f"--expires: {error}, or never") from error


def _as_object(token: ListedToken) -> dict[str, object]:
    return {
        "name": token.name,
        "scopes": token.scopes,
        "account": token.account,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
    }


def _line(token: ListedToken, now: datetime, zone: str) -> str:
    match state_of(token, now):
        case "revoked":
            state = f"revoked {_time(token.revoked_at, zone)}"
        case "expired":
            state = f"expired {_time(token.expires_at, zone)}"
        case _:
            state = (
                f"valid until {_time(token.expires_at, zone)}"
                if token.expires_at
                else "valid for ever"
            )
    used = f"last used {_time(token.last_used_at, zone)}" if token.last_used_at else "never used"
    return f"{token.name}  {grants(token)}  {state}, {used}"


def _time(moment: datetime | None, zone: str) -> str:
    return local(moment, zone, seconds=False) if moment else "-"
