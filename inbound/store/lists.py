"""Passes lists as binary arrays, cheaper than psycopg, which took a sixth of a worker's CPU for it.

psycopg looks for the dumpers of elements anew for each statement, because each has a cursor of its
own, and every parameter of a batch is a list. The types that nearly all of them have are packed
here; a list that begins with anything else is left to psycopg. This is for placeholders in binary
format (`%(name)b`): the others stay as they are.
"""

from collections.abc import Callable
from operator import attrgetter
from struct import Struct
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg.abc import AdaptContext, Buffer, DumperKey, PyFormat
from psycopg.adapt import Dumper
from psycopg.postgres import types
from psycopg.pq import Format
from psycopg.types.array import BaseListDumper, ListBinaryDumper, ListDumper
from typing_extensions import override

_HEAD: Final = Struct("!iiIii").pack
"""Dimensions, whether there are nulls, type of the elements, length, first index."""

_LENGTH: Final = Struct("!i").pack
_NULL: Final = _LENGTH(-1)


class _Element(NamedTuple):
    """How PostgreSQL calls a type, and its binary format."""

    type: str
    pack: Callable[[Any], bytes]


_ELEMENTS: Final = {
    UUID: _Element("uuid", attrgetter("bytes")),
    str: _Element("text", str.encode),
    bytes: _Element("bytea", bytes),
    int: _Element("int8", Struct("!q").pack),
}


class _FlatList(Dumper):
    """A list of one type, in which some may be None."""

    format = Format.BINARY

    def __init__(self, element: _Element) -> None:
        super().__init__(list)
        self._oid = types[element.type].oid
        self.oid = types[element.type].array_oid
        self._pack = element.pack

    @override
    def dump(self, obj: list[Any]) -> Buffer:
        pieces, has_null = [b""], False
        for item in obj:
            if item is None:
                has_null = True
                pieces.append(_NULL)
            else:
                packed = self._pack(item)
                pieces.append(_LENGTH(len(packed)))
                pieces.append(packed)
        pieces[0] = _HEAD(1, has_null, self._oid, len(obj), 1)
        return b"".join(pieces)


class _AnyList(ListBinaryDumper):
    """Finds the dumper of a list."""

    @override
    def get_key(self, obj: list[Any], format: PyFormat) -> DumperKey:
        kind = type(obj[0]) if obj else None
        return (list, kind) if kind in _ELEMENTS else super().get_key(obj, format)

    @override
    def upgrade(self, obj: list[Any], format: PyFormat) -> "BaseListDumper | Dumper":  # type: ignore[override]
        element = _ELEMENTS.get(type(obj[0])) if obj else None
        return super().upgrade(obj, format) if element is None else _FlatList(element)


def register(context: AdaptContext) -> None:
    """Pass the lists of a connection in this way."""
    context.adapters.register_dumper(list, _AnyList)
    context.adapters.register_dumper(list, ListDumper)  # the last one is for `%(name)s`
