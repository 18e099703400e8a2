"""Reads parameters that come as multipart/form-data (RFC 7578): so PHP's curl sends an array.

Values are octets, as in URL-encoded forms. A file is no parameter.
"""

import logging
from collections.abc import Mapping
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from inbound.ingress.part_headers import is_small

MULTIPART: Final = "multipart/form-data"

# The parser would log a line for each invalid body, which anybody can send.
_ERRORS_ONLY: Final = logging.getLogger(f"{__name__}.parser")
_ERRORS_ONLY.setLevel(logging.ERROR)

_PLAIN: Final = frozenset({b"7bit", b"8bit", b"binary"})


class MultipartError(ValueError):
    """A body that is not a valid form, or contains a file."""


def read_parts(body: bytes, content_type: str, most: int) -> list[tuple[bytes, bytes]]:
    """Return names and values of up to `most` parts, in their order. Raises MultipartError."""
    boundary = _parameters(content_type).get(b"boundary")
    if not boundary:
        raise MultipartError("no boundary is named")
    reader = _Reader(most)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": reader.begin_part,
                "on_header_field": reader.add_to_name,
                "on_header_value": reader.add_to_header,
                "on_header_end": reader.end_header,
                "on_part_data": reader.add_content,
                "on_part_end": reader.end_part,
                "on_end": reader.end,
            },
        )
        parser.logger = _ERRORS_ONLY
        parser.write(body)
    except FormParserError:
        raise MultipartError("the body is not a valid form") from None
    if not reader.is_whole:
        raise MultipartError("the body is cut off")
    return reader.parts


def _parameters(header: str) -> Mapping[bytes, bytes]:
    if not is_small(header):
        raise MultipartError("a header is too long")
    return parse_options_header(header)[1]


class _Reader:
    """Takes a body apart, called by the parser."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._name, self._value = bytearray(), bytearray()
        self._disposition: Mapping[bytes, bytes] = {}
        self._content = bytearray()
        self.parts: list[tuple[bytes, bytes]] = []
        self.is_whole = False

    def begin_part(self) -> None:
        if len(self.parts) >= self._most:
            raise MultipartError("too many parts")
        self._disposition, self._content = {}, bytearray()

    def add_to_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def add_to_header(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end_header(self) -> None:
        name, value = bytes(self._name).lower(), bytes(self._value)
        self._name, self._value = bytearray(), bytearray()
        if name == b"content-disposition":
            self._disposition = _parameters(value.decode("latin-1"))
        elif name == b"content-transfer-encoding" and value.strip().lower() not in _PLAIN:
            raise MultipartError("a value is encoded")

    def add_content(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def end_part(self) -> None:
        name = self._disposition.get(b"name")
        if name is None or b"filename" in self._disposition:
            raise MultipartError("a part is no parameter")
        self.parts.append((name, bytes(self._content)))

    def end(self) -> None:
        self.is_whole = True
