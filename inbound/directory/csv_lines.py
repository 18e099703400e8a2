"""Reads and checks a CSV file of clients, one line at a time. Needs no database.

The file is UTF-8, with or without a byte order mark, one client a line, with the header
`msisdn,client_id,personal_code,login,password`. An invalid line gives a `BadLine`,
an invalid file a SetupError. Neither repeats a code, a login or a password, and numbers are
masked.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from inbound.directory.port import FIELD_LIMITS, Registration
from inbound.errors import SetupError
from inbound.parsers.numbers import NumberError, mask, parse_msisdn

HEADER: Final = ("msisdn", "client_id", "personal_code", "login", "password")

_LIMITS: Final = tuple((name, FIELD_LIMITS[name]) for name in HEADER[1:])

# Longer than any good line, to bound the memory for a file that is not text.
LINE_BYTES_MAX: Final = 8192
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class GoodLine:
    """One client, the number in E.164 form."""

    line: int
    number: str
    registration: Registration


@dataclass(frozen=True, slots=True)
class BadLine:
    """One skipped line with the reason; safe to print."""

    line: int
    number: str
    field: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.number}: {self.field}: {self.reason}"


class ClientFile:
    """The lines of an open file, checked as they are read."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Reads nothing yet. `name` is used in errors."""
        self._file = file
        self._name = name
        self._line = 0
        self.bytes_read = 0

    def __iter__(self) -> Iterator[GoodLine | BadLine]:
        """Yield each line after the header; blank lines are skipped.

        Raises SetupError for a wrong header, and at the first byte that is not UTF-8.
        """
        lines = self._texts()
        self._check_header(next(lines, None))
        for text in lines:
            if text.strip():
                yield check_line(self._line, text)

    def _texts(self) -> Iterator[str]:
        while raw := self._file.readline(LINE_BYTES_MAX):
            self._line += 1
            self.bytes_read += len(raw)
            if len(raw) == LINE_BYTES_MAX and not raw.endswith(b"\n"):
                raise SetupError(
                    f"{self._name}: line {self._line} is longer than {LINE_BYTES_MAX} bytes: "
                    "is this a CSV file?"
                )
            if self._line == 1:
                raw = raw.removeprefix(_BOM)
            yield self._decoded(raw)

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            at, byte = error.start, raw[error.start]
        # Raised outside the handler, because the decoder's error contains the line.
        raise SetupError(
            f"{self._name}: line {self._line}, byte {at + 1} is 0x{byte:02X}, which is not "
            "UTF-8: save the file as “CSV UTF-8”"
        )

    def _check_header(self, text: str | None) -> None:
        expected = ",".join(HEADER)
        if text is None:
            raise SetupError(f"{self._name} is empty; the first line has to be {expected}")
        header = text.rstrip("\r\n")
        if header == expected:
            return
        hint = "; the separator has to be a comma" if header.replace(";", ",") == expected else ""
        raise SetupError(f"{self._name}: the first line has to be exactly {expected}{hint}")


def check_line(line: int, text: str) -> GoodLine | BadLine:
    """Check one line of the file."""
    text = text.rstrip("\r\n")
    try:
        fields = next(csv.reader((text,), strict=True), [])
    except csv.Error:
        return BadLine(line, "***", "line", "not a well-formed CSV line")
    if len(fields) != len(HEADER):
        found = f"{len(HEADER)} fields expected, {len(fields)} found"
        return BadLine(line, mask(fields[0] if fields else ""), "line", found)
    msisdn, *values = fields
    try:
        number = parse_msisdn(msisdn)
    except NumberError as error:
        return BadLine(line, mask(msisdn), HEADER[0], str(error))
    for (name, limit), value in zip(_LIMITS, values, strict=True):
        reason = _fault(value, limit)
        if reason:
            return BadLine(line, mask(number), name, reason)
    return GoodLine(line, number, Registration(*values))


def _fault(value: str, limit: int) -> str | None:
    if not value:
        return "empty"
    if len(value) > limit:
        return f"longer than {limit} characters"
    if value != value.strip():
        return "starts or ends with a blank"
    # isprintable refuses control, format and unassigned characters, lone surrogates, and
    # all blanks except U+0020.
    if not value.isprintable():
        return "contains a character that can't be printed"
    return None
