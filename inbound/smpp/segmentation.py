"""Long messages: splits a text into parts, and joins received parts.

The parts have a header with an 8-bit reference (3GPP TS 23.040, 9.2.3.24.1), which every phone
supports. `inbound.smpp.user_data` recognises received parts.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import smsutil  # type: ignore[import-untyped]  # it has no types

from inbound.errors import PoisonError
from inbound.smpp import alphabet as alphabets
from inbound.smpp.user_data import IE_CONCAT_8, MAX_PARTS, UDHI, ConcatenatedPart

_UNSENDABLE = re.compile("[\x1b\ud800-\udfff]")
_GSM_ALONE, _GSM_JOINED = 160, 153
_UCS_2_ALONE, _UCS_2_JOINED = 70, 67
_PAIR = "\x1b?"
_ESCAPE: Collection[object] = frozenset(_PAIR[:1])  # in no text that is sent
_HIGH_SURROGATES: Collection[object] = range(0xD8, 0xDC)


class UnsendableTextError(PoisonError):
    """The text needs more than 255 parts (3GPP TS 23.040, 9.2.3.24.1)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of an outgoing message: octets with header, and the fields of the submit_sm."""

    short_message: bytes = field(repr=False)
    data_coding: int
    esm_class: int


@dataclass(frozen=True, slots=True)
class Size:
    """The length of a text, in septets of GSM 03.38 or in UCS-2 units.

    Some characters of GSM 03.38 take two septets. `room` is the capacity of all its parts.
    """

    encoding: str
    units: int
    parts: int
    room: int


def split(text: str, reference: int = 0, default: str = alphabets.GSM_0338) -> tuple[Segment, ...]:
    """Split a text into as few parts as possible. A single part has no header.

    A text in GSM 03.38 is sent with data_coding 0 in the bind's `default` alphabet (160
    septets, or 153 per part), any other as UCS-2 (70 units, or 67 per part). Escape pairs
    and surrogate pairs are not split. `reference` (modulo 256) distinguishes the parts of
    one message from those of the next to the same number. ESC and lone surrogates, which
    can't be encoded, become question marks. Raises `UnsendableTextError` above 255 parts.
    """
    octets, data_coding = _cut(text, default)
    if len(octets) == 1:
        return (Segment(octets[0], data_coding, 0),)
    total = len(octets)
    header = bytes((5, IE_CONCAT_8, 3, reference & 0xFF, total))
    return tuple(
        Segment(header + bytes((number,)) + body, data_coding, UDHI)
        for number, body in enumerate(octets, 1)
    )


def reencode(segment: Segment, alphabet: str, default: str) -> Segment:
    """Return a segment in another default alphabet; characters it lacks become "?"."""
    if segment.data_coding != alphabets.DEFAULT or alphabet == default:
        return segment
    size = segment.short_message[0] + 1 if segment.esm_class & UDHI else 0
    text = alphabets.decode(segment.short_message[size:], alphabets.DEFAULT, alphabet) or ""
    octets = b"".join(alphabets.encode(character, default) or b"?" for character in text)
    return replace(segment, short_message=segment.short_message[:size] + octets)


def part_count(text: str, default: str = alphabets.GSM_0338) -> int:
    """Return how many parts `split` would make, without making them. Raises as `split` does.

    A list of orders may have hundreds of long texts, all different.
    """
    text = _UNSENDABLE.sub("?", text)
    if not text:
        return 1
    if smsutil.is_valid_gsm(text) and _is_default("".join(set(text)), default):
        for character in smsutil.codecs.GSM_EXT_CHARSET:
            text = text.replace(character, _PAIR)
        units: Sequence[object] = text
        firsts, alone, joined = _ESCAPE, _GSM_ALONE, _GSM_JOINED
    else:
        units = text.encode("utf-16-be")[::2]
        firsts, alone, joined = _HIGH_SURROGATES, _UCS_2_ALONE, _UCS_2_JOINED
    if len(units) <= alone:
        return 1
    parts = start = 0
    while start < len(units):
        start += joined
        start -= start < len(units) and units[start - 1] in firsts
        parts += 1
    _require_few(parts)
    return parts


def measure(text: str, default: str = alphabets.GSM_0338) -> Size:
    """Return the size of a text as `split` would send it. Raises as `split` does."""
    octets, data_coding = _cut(text, default)
    is_ucs_2 = data_coding == alphabets.UCS_2
    alone, joined = (_UCS_2_ALONE, _UCS_2_JOINED) if is_ucs_2 else (_GSM_ALONE, _GSM_JOINED)
    units = sum(map(len, octets)) // (2 if is_ucs_2 else 1)
    parts = len(octets)
    name = "UCS-2" if is_ucs_2 else "GSM 03.38"
    return Size(name, units, parts, alone if parts == 1 else joined * parts)


def pieces_of(text: str, default: str = alphabets.GSM_0338) -> tuple[list[str], int]:
    """Return the text of each part, and their data_coding. Raises as `split` does.

    Characters that can't be encoded are question marks; nothing else is changed.
    """
    text = _UNSENDABLE.sub("?", text)
    data_coding = alphabets.DEFAULT if _is_default(text, default) else alphabets.UCS_2
    cut = smsutil.unicode_split if data_coding == alphabets.UCS_2 else smsutil.gsm_split
    pieces = [part.content for part in cut(text).parts] if text else [""]
    _require_few(len(pieces))
    return pieces, data_coding


def _require_few(parts: int) -> None:
    if parts > MAX_PARTS:
        raise UnsendableTextError(
            f"the text needs {parts} parts; shorten it to at most {MAX_PARTS} parts"
        )


def outside_default(text: str, default: str = alphabets.GSM_0338) -> list[int]:
    """Return the places of characters because of which a text is sent as UCS-2."""
    outside = {
        character
        for character in set(text)
        if not _is_default(_UNSENDABLE.sub("?", character), default)
    }
    return [place for place, character in enumerate(text) if character in outside]


def _is_default(text: str, default: str) -> bool:
    return not text or (smsutil.is_valid_gsm(text) and alphabets.encode(text, default) is not None)


def _cut(text: str, default: str) -> tuple[list[bytes], int]:
    """Return the octets of each part, and their data_coding."""
    pieces, data_coding = pieces_of(text, default)
    alphabet = "utf-16-be" if data_coding == alphabets.UCS_2 else default
    return [alphabets.encode(piece, alphabet) or b"" for piece in pieces], data_coding


def join(parts: Iterable[ConcatenatedPart]) -> bytes:
    """Return the octets of a long message from all its parts, in any order.

    Raises `ValueError` if a part is missing or parts belong to different messages.
    """
    return b"".join(part.body for part in _complete(parts))


def text_of(parts: Iterable[ConcatenatedPart], default: str = alphabets.GSM_0338) -> str | None:
    """Return the text of a long message, None if it is not text. Raises as `join` does.

    Adjacent parts with the same data_coding are decoded together, because a phone may split
    a character. Some phones change data_coding between parts; that is supported too.
    """
    texts = []
    for data_coding, group in groupby(_complete(parts), key=lambda part: part.data_coding):
        octets = b"".join(part.body for part in group)
        text = alphabets.decode(octets, data_coding, default)
        if text is None:
            return None
        texts.append(text)
    return "".join(texts)


def _complete(parts: Iterable[ConcatenatedPart]) -> list[ConcatenatedPart]:
    ordered = sorted(parts, key=lambda part: part.sequence)
    keys = {(part.reference, part.width, part.total) for part in ordered}
    if len(keys) != 1:
        raise ValueError("parts of different messages")
    if [part.sequence for part in ordered] != list(range(1, ordered[0].total + 1)):
        raise ValueError(
            f"{len(ordered)} of {ordered[0].total} parts: some are missing or repeated"
        )
    return ordered
