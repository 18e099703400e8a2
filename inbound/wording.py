"""Sentences in English and Russian: written side by side, chosen when they are shown.

A `Bilingual` is its English sentence wherever it is used as a string: in errors, in JSON, in the
audit. Code that shows it to a person who reads Russian calls `in_russian`. Pure.
"""

from collections.abc import Iterable
from typing import Self

from inbound.plurals import counted, counted_in_russian


class Bilingual(str):
    """An English text with its Russian translation."""

    __slots__ = ("russian",)

    russian: str

    def __new__(cls, english: str, russian: str) -> Self:
        """Return a text in both languages."""
        made = super().__new__(cls, english)
        made.russian = russian
        return made

    def __str__(self) -> str:
        """Return itself, so that str() of an error with this text keeps the Russian."""
        return self

    def __add__(self, other: str) -> "Bilingual":
        return Bilingual(super().__add__(other), self.russian + in_russian(other))

    def __radd__(self, other: str) -> "Bilingual":
        return Bilingual(str.__add__(other, self), in_russian(other) + self.russian)


def both(english: str, russian: str, **values: object) -> Bilingual:
    """Return a text with its values, each of which may be bilingual, too."""
    if not values:
        return Bilingual(english, russian)
    translated = {name: in_russian(value) for name, value in values.items()}
    return Bilingual(english.format_map(values), russian.format_map(translated))


def joined(separator: str, texts: Iterable[str]) -> Bilingual:
    """Return texts with a separator between them."""
    parts = list(texts)
    return Bilingual(separator.join(parts), separator.join(map(in_russian, parts)))


def decimal(number: float, places: int = 1) -> Bilingual:
    """Return a number with so many decimals, with the decimal mark of each language."""
    text = f"{number:.{places}f}"
    return Bilingual(text, text.replace(".", ","))


def in_russian(text: object) -> str:
    """Return the Russian translation of a text; a text without one as it is."""
    return text.russian if isinstance(text, Bilingual) else str(text)


def counted_both(number: int, english: tuple[str, str], russian: tuple[str, str, str]) -> Bilingual:
    """Return a number with its noun: singular and plural; after 1, after 2 and after 5."""
    singular, plural = english
    return Bilingual(counted(number, singular, plural), counted_in_russian(number, *russian))
