"""`scserv tokens`: creates, lists and revokes tokens of the HTTP API."""

import re
from datetime import datetime
from typing import Final
from uuid import uuid4

import click
import psycopg

from inbound.api.tokens import Scope, digest_of, new_token, parse_duration
from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._times import local
from inbound.cli.audit import os_user
from inbound.clock import utc_now
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.store.access.api_tokens import (
    DEFAULT_ACCOUNT,
    ListedToken,
    NewToken,
    add_token,
    has_account,
    list_tokens,
    revoke_token,
)
from inbound.store.access.audit import record
from inbound.store.connections import raises_store_errors
from inbound.terminal import echo, echo_json

# Names are kept for ever in logs and in the audit, so they must not contain a phone number.
_NAME = re.compile(r"(?!.*[0-9]{7})[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


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
    if not _NAME.fullmatch(name):
        raise SetupError(
            "--name: use up to 64 letters, digits, dots and dashes, and no phone number"
        )
    now = utc_now()
    token = new_token()
    granted = list(dict.fromkeys(scopes))
    if account != DEFAULT_ACCOUNT and Scope.SEND.value not in granted:
        raise SetupError("--account: only a token that sends has one; add --scope send")
    expires_at = _expiry(expires, now)
    new = NewToken(uuid4(), name, digest_of(token), granted, now, expires_at, account)
    with open_database(settings, _APPLICATION) as connection:
        _add(connection, new)
    until = f"until {_time(new.expires_at, settings.time_zone)}" if new.expires_at else "for ever"
    echo(f"{name}: {_grants(new)}, valid {until}; it is not shown again", err=True)
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
            echo_json({**_as_object(token), "state": _state(token, now)})
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
        _revoke(connection, name, utc_now())
    echo(f"revoked {name}")


@raises_store_errors
def _add(connection: psycopg.Connection, new: NewToken) -> None:
    with connection.transaction():
        if not has_account(connection, new.account):
            raise SetupError(
                f"--account: there is no account {new.account!r}; create it with "
                "`scserv accounts create`"
            )
        if not add_token(connection, new):
            raise SetupError(
                f"a token {new.name!r} exists; revoke it first (`scserv tokens revoke {new.name}`) "
                "or choose another name"
            )
        reason = f"{new.name}: {_grants(new)}"
        record(connection, actor=os_user(), action="tokens.create", reason=reason)


@raises_store_errors
def _revoke(connection: psycopg.Connection, name: str, now: datetime) -> None:
    with connection.transaction():
        if not revoke_token(connection, name, now):
            # Does not repeat the argument, which may be the token itself.
            raise SetupError("no valid token has this name; `scserv tokens list` shows the names")
        record(connection, actor=os_user(), action="tokens.revoke", reason=name)


def _expiry(expires: str, now: datetime) -> datetime | None:
    if expires == "never":
        return None
    try:
        return now + parse_duration(expires)
    except (ValueError, OverflowError) as error:
        raise SetupError(f"--expires: {error}, or never") from error


def _state(token: ListedToken, now: datetime) -> str:
    if token.revoked_at:
        return "revoked"
    return "expired" if token.expires_at and token.expires_at <= now else "valid"


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
    match _state(token, now):
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
    return f"{token.name}  {_grants(token)}  {state}, {used}"


def _grants(token: NewToken | ListedToken) -> str:
    """Return the scopes, with the account for which a token may send."""
    of = f" (account {token.account})" if Scope.SEND.value in token.scopes else ""
    return f"{', '.join(token.scopes)}{of}"


def _time(moment: datetime | None, zone: str) -> str:
    return local(moment, zone, seconds=False) if moment else "-"
