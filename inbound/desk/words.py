"""The desk's words in two languages. Templates and modules name them by their English text.

A test requires each text that is used to be in `russian`, and no other. Sentences about people and
messages come from `inbound.timeline`, which has its own. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from inbound.desk.russian import RUSSIAN
from inbound.plurals import noun, noun_in_russian
from inbound.timeline.model import Language

NAMES: Final = {Language.RU: "Русский", Language.EN: "English"}
"""Each language by its own name."""
_MINUTES_FROM_S: Final = 90
_HOURS_FROM_S: Final = 5400


def grouped_number(number: int) -> str:
    """Return a number with its thousands separated."""
    return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text with its values. `words` is a key of the desk's words."""

    words: str
    values: Mapping[str, object] = field(default_factory=dict)


Sayable: TypeAlias = str | Phrase
"""What the desk can say: a key of its words, perhaps with values."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language, and times in one zone, which `moment` doesn't name."""

    language: Language
    zone: str

    def __call__(self, english: Sayable, **values: object) -> str:
        """Return a text with its values; in English if it has no translation."""
        if isinstance(english, Phrase):
            return self(english.words, **english.values)
        text = english if self.language is Language.EN else RUSSIAN.get(english, english)
        return text.format(**values) if values else text

    def moment(self, at: datetime) -> str:
        """Return day and time to the minute, as tables show them."""
        return f"{at.astimezone(ZoneInfo(self.zone)):%d.%m.%Y %H:%M}"

    def moment_s(self, at: datetime) -> str:
        """Return day and time to the second."""
        return f"{at.astimezone(ZoneInfo(self.zone)):%d.%m.%Y %H:%M:%S}"

    def clock_ms(self, at: datetime) -> str:
        """Return the time of day to the millisecond."""
        return f"{at.astimezone(ZoneInfo(self.zone)):%H:%M:%S.%f}"[:-3]

    def seconds(self, seconds: float) -> str:
        """Return seconds as the language writes them, to the hundredth."""
        text = f"{seconds:.2f}"
        return text.replace(".", ",") if self.language is Language.RU else text

    def clock(self, at: datetime) -> str:
        """Return the time of day."""
        return f"{at.astimezone(ZoneInfo(self.zone)):%H:%M:%S}"

    def actor(self, actor: str) -> str:
        """Return who did something, as sentences name them; the audit has `user NAME`."""
        name = actor.removeprefix("user ")
        return actor if name == actor else self("staff member {name}", name=name)

    def number(self, number: int) -> str:
        """Return a number with its thousands separated."""
        return grouped_number(number)

    def events(self, number: int) -> str:
        """Return a number of events with the noun, as the object of a sentence."""
        if self.language is Language.RU:
            word = noun_in_russian(number, "событие", "события", "событий")
        else:
            word = noun(number, "event")
        return f"{self.number(number)} {word}"

    def age(self, seconds: float) -> str:
        """Return how long something has lasted: in seconds, minutes or hours."""
        if seconds < _MINUTES_FROM_S:
            return self("{count} s", count=round(seconds))
        if seconds < _HOURS_FROM_S:
            return self("{count} min", count=round(seconds / 60))
        return self("{count} h", count=round(seconds / 3600))
