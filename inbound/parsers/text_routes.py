"""Finds the account to which a text of a phone belongs. Pure.

An operator assigns texts by the number that was texted and by their first word. The most specific
route gets the text: number and word, then the number, then the word, then neither. So a text
belongs to one account at most. Commands of the service never get here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from inbound.parsers.numbers import last_digits

ANY: Final = ""
LONGEST_WORD: Final = 40


class RouteKey(NamedTuple):
    """The number that was texted, as `last_digits` writes it, and the first word of the text.

    `ANY` stands for every one.
    """

    number: str
    word: str


@dataclass(frozen=True, slots=True)
class TextRoutes:
    """All routes, with the account of each."""

    accounts: Mapping[RouteKey, str] = field(default_factory=dict)

    def account_of(self, destination: str, body: str) -> str | None:
        """Return the account to which a text belongs, None if it belongs to none."""
        if not self.accounts:
            return None
        number, word = last_digits(destination), first_word(body)
        keys = (number, word), (number, ANY), (ANY, word), (ANY, ANY)
        return next((found for key in keys if (found := self.accounts.get(RouteKey(*key)))), None)


def first_word(body: str) -> str:
    """Return the first word of a text as routes have it, `ANY` if it has none."""
    words = body.replace("\0", " ").split(maxsplit=1)
    return words[0].casefold() if words else ANY
