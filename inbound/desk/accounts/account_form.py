"""The form of an account's settings: what it shows, and what was typed in it.

Pure. The balance is not part of it: it changes with every order, so a form that was opened a moment
ago would undo what was spent since then.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from inbound.desk.words import Phrase, Sayable, grouped_number
from inbound.money import amount_text
from inbound.orders import account_rules as rules
from inbound.orders.addresses import NetworkAddressError, parse_network
from inbound.orders.patterns import PatternError, check_pattern
from inbound.store.orders.account_records import AccountSettings
from inbound.store.orders.rows import BROADCASTS, KAFKA, RIGHTS, SEND, SERVICE, STRANGERS

RIGHT_WORDS: Final[Mapping[str, str]] = {
    SEND: "Send notifications.",
    SERVICE: "Send service messages, such as one-time codes, which ignore the opt-out.",
    BROADCASTS: "Send broadcasts.",
    STRANGERS: "Send to people who are not in the directory.",
    KAFKA: "Place orders through Kafka.",
}
_LIMITS: Final = ("day_limit", "week_limit", "month_limit")
_TIMES: Final = ("min_delay_s", "repeat_within_s")


MOST_MONEY: Final = grouped_number(int(rules.MOST_MONEY))


class FormError(ValueError):
    """Fields that can't be set as typed: by name, what is wrong with each."""

    def __init__(self, problems: Mapping[str, Sayable]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


def fields_of(settings: AccountSettings) -> dict[str, str]:
    """Return the fields that show these settings."""
    fields = {f"right-{right}": "1" for right in settings.rights}
    fields |= {name: _text(getattr(settings, name)) for name in (*_LIMITS, "rate_per_s")}
    for name in _TIMES:
        found = getattr(settings, name)
        fields[name] = "" if found is None else rules.seconds_text(found)
    price = settings.price_per_part
    return {
        **fields,
        "enabled": "1" if settings.enabled else "",
        "zone": settings.zone,
        "max_parts": str(settings.max_parts),
        "price_per_part": "" if price is None else amount_text(price),
        "currency": settings.currency,
        "addresses": "\n".join(settings.addresses),
        "patterns": "\n".join(settings.patterns),
    }


def version_of(settings: AccountSettings) -> str:
    """Return a text that changes with everything but the balance."""
    return hashlib.sha256(repr(replace(settings, balance=None)).encode()).hexdigest()[:16]


def is_version(given: str, settings: AccountSettings) -> bool:
    """Whether a form was made from these settings."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), version_of(settings).encode())


def settings_of(fields: Mapping[str, str], before: AccountSettings) -> AccountSettings:
    """Return the settings as they were typed, with the balance of `before`. Raises FormError."""
    read = _Fields(fields)
    values: dict[str, Any] = {
        "enabled": bool(read.text("enabled")),
        "rights": tuple(one for one in RIGHTS if read.text(f"right-{one}")),
        "zone": read.text("zone") or before.zone,
        "currency": (read.text("currency") or before.currency).upper(),
        "addresses": read.networks("addresses"),
        "patterns": read.patterns("patterns"),
        "max_parts": read.number("max_parts", 1, rules.MOST_PARTS) or rules.MOST_PARTS,
        "rate_per_s": read.number("rate_per_s", 1, rules.FASTEST),
        "price_per_part": read.amount("price_per_part"),
        **{name: read.number(name, 0, rules.MOST_ORDERS) for name in _LIMITS},
        **{name: read.seconds(name) for name in _TIMES},
    }
    if not rules.is_zone(values["zone"]):
        read.wrong("zone", "There is no such time zone. Use an IANA name like Europe/Moscow.")
    if not rules.CURRENCY.fullmatch(values["currency"]):
        read.wrong("currency", "A currency has three letters, such as RUB.")
    if values["currency"] != before.currency and before.balance is not None:
        read.wrong(
            "currency",
            "The account has a balance, so its currency needs an exchange rate: an operator "
            "changes it on the command line.",
        )
    if read.problems:
        raise FormError(read.problems)
    return replace(before, **values)


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


class _Fields:
    """Reads fields, and notes what is wrong with them. An empty one is None: no limit."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields
        self.problems: dict[str, Sayable] = {}

    def wrong(self, name: str, problem: str, **values: object) -> None:
        self.problems[name] = Phrase(problem, values)

    def text(self, name: str) -> str:
        return self._fields.get(name, "").strip()

    def number(self, name: str, least: int, most: int) -> int | None:
        text = self.text(name)
        found = rules.whole_number(text, least, most) if text else None
        if text and found is None:
            self.wrong(
                name,
                "Use a whole number from {least} to {most}, or leave it empty.",
                least=least,
                most=grouped_number(most),
            )
        return found

    def seconds(self, name: str) -> int | None:
        text = self.text(name)
        found = rules.seconds(text) if text else None
        if text and found is None:
            self.wrong(
                name, "Use a time from 1s to 31d, such as 30s, 10m, 2h or 1d, or leave it empty."
            )
        return found

    def amount(self, name: str) -> Decimal | None:
        text = self.text(name).replace(",", ".")
        found = rules.amount(text) if text else None
        if text and found is None:
            self.wrong(
                name,
                "Use an amount like 2.50, below {most} and with up to four decimals, or leave it "
                "empty.",
                most=MOST_MONEY,
            )
        return found

    def networks(self, name: str) -> tuple[str, ...]:
        lines = self._lines(name, rules.MOST_ADDRESSES)
        try:
            return tuple(dict.fromkeys(map(parse_network, lines)))
        except NetworkAddressError:
            self.wrong(
                name,
                "Write an address or a network in each line, like 203.0.113.7 or 203.0.113.0/24.",
            )
        return ()

    def patterns(self, name: str) -> tuple[str, ...]:
        lines = self._lines(name, rules.MOST_PATTERNS)
        try:
            for line in lines:
                check_pattern(line)
        except PatternError:
            self.wrong(
                name,
                "Write a regular expression in each line, without look-around and back-references.",
            )
        return tuple(lines)

    def _lines(self, name: str, most: int) -> Sequence[str]:
        lines = [line.strip() for line in self.text(name).splitlines() if line.strip()]
        if len(lines) > most:
            self.wrong(
                name,
                "There are too many lines: {count}, and at most {most} are possible.",
                count=len(lines),
                most=most,
            )
        return lines[:most]
