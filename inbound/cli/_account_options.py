"""The options of `scserv accounts create` and `change` for the settings of an account.

An option that isn't given changes nothing. `none` removes a limit.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, TypeVar

import click

from inbound.errors import SetupError
from inbound.money import money
from inbound.orders.account_rules import (
    CURRENCY,
    FASTEST,
    MOST_ADDRESSES,
    MOST_MONEY,
    MOST_ORDERS,
    MOST_PARTS,
    MOST_PATTERNS,
    PLACES,
    amount,
    exchange_rate,
    is_zone,
    seconds,
    whole_number,
)
from inbound.orders.addresses import NetworkAddressError, parse_network
from inbound.orders.patterns import PatternError, check_pattern
from inbound.store.orders.account_records import AccountSettings
from inbound.store.orders.rows import RIGHTS, SEND

Command = TypeVar("Command", bound=Callable[..., Any])

NONE: Final = "none"


class _NumberOrNone(click.ParamType):
    """A whole number from `least`, or `none`."""

    name = "number or none"

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 — as click has it
        """Return the number, or `NONE`."""
        if value == NONE or isinstance(value, int):
            return value
        number = whole_number(value, self._least, self._most)
        if number is None:
            self.fail(
                f"{value!r}: use a whole number from {self._least} to {self._most}, or none",
                param,
                ctx,
            )
        return number


class _DurationOrNone(click.ParamType):
    """A time like `30s`, `10m`, `2h` or `1d`, or `none`; in seconds."""

    name = "time or none"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 — as click has it
        """Return the seconds, or `NONE`."""
        if value == NONE or isinstance(value, int):
            return value
        found = seconds(value)
        if found is None:
            self.fail(f"{value!r}: use a time like 30s, 10m, 2h or 1d, or none", param, ctx)
        return found


class Money(click.ParamType):
    """An amount with up to four decimals, or a word for none."""

    name = "amount"

    def __init__(self, word: str | None) -> None:
        self._word = word

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 — as click has it
        """Return the amount, or `NONE` for the word."""
        if value == self._word or isinstance(value, Decimal):
            return NONE if value == self._word else value
        found = amount(value)
        if found is None:
            word = f", or {self._word}" if self._word else ""
            self.fail(
                f"{value!r}: use an amount like 2.50, with up to {PLACES} decimals and less than "
                f"{MOST_MONEY:,}{word}",
                param,
                ctx,
            )
        return found


class ExchangeRate(click.ParamType):
    """What one unit of a currency is worth in another: more than 0."""

    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 — as click has it
        """Return the rate."""
        found = exchange_rate(value) if isinstance(value, str) else value
        if found is None:
            self.fail(f"{value!r}: use a number above 0, such as 0.0105", param, ctx)
        return found


_ORDERS: Final = _NumberOrNone(0, MOST_ORDERS)
_OPTIONS: Final = (
    click.option(
        "--grant",
        multiple=True,
        type=click.Choice(RIGHTS),
        help="Give this right: send notifications, service messages, broadcasts, messages to "
        "strangers, who are not in the directory, place orders over kafka, or use channels such as "
        "e-mail. Repeatable.",
    ),
    click.option(
        "--address",
        "addresses",
        metavar="NETWORK",
        multiple=True,
        help="Take orders over the network from here only, such as 203.0.113.0/24. Repeatable; "
        "replaces the earlier ones.",
    ),
    click.option(
        "--pattern",
        "patterns",
        metavar="REGEX",
        multiple=True,
        help="Send only texts that match one of these as a whole; a dot matches a line break too. "
        "Repeatable; replaces the earlier ones.",
    ),
    click.option("--per-day", "day_limit", type=_ORDERS, help="Orders per day at most."),
    click.option("--per-week", "week_limit", type=_ORDERS, help="Orders per week, from Monday."),
    click.option("--per-month", "month_limit", type=_ORDERS, help="Orders per calendar month."),
    click.option("--zone", metavar="ZONE", help="Time zone of these days, like Europe/Moscow."),
    click.option(
        "--min-delay",
        "min_delay_s",
        type=_DurationOrNone(),
        help="Time between two messages to one person at least, such as 30s or 10m.",
    ),
    click.option(
        "--repeat-within",
        "repeat_within_s",
        type=_DurationOrNone(),
        help="Refuse the same text to one person within this time.",
    ),
    click.option(
        "--max-parts", type=click.IntRange(1, MOST_PARTS), help="SMS parts of a text at most."
    ),
    click.option(
        "--rate",
        "rate_per_s",
        type=_NumberOrNone(1, FASTEST),
        help="Messages a second at most; the rest waits.",
    ),
    click.option(
        "--price", "price_per_part", type=Money(NONE), help="Price of an SMS part, like 2.50."
    ),
    click.option("--currency", metavar="CODE", help="Three letters, such as RUB."),
    click.option("--balance", type=Money("unlimited"), help="What the account may spend."),
)


def account_options(command: Command) -> Command:
    """Add the options of an account; they are passed on by the names of `AccountSettings`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def apply_options(before: AccountSettings, options: dict[str, Any]) -> AccountSettings:
    """Return the settings with what the options say. Raises `SetupError`.

    With another currency the price and the balance are converted, unless they are given too.
    """
    values = {name: value for name, value in options.items() if value not in (None, ())}
    rate = values.pop("exchange_rate", None)
    top_up = values.pop("top_up", None)
    granted, revoked = values.pop("grant", ()), values.pop("revoke", ())
    if both := sorted(set(granted) & set(revoked)):
        raise SetupError(f"--grant and --revoke name {both[0]} both: give one of them")
    if values.pop("any_address", None):
        values["addresses"] = ()
    if values.pop("any_text", None):
        values["patterns"] = ()
    values = {name: None if value == NONE else value for name, value in values.items()}
    _check(values)
    rights = (*before.rights, *granted)
    values["rights"] = tuple(one for one in RIGHTS if one in rights and one not in revoked)
    after = _exchanged(before, replace(before, **values), frozenset(values), rate)
    return after if top_up is None else _topped_up(after, top_up)


def default_rights(options: dict[str, Any]) -> tuple[str, ...]:
    """Return the rights of a new account: notifications, unless it is told others."""
    return () if options["grant"] else (SEND,)


def _exchanged(
    before: AccountSettings, after: AccountSettings, given: frozenset[str], rate: Decimal | None
) -> AccountSettings:
    old, new = before.currency, after.currency
    if old == new:
        if rate is not None:
            raise SetupError("--exchange-rate: only with another --currency")
        return after
    held = {
        "balance": before.balance,
        "price": None if "price_per_part" in given else before.price_per_part,
    }
    amounts = [f"a {of} of {money(one, old)}" for of, one in held.items() if one is not None]
    if rate is None:
        if amounts:
            raise SetupError(
                f"--currency {new}: the account has {' and '.join(amounts)}; say what one {old} is "
                f"worth in {new} with --exchange-rate"
            )
        return after
    converted: dict[str, Any] = {
        name: None if amount is None else round(amount * rate, PLACES)
        for name, amount in (("balance", before.balance), ("price_per_part", before.price_per_part))
        if name not in given
    }
    return replace(after, **converted)


def _topped_up(settings: AccountSettings, amount: Decimal) -> AccountSettings:
    if settings.balance is None:
        raise SetupError("--top-up: the balance is unlimited; set one with --balance AMOUNT")
    if settings.balance + amount >= MOST_MONEY:
        raise SetupError(f"--top-up: the balance has to stay below {MOST_MONEY:,}")
    return replace(settings, balance=settings.balance + amount)


def _check(values: dict[str, Any]) -> None:
    if "addresses" in values:
        values["addresses"] = _networks(values["addresses"])
    for pattern in values.get("patterns", ()):
        try:
            check_pattern(pattern)
        except PatternError as error:
            raise SetupError(f"--pattern {pattern}: {error}") from error
    if len(values.get("patterns", ())) > MOST_PATTERNS:
        raise SetupError(f"--pattern: an account has up to {MOST_PATTERNS}; join some with |")
    if "zone" in values and not is_zone(values["zone"]):
        raise SetupError(
            f"--zone {values['zone']}: no such time zone; use an IANA name like Europe/Moscow"
        )
    if not CURRENCY.fullmatch(values.get("currency", "RUB")):
        raise SetupError(f"--currency {values['currency']}: use three letters, such as RUB")


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        found = tuple(dict.fromkeys(map(parse_network, texts)))
    except NetworkAddressError as error:
        raise SetupError(f"--address: {error}") from error
    if len(found) > MOST_ADDRESSES:
        raise SetupError(f"--address: an account has up to {MOST_ADDRESSES}; name networks")
    return found
