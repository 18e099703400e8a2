"""`scserv accounts senders`: the senders of accounts, and their approval."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click
from pydantic import TypeAdapter, ValidationError

from inbound.cli._context import service_settings_options
from inbound.cli._database import open_database
from inbound.cli._operator import checked_reason
from inbound.cli._os_user import os_user
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.terminal import echo, echo_json
from inbound.wording import both
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
    from inbound.store.orders import account_senders

    with open_database(settings, APPLICATION_NAME) as connection:
        if name is not None:
            find_account(connection, name)
        found = account_senders.list_senders(connection, name)
    found = [one for one in found if not waiting or one.approved_at is None]
    for one in found:
        if as_json:
            echo_json(sender_object(one))
        else:
            echo(sender_line(one, settings.time_zone))
    if not found and not as_json:
        none_waits = both("no sender waits for approval", "ни один отправитель не ждёт одобрения")
        echo(none_waits if waiting else both("no senders of their own", "своих отправителей нет"))


@senders.command("add")
@click.argument("name")
@click.argument("sender")
@service_settings_options
def add_sender(settings: Settings, name: str, sender: str) -> None:
    """Ask for SENDER: up to 11 Latin letters, digits and signs, or up to 15 digits."""
    from inbound.store.orders import account_senders

    checked = _checked_sender(sender)
    with open_database(settings, APPLICATION_NAME) as connection:
        added = of_account(
            name,
            lambda: account_senders.add_sender(connection, name, checked, actor=os_user()),
        )
    if not added:
        echo(
            both(
                "{name} has asked for {sender} already",
                "{sender} для {name} уже запрошен",
                name=name,
                sender=checked,
            )
        )
        return
    echo(
        both(
            "{sender} waits for approval: `scserv accounts senders approve {name} '{sender}'`",
            "{sender} ждёт одобрения: `scserv accounts senders approve {name} '{sender}'`",
            name=name,
            sender=checked,
        )
    )


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
    echo(
        both(
            "{sender} is approved for {name}{already}",
            "{sender} {already}одобрен для {name}",
            sender=checked,
            name=name,
            already="" if approved else both(" already", "уже "),
        )
    )


def _approve(
    connection: "psycopg.Connection", name: str, sender: str, *, reason: str, by: str
) -> bool:
    from inbound.store.orders import account_senders

    try:
        return account_senders.approve_sender(connection, name, sender, actor=by, reason=reason)
    except account_senders.SenderMissingError:
        raise SetupError(
            both(
                "SENDER: nobody has asked for {sender}; `scserv accounts senders add {name} "
                "'{sender}'` does",
                "SENDER: {sender} не запрашивали; запросите: `scserv accounts senders add {name} "
                "'{sender}'`",
                sender=sender,
                name=name,
            )
        ) from None
    except account_senders.SelfApprovalError:
        raise SetupError(
            both(
                "SENDER: {by} has asked for {sender}; somebody else has to approve it "
                "(SCSERV_SENDER_APPROVAL of the scheduler)",
                "SENDER: {sender} запросил {by}; одобрить должен другой человек "
                "(SCSERV_SENDER_APPROVAL у планировщика)",
                by=by,
                sender=sender,
            )
        ) from None


@senders.command("remove")
@click.argument("name")
@click.argument("sender")
@click.option("--reason", metavar="TEXT", help="Why; recorded for ever with your name.")
@service_settings_options
def remove_sender(settings: Settings, name: str, sender: str, reason: str | None) -> None:
    """Take SENDER from the account NAME, or turn its request down."""
    from inbound.store.orders import account_senders

    why = "" if reason is None else checked_reason(reason)
    with open_database(settings, APPLICATION_NAME) as connection:
        find_account(connection, name)
        if not account_senders.remove_sender(connection, name, sender, actor=os_user(), reason=why):
            raise SetupError(
                both(
                    "SENDER: the account {name} has none like it; `scserv accounts senders list "
                    "{name}` shows its senders",
                    "SENDER: у учётной записи {name} такого нет; её отправителей покажет "
                    "`scserv accounts senders list {name}`",
                    name=name,
                )
            )
    echo(both("removed {sender} from {name}", "{sender} убран у {name}", sender=sender, name=name))


def find_account(connection: "psycopg.Connection", name: str) -> "AccountRecord":
    """Return the account of this name. Raises SetupError."""
    from inbound.store.orders.account_records import list_accounts

    found = list_accounts(connection, name)
    if not found:
        raise _missing(name)
    return found[0]


def of_account(name: str, work: Callable[[], bool]) -> bool:
    """Do something to an account. Raises SetupError if there is none of this name."""
    from inbound.store.orders.rows import AccountMissingError

    try:
        return work()
    except AccountMissingError:
        raise _missing(name) from None


def _missing(name: str) -> SetupError:
    return SetupError(
        both(
            "NAME: there is no account {name!r}; `scserv accounts list` shows the accounts",
            "NAME: учётной записи {name} нет; `scserv accounts list` покажет все",
            name=name,
        )
    )


def _checked_sender(sender: str) -> str:
    try:
        checked = _SENDER.validate_python(sender)
    except ValidationError:
        checked = ""
    if not checked or checked != checked.strip():
        raise SetupError(
            both(
                "SENDER: {sender!r} can't be shown by phones; use up to 11 Latin letters, digits "
                "and signs, or up to 15 digits",
                "SENDER: телефоны не покажут {sender}; допустимы до 11 латинских букв, цифр и "
                "знаков или до 15 цифр",
                sender=sender,
            )
        )
    return checked
