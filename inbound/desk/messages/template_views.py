"""Sample values of templates, and differences between versions, for pages. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from typing import Final

from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import FieldDefinition, FieldType, TemplateLanguage

LANGUAGES: Final[Mapping[str, str]] = {
    TemplateLanguage.RUSSIAN: "Russian",
    TemplateLanguage.ENGLISH: "English",
}
"""The languages, as keys of words."""

POLICIES: Final[Mapping[str, str]] = {
    "drop": "It is not sent again",
    "resend": "It is sent again, perhaps twice",
}
"""What is done about a message with an unknown outcome, as keys of words."""

_SAMPLES: Final[Mapping[FieldType, str]] = {
    FieldType.CODE: "AB-4711",
    FieldType.INTEGER: "4711",
    FieldType.DECIMAL: "12.50",
    FieldType.TIME: "18:30",
}
MOST_WORK: Final = 250_000
"""Steps: tens of milliseconds at worst, and enough for all the words of an ordinary text."""

_TOKEN: Final = re.compile(r"\{[^{}]*\}|\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class DiffSpan:
    """A stretch of two versions: `kind` is `same`, `out` of the older or `into` the newer."""

    kind: str
    text: str


def sample_of(name: str, field: FieldDefinition, today: date) -> str:
    """Return a value that a field takes."""
    if field.type is FieldType.DATE:
        return f"{today:%d.%m.%Y}"
    sample = name if field.type is FieldType.TEXT else _SAMPLES[field.type]
    return sample[: field.max_length] if field.max_length else sample


def samples_of(definition: TemplateDefinition, today: date) -> dict[str, str]:
    """Return a value for each field."""
    return {name: sample_of(name, field, today) for name, field in definition.fields.items()}


def changes_of(before: str, after: str) -> list[DiffSpan]:
    """Return a text word by word, with what was removed and added.

    The work is bounded: where a comparison takes longer, all that changed is one stretch.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    return list(_changes(old, new))


def _changes(old: list[str], new: list[str]) -> Iterator[DiffSpan]:
    start, end = _same_ends(old, new)
    yield from _span("same", old[:start])
    old_end, new_end = len(old) - end, len(new) - end
    yield from _middle_changes(old[start:old_end], new[start:new_end])
    yield from _span("same", old[old_end:])


def _same_ends(old: list[str], new: list[str]) -> tuple[int, int]:
    """Return how many tokens are the same at the start, and at the end."""
    pairs = zip(old, new, strict=False)
    start = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))
    tails = zip(reversed(old[start:]), reversed(new[start:]), strict=False)
    shorter = min(len(old), len(new)) - start
    return start, next((i for i, (a, b) in enumerate(tails) if a != b), shorter)


def _middle_changes(old: list[str], new: list[str]) -> Iterator[DiffSpan]:
    """Yield the changes between the ends; all is replaced if to compare it takes too long."""
    if not old or not new or _work_of(old, new) > MOST_WORK:
        yield from _span("out", old)
        yield from _span("into", new)
        return
    matcher = SequenceMatcher(str.isspace, old, new, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            yield from _span("same", old[old_from:old_to])
            continue
        yield from _span("out", old[old_from:old_to])
        yield from _span("into", new[new_from:new_to])


def _work_of(old: list[str], new: list[str]) -> int:
    """Return how many steps SequenceMatcher takes at most.

    It looks at every pair of the same words once for each stretch that it finds.
    """
    earlier, later = (Counter(t for t in one if not t.isspace()) for one in (old, new))
    pairs = sum(count * later[token] for token, count in earlier.items())
    return (pairs + len(old) + len(new)) * min(len(old), len(new))


def _span(kind: str, tokens: list[str]) -> Iterator[DiffSpan]:
    if tokens:
        yield DiffSpan(kind, "".join(tokens))
