"""Accounts as people manage them. The transaction of a change writes its audit entry, too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import psycopg

from inbound.clock import utc_now
from inbound.money import grouped
from inbound.store.access import audit
from inbound.store.connections import raises_store_errors
from inbound.store.orders.account_senders import AccountSender, list_senders
from inbound.store.orders.currencies import ExchangeRateMissingError, remember_currency
from inbound.store.orders.rows import Account, AccountMissingError, UsageKey, usage_keys
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "account_records")
_ADD_ACCOUNT: Final = _SQL["add_account"]
_CHANGE_ACCOUNT: Final = _SQL["change_account"]
_LOCK_ACCOUNT: Final = _SQL["lock_account"]
_LIST_ACCOUNTS: Final = _SQL["list_accounts"]
_LIST_USAGE: Final = _SQL["list_usage"]
_LIST_PERIODS: Final = _SQL["list_periods"]
_RECOUNT_USAGE: Final = _SQL["recount_usage"]
_FORGET_LATER_USAGE: Final = _SQL["forget_later_usage"]

SettingsChange = Callable[["AccountSettings"], "AccountSettings"]
"""A change that somebody makes to the settings of an account; it may raise."""

_AS_TEXT: Final = {True: "yes", False: "no", None: "none"}


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The settings of an account; None means no limit, or an unlimited balance."""

    enabled: bool = True
    rights: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    zone: str = "Europe/Moscow"
    day_limit: int | None = None
    week_limit: int | None = None
    month_limit: int | None = None
    min_delay_s: int | None = None
    repeat_within_s: int | None = None
    max_parts: int = 8
    patterns: tuple[str, ...] = ()
    rate_per_s: int | None = None
    price_per_part: Decimal | None = None
    currency: str = "RUB"
    balance: Decimal | None = None

    @property
    def parts_left(self) -> int | None:
        """For how many SMS parts the balance is enough; None if nothing is taken from one."""
        if self.balance is None or not self.price_per_part:
            return None
        return max(int(self.balance / self.price_per_part), 0)


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account with its senders."""

    account: str
    number: int
    created_at: datetime
    settings: AccountSettings
    senders: tuple[AccountSender, ...] = field(default=())


@raises_store_errors
def create_account(
    conn: psycopg.Connection, account: str, settings: AccountSettings, *, actor: str
) -> bool:
    """Create an account; False if there is one of this name. Blocks on the database."""
    with conn.transaction():
        if conn.execute(_ADD_ACCOUNT, _parameters(account, settings)).rowcount == 0:
            return False
        reason = f"{account}: {_differences(AccountSettings(), settings) or 'as it stands'}"
        audit.record_change(conn, actor, "accounts.create", reason)
    return True


@raises_store_errors
def change_account(
    conn: psycopg.Connection,
    account: str,
    change: SettingsChange,
    *,
    actor: str,
    now: datetime | None = None,
    exchange_rate: Decimal | None = None,
) -> bool:
    """Change an account; False if nothing changes. Orders that are being accepted come first.

    With another zone the orders of its current day, week and month are counted again, at `now`
    (default: the time of the clock). With another currency the one before is remembered until then;
    `exchange_rate` is what one unit of it is worth in the new one, by which later refunds are
    converted; `change` itself converts balance and price. Blocks on the database. Raises
    AccountMissingError, ExchangeRateMissingError, and what `change` raises.
    """
    at = now or utc_now()
    with conn.transaction():
        row = conn.execute(_LOCK_ACCOUNT, {"account": account}).fetchone()
        if row is None:
            raise AccountMissingError(account)
        before = _settings(row)
        after = change(before)
        if after == before:
            return False
        conn.execute(_CHANGE_ACCOUNT, _parameters(account, after))
        if after.zone != before.zone:
            _recount(conn, account, before.zone, after.zone, at)
        differences = _differences(before, after)
        if after.currency != before.currency:
            if before.balance is not None and exchange_rate is None:
                raise ExchangeRateMissingError(account)
            remember_currency(conn, account, before.currency, exchange_rate, at)
            if exchange_rate is not None:
                differences += f"; one {before.currency} is {exchange_rate:f} {after.currency}"
        audit.record_change(conn, actor, "accounts.change", f"{account}: {differences}")
    return True


@raises_store_errors
def list_accounts(conn: psycopg.Connection, account: str | None = None) -> list[AccountRecord]:
    """Return all accounts by name, or the one of this name, if it exists."""
    senders: dict[str, list[AccountSender]] = {}
    for sender in list_senders(conn, account):
        senders.setdefault(sender.account, []).append(sender)
    found = conn.execute(_LIST_ACCOUNTS, {"account": account}).fetchall()
    return [
        AccountRecord(name, number, created, _settings(rest), tuple(senders.get(name, ())))
        for name, number, created, *rest in found
    ]


@raises_store_errors
def find_usage_now(
    conn: psycopg.Connection, keys: tuple[UsageKey, UsageKey, UsageKey]
) -> dict[str, int]:
    """Return how many orders were accepted in the periods of these keys."""
    day, week, month = keys
    parameters = {"account": day.account, "periods": [day.period, week.period, month.period]}
    used: dict[str, int] = dict(conn.execute(_LIST_USAGE, parameters).fetchall())
    return {
        "day": used.get(day.period, 0),
        "week": used.get(week.period, 0),
        "month": used.get(month.period, 0),
    }


def usage_of(conn: psycopg.Connection, found: AccountRecord, now: datetime) -> dict[str, int]:
    """Return how many orders of an account were accepted in its `day`, `week` and `month`."""
    return find_usage_now(conn, usage_keys(Account(found.account, zone=found.settings.zone), now))


@raises_store_errors
def list_periods(
    conn: psycopg.Connection, account: str, kind: str, limit: int
) -> list[tuple[str, int]]:
    """Return the newest periods of a kind (`d`, `w` or `m`) with their accepted orders.

    A period without orders is not among them.
    """
    next_kind = chr(ord(kind) + 1)
    parameters = {"account": account, "kind": kind, "next_kind": next_kind, "limit": limit}
    found = conn.execute(_LIST_PERIODS, parameters).fetchall()
    return [(period.removeprefix(kind), used) for period, used in found]


def _recount(conn: psycopg.Connection, account: str, before: str, after: str, at: datetime) -> None:
    periods = {
        name: [key.period for key in usage_keys(Account(account, zone=zone), at)]
        for name, zone in (("before", before), ("after", after))
    }
    conn.execute(_RECOUNT_USAGE, {"account": account, "zone": after, "at": at, **periods})
    conn.execute(_FORGET_LATER_USAGE, {"account": account, "after": periods["after"]})


def _parameters(account: str, settings: AccountSettings) -> dict[str, Any]:
    values: dict[str, Any] = {one.name: getattr(settings, one.name) for one in fields(settings)}
    lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
    return {"account": account, **values, **lists}


def _settings(row: Sequence[Any]) -> AccountSettings:
    """Return the settings of a row, which has the columns in their order."""
    values: list[Any] = [tuple(one) if isinstance(one, list) else one for one in row]
    return AccountSettings(*values)


def _differences(before: AccountSettings, after: AccountSettings) -> str:
    """Return the differences as the audit records them."""
    return "; ".join(
        f"{one.name} {_shown(old)} -> {_shown(new)}"
        for one in fields(AccountSettings)
        if (old := getattr(before, one.name)) != (new := getattr(after, one.name))
    )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    if isinstance(value, bool) or value is None:
        return _AS_TEXT[value]
    return grouped(value) if isinstance(value, Decimal) else str(value)
