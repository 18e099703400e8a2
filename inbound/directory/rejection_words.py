"""How the file of rejected rows says what is wrong, in English or another language. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

WHOLE_ROW: Final = "row"


@dataclass(frozen=True, slots=True)
class HeldText:
    """Content that can't be written into its field; of the whole row if `name` is WHOLE_ROW.

    It may have secrets.
    """

    name: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RejectionWords:
    """The words of one language. `{name}` is the name of a field, `{text}` what it was."""

    name: Callable[[str], str] = str
    """Returns the name of a field, or what a whole row is called."""
    reason: Callable[[str], str] = str
    """Returns a reason that was given in English."""
    was: str = "{name} was {text}"
    row_was: str = "it was: {text}"
    before: str = "; before: "

    def held(self, held: HeldText) -> str:
        """Say what a field or the row was."""
        said = self.row_was if held.name == WHOLE_ROW else self.was
        return said.format(name=self.name(held.name), text=held.text)


ENGLISH: Final = RejectionWords()
