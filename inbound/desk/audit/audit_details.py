"""Details of the audit that the service itself has written, in the language of the page. Pure.

They are stored in English for ever, with names, counts and times in them. What people gave as a
reason stays as it is.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from inbound.desk.broadcasts.recipient_states import OF_RECIPIENT
from inbound.desk.words import Words
from inbound.store.access.audit import MAX_LENGTH
from inbound.store.broadcasts.rows import RecipientState
from inbound.timeline.model import Language

DETAILS: Final[Mapping[str, tuple[str, ...]]] = {
    "accounts.change": ("{account}: {changes}",),
    "accounts.create": ("{account}: as it stands", "{account}: {changes}"),
    "accounts.texts.assign": (
        "{account}: texts to any number that begin with {word}",
        "{account}: texts to any number",
        "{account}: texts to {number} that begin with {word}",
        "{account}: texts to {number}",
    ),
    "broadcast.move": ("{broadcast}, starts at {at} UTC, not at {moved_from} UTC",),
    "broadcast.recipients": ("{broadcast} ({more}: {states})", "{broadcast}: {states}"),
    "broadcast.request": ("{broadcast}, starts at {at} UTC",),
    "broadcast.start": ("{broadcast}, starts at {at} UTC",),
    "callbacks.retry": ("{account}: {count} call", "{account}: {count} calls"),
    "clients.import": (
        "{added} added, {updated} updated, {unchanged} unchanged, {rejected} rejected",
    ),
    "clients.rejected": ("{count} row", "{count} rows", "some rows"),
    "deadletters.discard": ("{count} message: {reason}", "{count} messages: {reason}"),
    "deadletters.retry": (
        "{count} dead letter published again",
        "{count} dead letters published again",
    ),
    "deadletters.reveal": ("message {number}: {reason}",),
    "desk.change_password": ("as {name}",),
    "desk.change_roles": (
        "{name}: {before} -> {after}, by the provider",
        "{name}: {before} -> {after}",
    ),
    "desk.create_user": ("{name}: {roles}",),
    "desk.download_audit": ("all entries", "some entries", "{filters}"),
    "desk.end_session": ("of {name}: {count}", "as {name}: {count}", "as {name}"),
    "desk.provider": ("{name}: password", "{name}: subject {subject}"),
    "desk.second_factor": (
        "{name}: reset",
        "as {name}: set up",
        "as {name}: new recovery codes",
        "as {name}: removed",
        "as {name}: recovery code used, {left} left",
    ),
    "desk.sign_in": ("as {name}, at the provider", "as {name}"),
    "desk.sign_in_failed": (
        "wrong password",
        "wrong code",
        "provider: disabled",
        "provider: no role",
    ),
    "desk.sign_in_throttled": ("{count} failures within 15 minutes",),
    "desk.sign_out": ("as {name}",),
    "ingress.ban": ("{address}: too many wrong credentials",),
    "order.cancel": (
        "notification of account {account}",
        "service of account {account}",
        "broadcast of account {account}",
    ),
    "order.send": ("account {account}",),
    "resolve": ("search for a client's requests",),
    "templates.change": ("{name}: version {version}",),
    "templates.create": ("{name}: version {version}",),
    "tokens.create": ("{name}: {scopes} (account {account})",),
}
"""By action, as keys of words; the more special one first."""
DETAILS_OF: Final[Mapping[str, str]] = {"accounts.texts.withdraw": "accounts.texts.assign"}
"""Actions whose details are written like those of another one."""

SETTINGS: Final[Mapping[str, str]] = {
    "enabled": "Takes orders",
    "rights": "Rights",
    "addresses": "Allowed addresses of the HTTP API",
    "zone": "Whose days: time zone",
    "day_limit": "Orders a day",
    "week_limit": "A week, from Monday",
    "month_limit": "A month",
    "min_delay_s": "Delay between messages to one person",
    "repeat_within_s": "Refuse the same text within",
    "max_parts": "SMS parts of a text",
    "patterns": "Patterns of texts",
    "rate_per_s": "Messages a second",
    "price_per_part": "Price of an SMS part",
    "currency": "Currency",
    "balance": "Balance",
}
"""What the page of an account calls its settings."""
_FILTERS: Final[Mapping[str, str]] = {
    "actor": "Who",
    "action": "What",
    "since": "From the day",
    "until": "To the day",
}
_NUMBERS: Final = ("count", "left", "added", "updated", "unchanged", "rejected", "version")
_TIMES: Final = ("at", "moved_from")
_FORMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("account", "name", "address", "number"), r"\S+"),
    **dict.fromkeys(_NUMBERS, r"\d+"),
    **dict.fromkeys(_TIMES, r"[\d: -]+"),
    "before": "[^>]+",
    "broadcast": ".+",
    "more": f".{{1,{MAX_LENGTH}}}",
}
"""What each value looks like, so narrow that the rest of a detail is matched once."""
_CHANGE: Final = re.compile(r"(\w+) (.*) -> (.*)", re.DOTALL)
_FILTER: Final = re.compile(rf"(?:^|(?<=, ))({'|'.join(_FILTERS)})(?= )")
_VALUE: Final = re.compile(r"\\{(\w+)\\}")


def detail(action: str, reason: str, words: Words) -> str:
    """Return the detail of an entry in the language of the page; as it is if a person wrote it."""
    if words.language is Language.EN:
        return reason
    for key in DETAILS.get(DETAILS_OF.get(action, action), ()):
        if found := _PATTERNS[key].fullmatch(reason):
            values = {
                name: _SAID[name](value, words) if name in _SAID else value
                for name, value in found.groupdict().items()
            }
            return words(key, **values)
    return reason


def _pattern(key: str) -> re.Pattern[str]:
    return re.compile(_VALUE.sub(_group, re.escape(key)), re.DOTALL)


def _group(found: re.Match[str]) -> str:
    name = found[1]
    if name == "states":
        states = "|".join(RecipientState)
        return rf"(?P<{name}>(?:{states})(?:, (?:{states}))*)"
    return rf"(?P<{name}>{_FORMS.get(name, '.+?')})"


_PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    key: _pattern(key) for keys in DETAILS.values() for key in keys
}


def _listed(text: str, words: Words) -> str:
    return ", ".join(words(one) for one in text.split(", "))


def _states(text: str, words: Words) -> str:
    return ", ".join(words(OF_RECIPIENT[RecipientState(one)].word) for one in text.split(", "))


def _changes(text: str, words: Words) -> str:
    return "; ".join(_change(one, words) for one in text.split("; "))


def _change(text: str, words: Words) -> str:
    found = _CHANGE.fullmatch(text)
    if found is None or found[1] not in SETTINGS:
        return text
    before, after = (
        words(one) if one in {"yes", "no", "none"} else one for one in found.group(2, 3)
    )
    return f"{words(SETTINGS[found[1]])}: {before} -> {after}"


def _filters(text: str, words: Words) -> str:
    return _FILTER.sub(lambda found: f"{words(_FILTERS[found[1]])}:", text)


_SAID: Final[Mapping[str, Callable[[str, Words], str]]] = {
    "roles": _listed,
    "before": _listed,
    "after": _listed,
    "states": _states,
    "changes": _changes,
    "filters": _filters,
}
"""How values are said that have words themselves."""
