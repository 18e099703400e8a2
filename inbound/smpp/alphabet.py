"""Alphabets: text from and to octets according to data_coding (SMPP 3.4, 5.2.19).

data_coding 0 means the SMS centre's default alphabet, a setting of the bind: "gsm0338" (one
octet per septet, unpacked) or the name of a Python codec such as "latin-1". Octets that are
invalid in their alphabet decode to None rather than raise: an unreadable text is simply not
a command. So does a GSM 03.38 text that ends in the middle of an escape pair.
"""

import codecs
import re
from typing import Final

# Importing it registers the codec gsm23.038. It has no types.
import gsmcodecs  # type: ignore[import-untyped]  # noqa: F401

GSM_0338: Final = "gsm0338"

DEFAULT: Final = 0x00
LATIN_1: Final = 0x03
UCS_2: Final = 0x08

_DEFAULT_ALPHABET: Final = ""
_UCS_2_CODEC: Final = "utf-16-be"
_GSM_CODEC: Final = "gsm23.038"
# The second octets of the extension table (3GPP TS 23.038, 6.2.1.1).
_EXTENSION: Final = frozenset(b"\x0a\x14\x1b()/<=>@e")
_FIRST_WAITING: Final = 0xC0
_ESCAPE: Final = re.compile(rb"\x1b(.)", re.DOTALL)
# Python's codec for each data_coding that means text (SMPP 3.4, 5.2.19, and the coding
# groups of 3GPP TS 23.038, 4). Other values are binary or reserved.
_CODECS: Final[dict[int, str]] = {
    0x00: _DEFAULT_ALPHABET,
    0x01: "ascii",
    0x03: "latin-1",
    0x05: "shift_jis",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    0x08: _UCS_2_CODEC,
    0x0A: "iso2022_jp",
    0x0D: "iso2022_jp_1",
    0x0E: "euc_kr",
    # General data coding with a message class (flash): bits 3..2 are the alphabet.
    **dict.fromkeys(range(0x10, 0x14), _DEFAULT_ALPHABET),
    **dict.fromkeys(range(0x18, 0x1C), _UCS_2_CODEC),
    # Message waiting.
    **dict.fromkeys(range(0xC0, 0xE0), _DEFAULT_ALPHABET),
    **dict.fromkeys(range(0xE0, 0xF0), _UCS_2_CODEC),
    # Message class control: bit 2 set means octets, not text.
    **dict.fromkeys((code for code in range(0xF0, 0x100) if not code & 0x04), _DEFAULT_ALPHABET),
}


def check(name: str) -> str:
    """Return `name` if it is a usable default alphabet. Raises `LookupError` if not."""
    codecs.lookup(_codec(name))
    return name


def is_text(data_coding: int) -> bool:
    """Whether a data_coding means text."""
    return data_coding in _CODECS


def is_ordinary(data_coding: int) -> bool:
    """Whether a text with this data_coding is one that a phone keeps like any other.

    Not one that is shown at once and not kept (class 0), that belongs on the SIM card or in a
    device beside the phone (2 and 3), or that switches a sign for waiting messages
    (3GPP TS 23.038, 4).
    """
    has_class = data_coding & 0xF0 in {0x10, 0xF0}
    return data_coding & 0x03 == 1 if has_class else data_coding < _FIRST_WAITING


def is_ucs_2(data_coding: int) -> bool:
    """Whether a data_coding means UCS-2."""
    return _CODECS.get(data_coding) == _UCS_2_CODEC


def decode(octets: bytes, data_coding: int, default: str = GSM_0338) -> str | None:
    """Return the text of user data without its header, None if it is not valid text.

    `default` is the bind's alphabet for data_coding 0. Never raises for invalid octets. An
    escape before a character that the extension table lacks is ignored (3GPP TS 23.038, 6.2.1.1).
    """
    codec = _CODECS.get(data_coding)
    if codec is None:
        return None
    if codec == _UCS_2_CODEC:
        return _decode_ucs_2(octets)
    codec = codec or _codec(default)
    if codec == _GSM_CODEC:
        octets = _without_undefined_escapes(octets)
    try:
        return octets.decode(codec)
    except UnicodeDecodeError:
        return None


def has_undefined_escape(octets: bytes, data_coding: int, default: str = GSM_0338) -> bool:
    """Whether a text in GSM 03.38 has an escape that `decode` ignores."""
    if b"\x1b" not in octets or name_of(data_coding, default) != GSM_0338:
        return False
    return _without_undefined_escapes(octets) != octets


def without_padding(
    octets: bytes, data_coding: int, *, start: bool = True, end: bool = True
) -> bytes:
    """Return the octets of a text without the NULs at its start and end, if they are asked for.

    NUL is "@" in GSM 03.38, so this loses an "@" at either end; a NUL inside is never padding.
    In UCS-2 padding is U+0000, or the NUL that makes the number of octets odd.
    """
    codec = _CODECS.get(data_coding)
    if codec is None:
        return octets
    if codec == _UCS_2_CODEC:
        return _without_ucs_2_padding(octets, start=start, end=end)
    octets = octets.lstrip(b"\0") if start else octets
    return octets.rstrip(b"\0") if end else octets


def name_of(data_coding: int, default: str = GSM_0338) -> str:
    """Return the name of the alphabet that `decode` uses, "none" for binary data."""
    codec = _CODECS.get(data_coding)
    if codec is None:
        return "none"
    return "ucs-2" if codec == _UCS_2_CODEC else codec or default


def encode(text: str, alphabet: str = GSM_0338) -> bytes | None:
    """Return the octets of a text, None if the alphabet lacks one of its characters.

    UCS-2 is "utf-16-be". A lone surrogate can't be encoded in any alphabet.
    """
    try:
        return text.encode(_codec(alphabet))
    except UnicodeEncodeError:
        return None


def _codec(name: str) -> str:
    return _GSM_CODEC if name == GSM_0338 else name


def _without_undefined_escapes(octets: bytes) -> bytes:
    return _ESCAPE.sub(lambda pair: pair[pair[1][0] not in _EXTENSION], octets)


def _without_ucs_2_padding(octets: bytes, *, start: bool, end: bool) -> bytes:
    if start and octets[:2] == b"\0\0":
        if len(octets) % 2:
            octets = octets[1:]
        padding = len(octets) - len(octets.lstrip(b"\0"))
        octets = octets[padding - padding % 2 :]
    if end and len(octets) % 2 and octets[-1:] == b"\0":
        octets = octets[:-1]
    if end and not len(octets) % 2:
        padding = len(octets) - len(octets.rstrip(b"\0"))
        octets = octets[: len(octets) - (padding - padding % 2)]
    return octets


def _decode_ucs_2(octets: bytes) -> str | None:
    """Decode UTF-16-BE. Honours a byte order mark and drops an odd last octet."""
    if len(octets) % 2:
        octets = octets[:-1]
    codec = "utf-16-be"
    if octets[:2] in {codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE}:
        codec = "utf-16-be" if octets[:2] == codecs.BOM_UTF16_BE else "utf-16-le"
        octets = octets[2:]
    try:
        return octets.decode(codec)
    except UnicodeDecodeError:
        return None
