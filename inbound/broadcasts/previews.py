"""What single recipients of a broadcast get, word for word: the first rows, and the longest text.

The longest text is looked for among the recipients with the most to fill in. That reads the whole
audience once; the numbers of those recipients can be kept, as an audience doesn't change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from inbound.broadcasts.sealing import AudienceSealer
from inbound.keys import UnsealError
from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import FieldError
from inbound.smpp.segmentation import UnsendableTextError, part_count
from inbound.store.broadcasts.rows import Broadcast
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from inbound.templates.placeholders import PlaceholderError, parse_text

SHOWN: Final = 3
_LOOKED_AT: Final = 20

_SQL: Final = statements(__package__, "samples")
_FIND_PREVIEWED: Final = _SQL["find_previewed"]
_FIND_LARGEST: Final = _SQL["find_largest"]

Renderable = str | TemplateDefinition
"""The text of a broadcast with its placeholders, or its template."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The message to one recipient. `row` is that of the table, or the place in the audience."""

    row: int
    number: str = field(repr=False)
    text: str = field(repr=False)
    parts: int
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Previews:
    """The messages to the first recipients, and the longest one if it is not among them."""

    first: Sequence[Preview] = ()
    longest: Preview | None = None


@raises_store_errors
def find_largest(conn: psycopg.Connection, one: Broadcast) -> list[int]:
    """Return the numbers of the recipients with the most to fill in. Blocks; see the module."""
    parameters = {"broadcast_id": one.broadcast_id, "limit": _LOOKED_AT}
    return [no for (no,) in conn.execute(_FIND_LARGEST, parameters)]


def find_previews(
    conn: psycopg.Connection,
    one: Broadcast,
    content: Renderable,
    largest: Sequence[int],
    sealer: AudienceSealer,
    alphabet: str,
) -> Previews:
    """Return the previews of a broadcast whose audience is kept. Blocks."""
    found = {
        row[0]: preview
        for row in _rows(conn, one, largest)
        if (preview := _preview(row, one, content, sealer, alphabet)) is not None
    }
    first = [preview for no, preview in found.items() if no <= SHOWN]
    longest = max(found.values(), key=lambda one: (one.parts, len(one.text)), default=None)
    return Previews(first, None if longest in first else longest)


@raises_store_errors
def _rows(
    conn: psycopg.Connection, one: Broadcast, largest: Sequence[int]
) -> list[tuple[Any, ...]]:
    parameters = {
        "broadcast_id": one.broadcast_id,
        "first": SHOWN,
        "others": list(largest),
    }
    return conn.execute(_FIND_PREVIEWED, parameters).fetchall()


def _preview(
    row: tuple[Any, ...],
    one: Broadcast,
    content: Renderable,
    sealer: AudienceSealer,
    alphabet: str,
) -> Preview | None:
    no, row_no, number_hash, number_sealed, fields_sealed, language = row
    fields: dict[str, str] = {}
    try:
        if fields_sealed is not None:
            fields = sealer.open_fields(fields_sealed, one.broadcast_id, number_hash)
        number = sealer.open_number(number_sealed, number_hash)
        if isinstance(content, str):
            text, of = parse_text(content).render(fields), None
        else:
            rendered = content.render(fields, language)
            text, of = rendered.text, rendered.language.value
        parts = part_count(text, alphabet)
    except (UnsealError, PlaceholderError, FieldError, UnsendableTextError):
        return None  # the broadcast is paused with the reason when it gets there
    return Preview(row_no or no, number, text, parts, of)
