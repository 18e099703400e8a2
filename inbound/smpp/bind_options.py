"""Options that ESMEs of some SMS centres write into the system_type of a bind, joined by commas.

"MCON2" allows two links of the account (MCON1 to MCON9; the default is one), and one more bind ends
the oldest link. "SINGLE" asks for an id and a receipt for each part of a long message instead of
one for all parts. "ISO" makes data_coding 0 mean ISO-8859-1 instead of GSM 03.38.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

_MCON: Final = re.compile("MCON([1-9])")

LinkT = TypeVar("LinkT")


@dataclass(frozen=True, slots=True)
class BindOptions:
    """Options of a system_type."""

    links: int = 1
    single: bool = False
    iso: bool = False

    @classmethod
    def parse(cls, system_type: str) -> Self | None:
        """Parse a system_type; None if it contains an unknown option."""
        words = [*filter(None, system_type.split(","))]
        return cls.known_in(system_type) if all(map(_is_known, words)) else None

    @classmethod
    def known_in(cls, system_type: str) -> Self:
        """Return the options in a system_type; other words and blanks are ignored."""
        links, single, iso = 1, False, False
        for word in map(str.strip, system_type.split(",")):
            if mcon := _MCON.fullmatch(word):
                links = int(mcon[1])
            elif word == "SINGLE":
                single = True
            elif word == "ISO":
                iso = True
        return cls(links, single, iso)

    def surplus(self, links: Sequence[LinkT]) -> Sequence[LinkT]:
        """Return which of an account's open links, the oldest first, end for one more."""
        return links[: max(0, len(links) - self.links + 1)]


def _is_known(word: str) -> bool:
    return word in {"SINGLE", "ISO"} or _MCON.fullmatch(word) is not None
