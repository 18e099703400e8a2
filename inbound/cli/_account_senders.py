"""`scserv accounts senders`: the senders of accounts, and their approval."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click
from pydantic import TypeAdapter, ValidationError

from inbound.cli._context import service_settings_options
from inbound.cli._database import open_database
from inbound.cli._operator import checked_reason
from inbound.cli.audit import os_user
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.terminal import echo, echo_json
from schemas.orders import SenderName

if TYPE_CHECKING:
    import psycopg

    from inbound.store.orders.account_records import AccountRecord

APPLICATION_NAME: Final = "scserv accounts"

_SENDER: Final[TypeAdapter[str]] = TypeAdapter(SenderName)


@click.group
def senders() -> None:
    """Senders of accounts: asked for, and used once a person has approved them."""


@senders.command("list")
@click.argument("name", required=False)
@click.option("--waiting", is_flag=True, help="Only those that wait for approval.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@service_settings_options
def list_senders(settings: Settings, name: str | None, *, waiting: bool, as_json: bool) -> None:
    """Show the senders of the account NAME, or of all accounts."""
    from inbound.cli._accounts_view import sender_line, sender_object
    from inbound.store.orders import account_records

    with open_database(settings, APPLICATION_NAME) as connection:
        if name is not None:
            find_account(connection, name)
        found = account_records.list_senders(connection, name)
    found = [one for one in found if not waiting or one.approved_at is None]
    for one in found:
        if as_json:
            echo_json(sender_object(one))
        else:
            echo(sender_line(one, settings.time_zone))
    if not found and not as_json:
        echo("no sender waits for approval" if waiting else "no senders of their own")


@senders.command("add")
@click.argument("name")
@click.argument("sender")
@service_settings_options
def add_sender(settings: Settings, name: str, sender: str) -> None:
    """Ask for SENDER: up to 11 Latin letters, digits and signs, or up to 15 digits."""
    from inbound.store.orders import account_records

    checked = _checked_sender(sender)
    with open_database(settings, APPLICATION_NAME) as connection:
        added = of_account(
            name,
            lambda: account_records.add_sender(connection, name, checked, actor=os_user()),
        )
    if not added:
        echo(f"{name} has asked for {checked} already")
        return
    echo(f"{checked} waits for approval: `scserv accounts senders approve {name} '{checked}'`")


@senders.command("approve")
@click.argument("name")
@click.argument("sender")
@click.option("--reason", metavar="TEXT", help="Why; recorded for ever with your name.")
@service_settings_options
def approve_sender(settings: Settings, name: str, sender: str, reason: str | None) -> None:
    """Approve SENDER, which somebody has asked for. Your name and the time are recorded.

    Another person than the one who asked has to do it, once two people work with the service.
    """
    checked = _checked_sender(sender)
    why = "" if reason is None else checked_reason(reason)
    with open_database(settings, APPLICATION_NAME) as connection:
        approved = of_account(
            name, lambda: _approve(connection, name, checked, reason=why, by=os_user())
        )
    echo(f"{checked} is approved for {name}" + ("" if approved else " already"))


def _approve(
    connection: "psycopg.Connection", name: str, sender: str, *, reason: str, by: str
) -> bool:
    from inbound.store.orders import account_records

    try:
        return account_records.approve_sender(connection, name, sender, actor=by, reason=reason)
    except account_records.SenderMissingError:
        raise SetupError(
            f"SENDER: nobody has asked for {sender}; `scserv accounts senders add {name} "
            f"'{sender}'` does"
        ) from None
    except account_records.SelfApprovalError:
        raise SetupError(
            f"SENDER: {by} has asked for {sender}; somebody else has to approve it "
            "(SCSERV_SENDER_APPROVAL of the scheduler)"
        ) from None


@senders.command("remove")
@click.argument("name")
@click.argument("sender")
@click.option("--reason", metavar="TEXT", help="Why; recorded for ever with your name.")
@service_settings_options
def remove_sender(settings: Settings, name: str, sender: str, reason: str | None) -> None:
    """Take SENDER from the account NAME, or turn its request down."""
    from inbound.store.orders import account_records

    why = "" if reason is None else checked_reason(reason)
    with open_database(settings, APPLICATION_NAME) as connection:
        find_account(connection, name)
        if not account_records.remove_sender(connection, name, sender, actor=os_user(), reason=why):
            raise SetupError(
                f"SENDER: the account {name} has none like it; "
                f"`scserv accounts senders list {name}` shows its senders"
            )
    echo(f"removed {sender} from {name}")


def find_account(connection: "psycopg.Connection", name: str) -> "AccountRecord":
    """Return the account of this name. Raises SetupError."""
    from inbound.store.orders.account_records import list_accounts

    found = list_accounts(connection, name)
    if not found:
        raise _missing(name)
    return found[0]


def of_account(name: str, work: Callable[[], bool]) -> bool:
    """Do something to an account. Raises SetupError if there is none of this name."""
    from inbound.store.orders.account_records import AccountMissingError

    try:
        return work()
    except AccountMissingError:
        raise _missing(name) from None


def _missing(name: str) -> SetupError:
    return SetupError(
        f"NAME: there is no account {name!r}; `scserv accounts list` shows the accounts"
    )


def _checked_sender(sender: str) -> str:
    try:
        checked = _SENDER.validate_python(sender)
    except ValidationError:
        checked = ""
    if not checked or checked != checked.strip():
        raise SetupError(
            f"SENDER: {sender!r} can't be shown by phones; use up to 11 Latin letters, digits and "
            "signs, or up to 15 digits"
        )
    return checked
