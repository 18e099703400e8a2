"""`scserv users`: who may sign in at the desk, and what for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import click

from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._format import counted
from inbound.cli._os_user import os_user
from inbound.cli._times import local
from inbound.clock import utc_now
from inbound.desk.identity import users as desk_users
from inbound.desk.identity.passwords import PasswordError, check_password, hash_password
from inbound.desk.identity.users import AuditStamp, check_name, new_password
from inbound.desk.provider.binding import assign
from inbound.desk.provider.claims import normal_login
from inbound.desk.roles import Role
from inbound.errors import MissingSettingError, SetupError
from inbound.settings import Settings
from inbound.settings.smpp import read_value
from inbound.startup import index_key_of
from inbound.store.access.desk_users import ListedUser, list_users
from inbound.terminal import echo, echo_json

Command = TypeVar("Command", bound=Callable[..., Any])

_APPLICATION: Final = "scserv users"

_role_option = click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What they may do; can be repeated. "
    + "; ".join(f"{role.value}: {role.meaning}" for role in Role),
)
_password_option = click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the password; without one it is made and printed once.",
)


@click.group
def users() -> None:
    """Manage the people who sign in at the desk: passwords, roles, sessions."""


@users.command
@click.argument("name")
@_role_option
@_password_option
@settings_options
def create(
    settings: Settings, name: str, roles: tuple[str, ...], password_file: Path | None
) -> None:
    """Create the user NAME and print their password, unless a file has it."""
    password = _password(check_name(name), password_file)
    with open_database(settings, _APPLICATION) as connection:
        desk_users.create(
            connection,
            _change(),
            user_id=uuid4(),
            name=name,
            roles=[Role(role) for role in roles],
            password_hash=hash_password(password),
        )
    echo(f"{name} may sign in: {', '.join(dict.fromkeys(roles))}", err=True)
    _show(password, password_file)


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@settings_options
def list_(settings: Settings, *, as_json: bool) -> None:
    """Show every user: roles, whether they may sign in, and when they were last seen."""
    with open_database(settings, _APPLICATION) as connection:
        found = list_users(connection)
    for user in found:
        if as_json:
            echo_json(_as_object(user))
        else:
            echo(_line(user, settings.time_zone))
    if not found and not as_json:
        echo("no users yet; create one with `scserv users create NAME --role support`")


@users.command
@click.argument("name")
@settings_options
def disable(settings: Settings, name: str) -> None:
    """Keep the user NAME from signing in; their sessions end at once. Their name stays taken."""
    with open_database(settings, _APPLICATION) as connection:
        ended = desk_users.disable(connection, _change(), name)
    echo(f"disabled {name}; {counted(ended, 'session')} ended")


@users.command
@click.argument("name")
@settings_options
def enable(settings: Settings, name: str) -> None:
    """Let the disabled user NAME sign in again, with the password that they had."""
    with open_database(settings, _APPLICATION) as connection:
        is_changed = desk_users.enable(connection, _change(), name)
    echo(f"enabled {name}" if is_changed else f"{name} may sign in already")


@users.command
@click.argument("name")
@_role_option
@settings_options
def roles(settings: Settings, name: str, roles: tuple[str, ...]) -> None:
    """Give the user NAME these roles instead of theirs. They apply from the next page on."""
    granted = [Role(role) for role in roles]
    with open_database(settings, _APPLICATION) as connection:
        is_changed = desk_users.change_roles(connection, _change(), name, granted)
    named = ", ".join(dict.fromkeys(roles))
    echo(f"{name} is now: {named}" if is_changed else f"{name} has these roles already")


@users.command
@click.argument("name")
@_password_option
@settings_options
def password(settings: Settings, name: str, password_file: Path | None) -> None:
    """Give the user NAME a new password and print it; their sessions end at once.

    A user whose sign-in is throttled may try again at once.
    """
    new = _password(name, password_file)
    with open_database(settings, _APPLICATION) as connection:
        key = index_key_of(connection, settings)
        hashed = hash_password(new)
        ended = desk_users.reset_password(connection, _change(), name, hashed, key)
    echo(f"{name} has a new password; {counted(ended, 'session')} ended", err=True)
    _show(new, password_file)


@users.command
@click.argument("name")
@click.option("--login", help="What SCSERV_OIDC__USER_CLAIM has there, such as an e-mail address.")
@click.option("--subject", help="Their subject (sub) there, if it is known.")
@click.option("--none", "is_none", is_flag=True, help="They sign in with a password alone.")
@settings_options
def provider(
    settings: Settings, name: str, login: str | None, subject: str | None, *, is_none: bool
) -> None:
    """Say who the user NAME is at the OpenID provider; their sessions end at once.

    With a login the next sign-in there binds the user to the subject who has it.
    """
    if is_none is bool(login or subject):
        raise SetupError("say --login or --subject or both, or --none")
    if subject and not settings.oidc.issuer:
        raise MissingSettingError("SCSERV_OIDC__ISSUER")
    with open_database(settings, _APPLICATION) as connection:
        is_changed = assign(
            connection,
            _change(),
            name,
            login=normal_login(login, settings.oidc.user_claim) if login else None,
            issuer=settings.oidc.issuer if subject else None,
            subject=subject,
        )
    how = "with a password alone" if is_none else f"at the provider as {login or subject}"
    echo(f"{name} signs in {how}" if is_changed else f"{name} does so already")


@users.command("reset-second-factor")
@click.argument("name")
@settings_options
def reset_second_factor(settings: Settings, name: str) -> None:
    """Remove the second factor of the user NAME, who has lost it; their sessions end at once."""
    with open_database(settings, _APPLICATION) as connection:
        is_gone = desk_users.reset_factor(connection, _change(), name)
    echo(f"{name} signs in with the password alone" if is_gone else f"{name} has none")


def _change() -> AuditStamp:
    return AuditStamp(os_user(), utc_now())


def _password(name: str, file: Path | None) -> str:
    """Return the password of the file, or a new one. Raises SetupError."""
    if file is None:
        return new_password()
    given = read_value("--password-file", file)
    try:
        check_password(given, name)
    except PasswordError as error:
        raise SetupError(f"--password-file {file}: {error}") from None
    return given


def _show(password: str, file: Path | None) -> None:
    if file is None:
        echo("the password is not shown again:", err=True)
        echo(password)


def _state(user: ListedUser) -> str:
    return "disabled" if user.disabled_at else "active"


def _as_object(user: ListedUser) -> dict[str, object]:
    return {
        "name": user.name,
        "roles": user.roles,
        "state": _state(user),
        "created_at": user.created_at,
        "password_set_at": user.password_set_at,
        "disabled_at": user.disabled_at,
        "seen_at": user.seen_at,
        "sessions": user.sessions,
        "second_factor": user.has_factor,
        "provider_login": user.provider_login,
        "provider_subject": user.provider_subject,
    }


def _line(user: ListedUser, zone: str) -> str:
    if user.disabled_at:
        state = f"disabled {local(user.disabled_at, zone, seconds=False)}"
    else:
        seen = (
            f"last seen {local(user.seen_at, zone, seconds=False)}"
            if user.seen_at
            else "not signed in"
        )
        state = f"{seen}, {counted(user.sessions, 'session')}"
    return f"{user.name}  {', '.join(user.roles)}  {state}"
