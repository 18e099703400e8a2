"""What a broadcast says: a text of its own, or a template."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from inbound.broadcasts.audience import Content, Exclusion
from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import FieldError, FieldType
from inbound.smpp.segmentation import UnsendableTextError, part_count
from inbound.store.orders.templates import TemplateVersion
from inbound.templates.placeholders import PlaceholderText, parse_text
from schemas.texts import check_message_text, check_text, is_blank

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


@dataclass(frozen=True, slots=True)
class TemplateText(Content):
    """A version of a template; each person gets it in their language."""

    definition: TemplateDefinition
    max_parts: int
    alphabet: str

    @property
    def fields(self) -> Sequence[str]:
        """The fields of the template."""
        return tuple(self.definition.fields)

    @property
    def iso_dates(self) -> bool:
        """Whether a field is a date, which the template writes as its language does."""
        return any(field.type is FieldType.DATE for field in self.definition.fields.values())

    def fault(self, values: Mapping[str, str]) -> tuple[Exclusion, str] | None:
        """Return why these values give no text that may be sent, in one of the languages."""
        for language in self.definition.texts:
            try:
                text = self.definition.render(values, language).text
            except FieldError as error:
                return Exclusion.FIELDS, str(error)
            if (fault := fault_of(text, self.max_parts, self.alphabet)) is not None:
                return fault
        return None


def template_text(
    versions: Sequence[TemplateVersion], name: str, *, max_parts: int, alphabet: str
) -> tuple[TemplateText, int]:
    """Return the content of the newest of these versions, and its number. Raises DraftError."""
    if not versions:
        raise DraftError(
            "template", f"there is no template {name}; `scserv templates list` shows the templates"
        )
    newest = versions[0]
    if newest.retired_at is not None:
        raise DraftError("template", f"the template {name} was retired")
    definition = TemplateDefinition.model_validate_json(newest.definition)
    return TemplateText(definition, max_parts, alphabet), newest.version


def own_text(text: str, *, max_parts: int, alphabet: str) -> OwnText:
    """Return the content of a text. Raises DraftError."""
    try:
        parsed = parse_text(check_text(text))
    except ValueError as error:
        raise DraftError("text", str(error)) from None
    if is_blank(text):
        raise DraftError("text", "has no visible character; write what to send")
    content = OwnText(text, parsed, max_parts, alphabet)
    if not parsed.fields and (fault := fault_of(parsed.render({}), max_parts, alphabet)):
        raise DraftError("text", fault[1])
    return content


def fault_of(
    text: str, max_parts: int, alphabet: str, count: Callable[[str, str], int] = part_count
) -> tuple[Exclusion, str] | None:
    """Return why a text may not be sent."""
    try:
        check_message_text(text)
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
