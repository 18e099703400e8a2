"""The content of a broadcast: a text of its own, or a template."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from functools import lru_cache
from typing import Final

from inbound.broadcasts.audience import AudienceRowError, Content, Exclusion
from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import FieldError
from inbound.smpp.segmentation import UnsendableTextError, part_count
from inbound.smpp.user_data import MAX_PARTS
from inbound.store.orders.templates import TemplateVersion
from inbound.templates.placeholders import PlaceholderError, PlaceholderText, parse_text
from inbound.wording import both
from schemas.texts import check_message_text, check_text, is_blank

_UNITS_ALONE: Final = 70
_UNITS_JOINED: Final = 67
_CYRILLIC: Final = re.compile("[Ѐ-ӿ]")  # in none of the alphabets of a bind


class DraftError(ValueError):
    """A field of a planned broadcast is invalid; `field` names it, str() says what is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class TextFault(StrEnum):
    """Why a text can't be sent."""

    CHOICE = auto()
    BLANK = auto()
    BRACE = auto()
    PARTS = auto()
    FAR_TOO_LONG = auto()
    SIGNS = auto()


class TextError(DraftError):
    """The text of a planned broadcast is invalid. `values` are the numbers that `fault` is about.

    Of `PARTS` they are `needed` and `most`, of `FAR_TOO_LONG` `most`.
    """

    def __init__(self, fault: TextFault, problem: str, **values: int) -> None:
        super().__init__("text", problem)
        self.fault = fault
        self.values = values


def text_error(error: AudienceRowError) -> TextError:
    """Return what is wrong with a text that has no fields."""
    if error.reason is not Exclusion.TOO_LONG:
        return TextError(TextFault.SIGNS, str(error))
    if error.parts is None:
        return TextError(TextFault.FAR_TOO_LONG, str(error), most=MAX_PARTS)
    needed, most = error.parts
    return TextError(TextFault.PARTS, str(error), needed=needed, most=most)


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

    def count_parts(self, values: Mapping[str, str]) -> int:
        """Return how many SMS parts the text with these values needs. Raises AudienceRowError."""
        return checked_parts(self.parsed.render(values), self.max_parts, self.alphabet)


@dataclass(frozen=True, slots=True)
class TemplateContent(Content):
    """A version of a template; each person gets it in their language."""

    definition: TemplateDefinition
    max_parts: int
    alphabet: str

    @property
    def fields(self) -> Sequence[str]:
        """The fields of the template."""
        return tuple(self.definition.fields)

    def count_parts(self, values: Mapping[str, str]) -> int:
        """Return the most parts that the text needs in any language. Raises AudienceRowError."""
        return max(self._count_parts(values, language) for language in self.definition.texts)

    def _count_parts(self, values: Mapping[str, str], language: str) -> int:
        try:
            text = self.definition.render(values, language).text
        except FieldError as error:
            raise AudienceRowError(Exclusion.FIELDS, str(error)) from None
        return checked_parts(text, self.max_parts, self.alphabet)


def template_text(
    versions: Sequence[TemplateVersion], name: str, *, max_parts: int, alphabet: str
) -> tuple[TemplateContent, int]:
    """Return the content of the newest of these versions, and its number. Raises DraftError."""
    if not versions:
        raise DraftError(
            "template",
            both("there is no template {name}", "шаблона {name} нет", name=name),
        )
    newest = versions[0]
    if newest.retired_at is not None:
        retired = both(
            "the template {name} was retired", "шаблон {name} снят с использования", name=name
        )
        raise DraftError("template", retired)
    definition = TemplateDefinition.model_validate_json(newest.definition)
    return TemplateContent(definition, max_parts, alphabet), newest.version


def own_text(text: str, *, max_parts: int, alphabet: str) -> OwnText:
    """Return the content of a text. Raises DraftError."""
    try:
        parsed = parse_text(check_text(text))
    except PlaceholderError as error:
        raise TextError(TextFault.BRACE, str(error)) from None
    except ValueError as error:
        raise TextError(TextFault.SIGNS, str(error)) from None
    if is_blank(text):
        raise TextError(
            TextFault.BLANK,
            both(
                "has no visible character; write what to send",
                "нет ни одного видимого знака; напишите, что отправить",
            ),
        )
    content = OwnText(text, parsed, max_parts, alphabet)
    if not parsed.fields:
        try:
            content.count_parts({})
        except AudienceRowError as fault:
            raise text_error(fault) from None
    return content


def checked_parts(text: str, max_parts: int, alphabet: str) -> int:
    """Return how many SMS parts a text needs. Raises AudienceRowError if it may not be sent."""
    try:
        check_message_text(text)
    except ValueError as error:
        raise AudienceRowError(Exclusion.FIELDS, str(error)) from None
    try:
        parts = _count(text, alphabet)
    except UnsendableTextError as error:
        raise AudienceRowError(Exclusion.TOO_LONG, str(error)) from None
    if parts > max_parts:
        detail = both(
            "the text needs {parts} SMS parts, and may have {most}",
            "для текста нужно частей СМС: {parts}, а разрешено {most}",
            parts=parts,
            most=max_parts,
        )
        raise AudienceRowError(Exclusion.TOO_LONG, detail, parts=(parts, max_parts))
    return parts


def _count(text: str, alphabet: str) -> int:
    """Count parts fast enough for a million rows: most texts need no splitting."""
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if units <= _UNITS_ALONE:
        return 1  # in GSM 03.38 too, where no sign takes more than two septets
    if units == len(text) and _CYRILLIC.search(text):  # UCS-2, and no surrogate pair to be cut
        return -(-units // _UNITS_JOINED)
    return _split(text, alphabet)


@lru_cache(maxsize=64)
def _split(text: str, alphabet: str) -> int:
    return part_count(text, alphabet)
