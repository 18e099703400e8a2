"""What a broadcast says: a text of its own, or a template."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from inbound.broadcasts.audience import Content, Exclusion
from inbound.smpp.segmentation import UnsendableTextError, part_count
from inbound.templates.placeholders import PlaceholderText, parse_text
from schemas.orders import check_text

_UCS2_PART: Final = 67


class DraftError(ValueError):
    """A part of a planned broadcast can't be; `field` names it, str() says what is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


@dataclass(frozen=True, slots=True)
class OwnText(Content):
    """A text with placeholders, filled in from the columns of the table."""

    text: str = field(repr=False)
    parsed: PlaceholderText = field(repr=False)
    max_parts: int
    alphabet: str

    @property
    def fields(self) -> Sequence[str]:
        """The fields of its placeholders."""
        return self.parsed.fields

    @property
    def iso_dates(self) -> bool:
        """Not: it shows values as they are."""
        return False

    def fault(self, values: Mapping[str, str]) -> tuple[Exclusion, str] | None:
        """Return why these values give no text that may be sent."""
        text = self.parsed.render(values)
        return fault_of(text, self.max_parts, self.alphabet)


def own_text(text: str, *, max_parts: int, alphabet: str) -> OwnText:
    """Return the content of a text. Raises DraftError."""
    try:
        parsed = parse_text(check_text(text))
    except ValueError as error:
        raise DraftError("text", str(error)) from None
    if not text.strip():
        raise DraftError("text", "write what to send")
    content = OwnText(text, parsed, max_parts, alphabet)
    if not parsed.fields and (fault := fault_of(parsed.render({}), max_parts, alphabet)):
        raise DraftError("text", fault[1])
    return content


def fault_of(
    text: str, max_parts: int, alphabet: str, count: Callable[[str, str], int] = part_count
) -> tuple[Exclusion, str] | None:
    """Return why a text may not be sent."""
    try:
        check_text(text)
    except ValueError as error:
        return Exclusion.FIELDS, str(error)
    if len(text) * 2 <= max_parts * _UCS2_PART:  # fits, whatever its characters
        return None
    try:
        parts = count(text, alphabet)
    except UnsendableTextError as error:
        return Exclusion.TOO_LONG, str(error)
    if parts <= max_parts:
        return None
    return Exclusion.TOO_LONG, f"the text needs {parts} SMS parts, and may have {max_parts}"
