"""Finds the encoding of a text file, and the others that it could be.

A byte order mark and valid UTF-8 are certain. A code page never is: the same bytes are letters in
each of them, and letters that look like words prove nothing about a code or a password. Only the
names of the columns rule out a code page, if it reads them differently. All others stay in
`Encoding.rivals`, and a text that a rival reads differently is not certain.
"""

import codecs
import re
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from charset_normalizer import from_bytes

from inbound.tables.faults import TableError, TableFault

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CODE_PAGES: Final = (
    *("cp1251", "cp866", "mac_cyrillic", "koi8_r"),
    *("koi8_u", "cp1125", "kz1048", "ptcp154", "iso8859_5"),
)
"""What Excel writes as CSV, CSV (MS-DOS) and CSV (Macintosh); LibreOffice can write any.

The second line has pages that keep Russian letters where one of the first does, so they read
the same names of columns and other letters elsewhere.
"""
_NAMES: Final = {
    "cp1251": "windows-1251",
    "cp866": "CP866",
    "mac_cyrillic": "Mac Cyrillic",
    "koi8_r": "KOI8-R",
    "koi8_u": "KOI8-U",
    "cp1125": "CP1125",
    "kz1048": "KZ-1048",
    "ptcp154": "PTCP154",
    "iso8859_5": "ISO 8859-5",
    "utf-8-sig": "UTF-8",
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
}
_CHUNK: Final = 1 << 20
_SAMPLE: Final = 1 << 18
_HEAD: Final = 1 << 12
# Separators, line ends, digits and Latin letters have a zero byte in UTF-16.
_NULS_OF_UTF_16: Final = 0.05
# Letters, and other characters outside ASCII.
_RUN: Final = re.compile(r"[A-Za-z\x80-\U0010ffff]+")
_NATURAL: Final = re.compile(r"№|[«“„]?(?:[А-ЯЁІЇЄҐ]?[а-яёіїєґ]+|[А-ЯЁІЇЄҐ]+)[»”“]?|[\u00a0—–…]+")
_UNNATURAL_AT_MOST: Final = 0.05
_GUESS: Final = "a guess: what other code pages read differently is rejected"


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding, how it was found, and the others that the file could have."""

    codec: str
    how: str
    rivals: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name for people."""
        return _NAMES.get(self.codec, self.codec)

    def is_certain(self, text: str) -> bool:
        """Whether all rivals read the same text."""
        if not self.rivals or text.isascii():
            return True
        raw = text.encode(self.codec, "replace")
        return all(raw.decode(rival, "replace") == text for rival in self.rivals)

    def named(self, pages: set[str]) -> "Encoding":
        """Return this encoding when only `pages` give the names of the columns."""
        if not self.rivals:
            return self
        rivals = tuple(rival for rival in self.rivals if rival in pages)
        if not rivals:
            return replace(self, rivals=(), how="only it gives the names of the columns")
        others = ", ".join(_NAMES.get(rival, rival) for rival in rivals)
        how = f"gives the names of the columns; what {others} would read differently is rejected"
        return replace(self, rivals=rivals, how=how)


@dataclass(frozen=True, slots=True)
class Undecodable:
    """The first place of a file that an encoding can't read."""

    line: int
    byte: int


def named_encoding(name: str) -> Encoding:
    """Return the encoding that a person named. Raises SetupError for an unknown one."""
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except (LookupError, UnicodeError):
        known = ", ".join(dict.fromkeys(_NAMES.values()))
        raise TableError(
            TableFault.NO_ENCODING, f"--encoding {name}: no such encoding; try one of {known}"
        ) from None
    codec = {"utf-8": "utf-8-sig"}.get(found.name, found.name.replace("-", "_"))
    return Encoding(codec if codec in _NAMES else found.name, "chosen by --encoding")


def find_encodings(file: BinaryIO) -> tuple[Encoding, ...]:
    """Return the encodings that the file may have, the most likely first; never empty.

    Reads the file once, in pieces.
    """
    file.seek(0)
    head = file.read(_HEAD)
    for bom, codec in _BOMS:
        if head.startswith(bom):
            return (Encoding(codec, "byte order mark"),)
    others: tuple[Encoding, ...] = (Encoding("utf-8", "every character is valid"),)
    if find_undecodable(file, "utf-8") is not None:
        others = _find_code_pages(_sample(file))
    if head.count(0) > len(head) * _NULS_OF_UTF_16:
        wide = (Encoding(f"utf-16-{end}", "zero bytes between the letters") for end in ("le", "be"))
        return (*wide, *others)
    return others


def find_undecodable(file: BinaryIO, codec: str) -> Undecodable | None:
    """Return the first place that `codec` can't read. Reads the whole file, in pieces."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(codec)("strict")
    line = 1
    while True:
        chunk = file.read(_CHUNK)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(codec, "replace")
            return Undecodable(line + _line_ends(before), error.object[error.start])
        if not chunk:
            return None
        line += _line_ends(text)


def _line_ends(text: str) -> int:
    return text.count("\n") or text.count("\r")


def _sample(file: BinaryIO) -> bytes:
    """Return the lines that are not ASCII; the others say nothing."""
    file.seek(0)
    lines: list[bytes] = []
    size = 0
    while size < _SAMPLE and (chunk := file.read(_CHUNK)):
        for line in chunk.splitlines():
            if not line.isascii() and size < _SAMPLE:
                lines.append(line[: _SAMPLE - size])
                size += len(lines[-1])
    return b"\n".join(lines)


def shown_name(codec: str) -> str:
    """Return the name of an encoding for people."""
    return _NAMES.get(codec, codec)


def _find_code_pages(sample: bytes) -> tuple[Encoding, ...]:
    pages = [page for page in CODE_PAGES if _decodes(sample, page)]
    shares = {page: _unnatural_share(sample.decode(page)) for page in pages}
    guess = from_bytes(sample).best()
    natural = any(share <= _UNNATURAL_AT_MOST for share in shares.values())
    if not natural and guess is not None and guess.encoding not in pages:
        pages.insert(0, guess.encoding)
    else:
        # The order only says which one is shown; what the others read differently is refused.
        pages.sort(key=lambda page: shares[page])
    return tuple(
        Encoding(page, _GUESS, tuple(other for other in pages if other != page)) for page in pages
    )


def _decodes(sample: bytes, codec: str) -> bool:
    try:
        sample.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _unnatural_share(text: str) -> float:
    """Return the share of words that no Russian or Ukrainian text has."""
    runs = [run for run in _RUN.findall(text) if not run.isascii()]
    unnatural = sum(_NATURAL.fullmatch(run) is None for run in runs)
    return unnatural / len(runs) if runs else 1.0
