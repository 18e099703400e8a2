"""The wire format of PDUs: header, C-octet strings, TLVs, and framing of the TCP stream.

Readers take a frame and an offset and return the value and the next offset. They raise
`PduError` with the status to answer with. A truncated body may raise `struct.error` or
`IndexError`, which `pdu.decode` turns into `PduError`.
"""

from collections.abc import Iterator
from struct import Struct

from inbound.smpp.errors import FramingError, PduError, UnencodableError
from inbound.smpp.leniency import Leniency
from inbound.smpp.status import Status

# command_length, command_id, command_status, sequence_number (SMPP 3.4, 3.2).
HEADER = Struct(">IIII")
HEADER_SIZE = HEADER.size
MAX_FRAME = 64 * 1024
# SMPP 3.4 defines 44 tags. A frame could hold 16,000 empty TLVs, which would take 25 times
# its size in memory.
MAX_TLVS = 256

_LENGTH = Struct(">I")
_TLV = Struct(">HH")

Tlvs = tuple[tuple[int, bytes], ...]


# C-octet strings are ASCII (SMPP 3.4, 3.1). Blanks of other kinds separate digits in addresses.
_PRINTABLE = bytes(
    octet if 0x20 <= octet <= 0x7E else 0x20 if octet in b"\t\xa0" else 0x3F for octet in range(256)
)


def printable_ascii(octets: bytes) -> str:
    """Return text of a peer; an octet that is not printable ASCII becomes a question mark."""
    return octets.translate(_PRINTABLE).decode("ascii")


def read_c_string(frame: bytes, at: int, limit: int, status: int) -> tuple[str, int]:
    """Read a C-octet string of at most `limit` octets, its NUL included (SMPP 3.4, 3.1).

    It is printable ASCII then. Raises `PduError` with `status` when the string is too long, with
    ESME_RINVCMDLEN when the body ends first.
    """
    octets, end = read_c_octets(frame, at, limit, status)
    return printable_ascii(octets), end


def read_c_octets(frame: bytes, at: int, limit: int, status: int) -> tuple[bytes, int]:
    """Like `read_c_string`, for what is compared and never shown: the octets as they are."""
    end = frame.find(0, at, at + limit)
    if end < 0:
        if len(frame) < at + limit:
            raise PduError(Status.ESME_RINVCMDLEN, "the body ends inside a string")
        raise PduError(status, f"a string is longer than {limit - 1} octets")
    return frame[at:end], end + 1


def write_c_string(value: str, limit: int, field: str) -> bytes:
    """Return the octets of a C-octet string of at most `limit` octets, its NUL included.

    Raises `UnencodableError` that names the field, never its value.
    """
    try:
        octets = value.encode("latin-1")
    except UnicodeEncodeError:
        raise UnencodableError(f"{field} has characters beyond Latin-1") from None
    if len(octets) >= limit:
        raise UnencodableError(f"{field} is longer than {limit - 1} octets")
    if 0 in octets:
        raise UnencodableError(f"{field} contains a NUL")
    return octets + b"\0"


def write_octets(*values: int) -> bytes:
    """Return one octet per value. Raises `UnencodableError` outside 0..255."""
    try:
        return bytes(values)
    except ValueError:
        raise UnencodableError("a one-octet field is not in 0..255") from None


def read_tlvs(frame: bytes, at: int) -> tuple[Tlvs, tuple[Leniency, ...]]:
    """Read optional parameters up to the end of the frame (SMPP 3.4, 3.2.4), unknown ones too.

    Never raises: reading stops at the first octets that are no whole TLV, and after 256 TLVs.
    The rest is garbage, which is ignored and reported as a leniency.
    """
    tlvs: list[tuple[int, bytes]] = []
    size = len(frame)
    while at + 4 <= size and len(tlvs) < MAX_TLVS:
        tag, length = _TLV.unpack_from(frame, at)
        end = at + 4 + length
        if end > size:
            break
        tlvs.append((tag, frame[at + 4 : end]))
        at = end
    return tuple(tlvs), () if at == size else (Leniency.OPTIONAL_PART,)


def write_tlvs(tlvs: Tlvs) -> bytes:
    """Return the octets of optional parameters.

    Raises `UnencodableError` for a value over 65,535 octets or more than 256 TLVs.
    """
    if len(tlvs) > MAX_TLVS:
        raise UnencodableError(f"more than {MAX_TLVS} TLVs")
    out = []
    for tag, value in tlvs:
        if len(value) > 0xFFFF:
            raise UnencodableError(f"TLV 0x{tag:04X} is longer than 65535 octets")
        out.append(_TLV.pack(tag, len(value)))
        out.append(value)
    return b"".join(out)


class Framer:
    """Cuts a byte stream into frames, whatever its chunks. Buffers less than one frame."""

    __slots__ = ("_buffer", "_wanted")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each whole frame with its header. Exhaust the iterator before feeding again.

        Raises `FramingError` when command_length is below 16 or above 64 KiB. The start of
        the next frame is then unknown and the framer can't be used again.
        """
        # Most chunks begin and end with a frame; those are cut without copying them first.
        kept = self._buffer
        if kept:
            kept += data
            if len(kept) < self._wanted:
                return
            data = bytes(kept)
            kept.clear()
        at, size = 0, len(data)
        while size - at >= 4:
            (length,) = _LENGTH.unpack_from(data, at)
            if not HEADER_SIZE <= length <= MAX_FRAME:
                sequence = HEADER.unpack_from(data, at)[3] if size - at >= HEADER_SIZE else 0
                raise FramingError(length, sequence)
            if size - at < length:
                # Wait for the whole frame instead of checking after every chunk.
                self._wanted = length
                break
            yield data[at : at + length]
            at += length
        else:
            self._wanted = 4
        kept += data[at:]
