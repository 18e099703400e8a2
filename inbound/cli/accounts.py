"""`scserv accounts`: the accounts by which programs and people have messages sent."""

import re
from dataclasses import asdict
from typing import Any, Final

import click
from pydantic import TypeAdapter, ValidationError

from inbound.cli._account_credentials import credentials, make_credentials
from inbound.cli._account_options import (
    ExchangeRate,
    Money,
    account_options,
    apply_options,
    default_rights,
)
from inbound.cli._account_senders import APPLICATION_NAME, find_account, of_account, senders
from inbound.cli._account_texts import texts
from inbound.cli._context import service_settings_options
from inbound.cli._database import open_database
from inbound.cli._language import speak_both
from inbound.cli._os_user import os_user
from inbound.clock import utc_now
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.store.orders.rows import RIGHTS
from inbound.terminal import echo, echo_json
from inbound.wording import Bilingual, both
from schemas.orders import AccountName

_ACCOUNT: Final[TypeAdapter[str]] = TypeAdapter(AccountName)
# Names are kept for ever in events and in the audit, so they must not hold a phone number.
_LIKE_A_NUMBER: Final = re.compile("[0-9]{7}")


@click.group
def accounts() -> None:
    """Manage the accounts that have messages sent: rights, senders, limits, balance."""


accounts.add_command(senders)
accounts.add_command(credentials)
accounts.add_command(texts)


@accounts.command
@click.argument("name")
@account_options
@click.option("--json", "as_json", is_flag=True, help="Also make credentials, and print them once.")
@service_settings_options
def create(settings: Settings, name: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Create the account NAME. Without --grant it may send notifications."""
    from inbound.store.orders.account_records import AccountSettings, create_account

    account = _new_name(name)
    chosen = apply_options(AccountSettings(rights=default_rights(options)), options)
    with open_database(settings, APPLICATION_NAME) as connection:
        if not create_account(connection, account, chosen, actor=os_user()):
            raise SetupError(
                both(
                    "NAME: an account {name} exists; change it with `scserv accounts change "
                    "{name}`, or choose another name",
                    "NAME: учётная запись {name} уже есть; измените её: `scserv accounts change "
                    "{name}` — или выберите другое имя",
                    name=account,
                )
            )
        if as_json:
            made = make_credentials(settings, connection, account)
            echo_json({"account": account, **asdict(made)})
            return
    rights = ", ".join(chosen.rights) or both("none", "нет")
    echo(
        both(
            "created {name}, rights: {rights}",
            "создана {name}, права: {rights}",
            name=account,
            rights=rights,
        )
    )


@accounts.command
@click.argument("name")
@account_options
@click.option("--revoke", multiple=True, type=click.Choice(RIGHTS), help="Take this right away.")
@click.option("--any-address", is_flag=True, help="Take orders from every address.")
@click.option("--any-text", is_flag=True, help="Take texts that match no pattern.")
@click.option("--top-up", type=Money(None), help="Add this to the balance.")
@click.option(
    "--exchange-rate",
    type=ExchangeRate(),
    help="With another --currency: what one unit of the old one is worth in it, such as 0.0105. "
    "Balance and price are converted, unless they are given too.",
)
@click.option("--enable/--disable", "enabled", default=None, help="Take orders, or none.")
@service_settings_options
def change(settings: Settings, name: str, **options: Any) -> None:  # noqa: ANN401
    """Change the given settings of the account NAME. They apply from the next order on."""
    from inbound.store.orders.account_records import change_account

    _refuse_both(options, "addresses", "any_address", "--address and --any-address")
    _refuse_both(options, "patterns", "any_text", "--pattern and --any-text")
    _refuse_both(options, "balance", "top_up", "--balance and --top-up")
    # By identity: a limit or balance of 0 equals False.
    is_given = [v is not None and v is not False and v != () for v in options.values()]
    if not any(is_given) and options["enabled"] is None:
        raise SetupError(
            both(
                "say what to change; `scserv accounts change --help` lists the options",
                "укажите, что изменить; опции перечислит `scserv accounts change --help`",
            )
        )
    with open_database(settings, APPLICATION_NAME) as connection:
        changed = of_account(
            name,
            lambda: change_account(
                connection,
                name,
                lambda before: apply_options(before, options),
                actor=os_user(),
                exchange_rate=options["exchange_rate"],
            ),
        )
    done = both("changed {name}", "изменена {name}", name=name)
    echo(done if changed else both("{name} is like that already", "{name} уже такая", name=name))


@accounts.command
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@service_settings_options
def show(settings: Settings, name: str, *, as_json: bool) -> None:
    """Show the account NAME: its rights, senders, limits and what it used of them."""
    from inbound.cli._accounts_view import account_lines, account_object
    from inbound.store.orders.account_records import usage_of

    now = utc_now()
    with open_database(settings, APPLICATION_NAME) as connection:
        found = find_account(connection, name)
        used = usage_of(connection, found, now)
    if as_json:
        echo_json(account_object(found, used))
    else:
        echo(*account_lines(found, used, settings.sender, settings.time_zone))


@accounts.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@service_settings_options
def list_(settings: Settings, *, as_json: bool) -> None:
    """Show every account in a line."""
    from inbound.cli._accounts_view import account_line, account_object
    from inbound.store.orders.account_records import list_accounts, usage_of

    now = utc_now()
    with open_database(settings, APPLICATION_NAME) as connection:
        for found in list_accounts(connection):
            if as_json:
                echo_json(account_object(found, usage_of(connection, found, now)))
            else:
                echo(account_line(found))


def _new_name(name: str) -> str:
    try:
        account = _ACCOUNT.validate_python(name)
    except ValidationError:
        account = ""
    if not account or _LIKE_A_NUMBER.search(account):
        raise SetupError(
            both(
                "NAME: {name!r} can't name an account; use up to 40 small Latin letters, digits, "
                "dots and dashes, and no phone number",
                "NAME: {name} не подходит как имя учётной записи; допустимы до 40 строчных "
                "латинских букв, цифр, точек и дефисов, но не номер телефона",
                name=name,
            )
        )
    return account


def _refuse_both(options: dict[str, Any], one: str, other: str, named: str) -> None:
    if options[one] not in (None, ()) and options[other] not in (None, False, ()):
        raise SetupError(
            both(
                "{named} exclude each other: give one of them",
                "{named}: укажите только одно из них",
                named=Bilingual(named, named.replace(" and ", ", ")),
            )
        )


speak_both([accounts])
