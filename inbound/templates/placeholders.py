"""Texts with placeholders: `{name}` is a field, `{{` and `}}` are braces.

The one syntax of replies, order templates and texts of broadcasts. A field is a name and never an
expression: nothing of Python's format language is read, so a text can't reach into objects.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

LONGEST_NAME: Final = 64

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FORMAT_LANGUAGE: Final = frozenset(":!")


class PlaceholderError(ValueError):
    """A text can't be read or filled in; str() says what to change and quotes no value."""


@dataclass(frozen=True, slots=True)
class PlaceholderText:
    """A parsed text: literals, each with the field that follows it, if any."""

    pieces: tuple[tuple[str, str | None], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its fields, each once, in their order."""
        return tuple(dict.fromkeys(field for _, field in self.pieces if field is not None))

    def require_fields(self, known: Collection[str]) -> None:
        """Raise PlaceholderError if it has a field that is not among `known`."""
        for field in self.fields:
            if field not in known:
                names = ", ".join(sorted(known)) or "none"
                raise PlaceholderError(f"no field {{{field}}} here; its fields are: {names}")

    def render(self, values: Mapping[str, str]) -> str:
        """Return the text with its fields filled in. Raises PlaceholderError without a value."""
        return "".join(self._rendered(values))

    def _rendered(self, values: Mapping[str, str]) -> Iterator[str]:
        for literal, field in self.pieces:
            yield literal
            if field is None:
                continue
            if field not in values:
                raise PlaceholderError(f"no value for the field {{{field}}}")
            yield values[field]


def parse_text(text: str) -> PlaceholderText:
    """Parse a text with placeholders. Raises PlaceholderError that says what to change."""
    pieces: list[tuple[str, str | None]] = []
    literal, at = "", 0
    for token in _TOKEN.finditer(text):
        literal += text[at : token.start()]
        at = token.end()
        match token.group():
            case "{{" | "}}" as braces:
                literal += braces[0]
            case "{" | "}" as brace:
                where = f"a single {brace!r} at character {token.start() + 1}"
                raise PlaceholderError(f"{where}; write a brace as {{{{ }}}}")
            case _:
                pieces.append((literal, _checked(token.group(1))))
                literal = ""
    return PlaceholderText((*pieces, (literal + text[at:], None)))


def _checked(name: str) -> str:
    if not name or name != name.strip() or _FORMAT_LANGUAGE & set(name):
        raise PlaceholderError("a field is a plain name in braces, as {name}")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise PlaceholderError(f"the name of a field has up to {LONGEST_NAME} printable characters")
    return name
