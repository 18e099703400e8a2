"""The language of an answer: `lang`, or else the best of `Accept-Language` (RFC 9110, 12.5.4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Response

from inbound.timeline.model import Language

DEFAULT: Final = Language.RU
ACCEPT_LANGUAGE: Final = "Accept-Language"
CONTENT_LANGUAGE: Final = "Content-Language"
_LONGEST: Final = 1000
"""Longer headers are ignored: no browser sends one."""


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    """Chooses the language of one answer, and names it in the answer's headers."""

    accepted: str | None
    response: Response

    def choose(self, given: Language | None) -> Language:
        """Return the language: the given one, if any."""
        chosen = given or best_language(self.accepted) or DEFAULT
        self.response.headers[CONTENT_LANGUAGE] = chosen.value
        self.response.headers["Vary"] = ACCEPT_LANGUAGE
        return chosen


def best_language(accepted: str | None) -> Language | None:
    """Return the language that an Accept-Language header likes best; None if it takes neither.

    Of two with the same weight the first one counts. What can't be read is left out.
    """
    if not accepted or len(accepted) > _LONGEST:
        return None
    weighted = [(weight, language) for language, weight in _ranges(accepted) if weight > 0]
    return max(weighted, key=lambda pair: pair[0])[1] if weighted else None


def _ranges(accepted: str) -> Iterator[tuple[Language, float]]:
    for element in accepted.split(","):
        range_, _, parameter = element.partition(";")
        name = range_.strip().lower().partition("-")[0]
        if name not in set(Language):
            continue
        key, _, weight = parameter.strip().partition("=")
        try:
            yield Language(name), float(weight) if key.strip().lower() == "q" else 1.0
        except ValueError:
            continue


async def _language_choice(
    response: Response,
    accept_language: Annotated[
        str | None,
        Header(
            alias=ACCEPT_LANGUAGE,
            description="The language of the sentences if `lang` is not given: Russian or English.",
            examples=["en", "ru-RU, ru;q=0.9, en;q=0.5"],
        ),
    ] = None,
) -> LanguageChoice:
    return LanguageChoice(accept_language, response)


ChosenLanguage = Annotated[LanguageChoice, Depends(_language_choice)]
