"""The file format of an exported log: newline-delimited JSON in zstd frames.

The first line describes the file; then comes one line per event in the order of positions; the
last line has the number of events and the heads of the chains, which reveals a truncated file
even at the end of a line. Frames are independent and have checksums, so damage is located, and
no line crosses a frame.

`data` and `metadata` are strings of JSON within JSON: their digests cover the bytes that were
written, and no JSON library preserves white space, number formats and escapes.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Final, Self
from uuid import UUID

import zstandard
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from inbound.errors import SetupError
from inbound.field_rules import rule_of
from inbound.plurals import counted
from inbound.store.log.copy_format import StoredEvent
from schemas.chain import CHAINS, Head, microseconds

FORMAT: Final = 1
LEVEL: Final = 3

_FRAME_BYTES: Final = 4 << 20
# A block of 4 octets may hold 128 KB (RFC 8878, 3.1.1.2), so this much becomes 8 MB at most.
_READ_BYTES: Final = 256
_WINDOW_BYTES: Final = 8 << 20
"""The window that a frame may refer to. Level 3 uses 2 MB of it, level 19 all of it."""
LINE_BYTES_MAX: Final = 16 << 20
"""The longest line. An event has some hundred octets."""
_TRAILER: Final = b'{"events":'
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ArchiveError(SetupError):
    """The file is not an exported log, or is damaged or truncated. The text says where."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Header(_Line):
    """The first line."""

    scserv_log: int = Field(description="number of the format")
    chains: int
    first_position: int = Field(description="1, or 0 for a log without events")
    last_position: int
    exported_at: datetime


class Trailer(_Line):
    """The last line; `heads` are position and digest of each chain, position 0 for an empty one."""

    events: int
    last_position: int
    heads: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, events: int, last_position: int, heads: Iterable[Head]) -> Self:
        """Return the trailer of a log with this end."""
        encoded = tuple((head.position, head.digest.hex()) for head in heads)
        return cls(events=events, last_position=last_position, heads=encoded)


class _Event(_Line):
    position: int
    recorded_at: datetime
    chain: int | None = None
    digest: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    stream_id: UUID
    version: int
    type: str
    schema_version: int
    data: str
    metadata: str


def encode_event(event: StoredEvent) -> bytes:
    """Return the line of an event, without its end."""
    line: dict[str, object] = {
        "position": event.position,
        "recorded_at": (_EPOCH + timedelta(microseconds=event.recorded_us)).isoformat(),
        "stream_id": _uuid(event.stream),
        "version": event.version,
        "type": event.type,
        "schema_version": event.schema_version,
        "data": event.data.decode(),
        "metadata": event.metadata.decode(),
    }
    if event.digest is not None:
        line |= {"chain": event.chain, "digest": event.digest.hex()}
    return to_json(line)


def _uuid(octets: bytes) -> str:
    """Return `str(UUID(bytes=...))` in a third of the time."""
    digits = octets.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def decode_event(line: bytes) -> StoredEvent:
    """Return the event of a line. Raises ValueError."""
    event = _EVENT.validate_json(line)
    return StoredEvent(
        event.position,
        microseconds(event.recorded_at),
        event.chain,
        None if event.digest is None else bytes.fromhex(event.digest),
        event.stream_id.bytes,
        event.version,
        event.type,
        event.schema_version,
        event.data.encode(),
        event.metadata.encode(),
    )


_EVENT: Final[Any] = _Event.__pydantic_validator__


class ArchiveWriter:
    """Writes lines into frames. `close` writes the last frame."""

    def __init__(self, out: BinaryIO) -> None:
        """`out` stays open."""
        self._out = out
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self._lines: list[bytes] = []
        self._size = 0

    def write(self, line: bytes) -> None:
        """Add a line, without its end."""
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size >= _FRAME_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the last frame."""
        if self._lines:
            self._flush()

    def _flush(self) -> None:
        self._lines.append(b"")
        self._out.write(self._compressor.compress(b"\n".join(self._lines)))
        self._lines.clear()
        self._size = 0


class ArchiveReader:
    """Reads a file once, from the first line to the last. `name` names the file in errors.

    `line` and `offset` count the lines and octets read. Every method raises ArchiveError for
    a file that is damaged, truncated, or no exported log.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Read nothing yet."""
        self.line = 0
        self.offset = 0
        self._name = name
        self._lines = self._split(file)

    def error(self, what: str) -> ArchiveError:
        """Return an error about the line that was read last."""
        return ArchiveError(f"{self._name}, line {self.line}: {what}")

    def header(self) -> Header:
        """Return the first line."""
        found: Header = self._model(Header, self._next(), "not an exported log")
        if found.scserv_log != FORMAT:
            raise self.error(
                f"the format is {found.scserv_log}, this release reads {FORMAT}: upgrade"
            )
        if found.chains != CHAINS:
            raise self.error(f"the log has {found.chains} chains, this release has {CHAINS}")
        return found

    def events(self) -> Iterator[StoredEvent]:
        """Yield the events, and stop before the last line."""
        for line in self._lines:
            if line.startswith(_TRAILER):
                self._last = line
                return
            try:
                event = decode_event(line)
            except (ValidationError, ValueError) as error:
                raise self.error(f"not an event: {_in_one_line(error)}") from error
            yield event
        raise self.error("the file ends after this line: it is truncated")

    def finish(self, header: Header, found: Trailer) -> None:
        """Compare the trailer with what was found, and check that the file ends."""
        trailer: Trailer = self._model(Trailer, self._last, "not the end of an exported log")
        if trailer != found or header.last_position != found.last_position:
            raise self.error(
                f"it states {counted(trailer.events, 'event')} up to {trailer.last_position} and "
                f"the first line {header.last_position}; there are {found.events} up to "
                f"{found.last_position}, or the heads differ"
            )
        for _ in self._lines:
            raise self.error("it follows the end of the log")

    def _model(self, model: type[Any], line: bytes, what: str) -> Any:  # noqa: ANN401
        try:
            return model.model_validate_json(line)
        except ValidationError as error:
            raise self.error(f"{what}: {_in_one_line(error)}") from error

    def _next(self) -> bytes:
        for line in self._lines:
            return line
        raise ArchiveError(f"{self._name} is empty")

    def _split(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the lines one by one: a list of those in a piece may be larger than the piece."""
        rest = bytearray()
        for piece in self._pieces(file):
            start = 0
            while (end := piece.find(b"\n", start)) >= 0:
                self._check_length(len(rest) + end - start)
                self.line += 1
                yield bytes(rest) + piece[start:end]
                rest.clear()
                start = end + 1
            self._check_length(len(rest) + len(piece) - start)
            rest += memoryview(piece)[start:]
        if rest:
            raise self._broken("the file ends within a line")

    def _check_length(self, octets: int) -> None:
        if octets > LINE_BYTES_MAX:
            raise self._broken(
                f"a line has more than {LINE_BYTES_MAX >> 20} MiB, so this is no exported log: "
                "export it again with `scserv log export`"
            )

    def _pieces(self, file: BinaryIO) -> Iterator[bytes]:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
        frame = None
        while data := file.read(_READ_BYTES):
            while data:
                if frame is None:
                    frame = decompressor.decompressobj()
                try:
                    piece = frame.decompress(data)
                except zstandard.ZstdError as error:
                    raise self._broken(self._complaint(error)) from error
                self.offset += len(data) - len(frame.unused_data)
                data = frame.unused_data
                if frame.eof:
                    frame = None
                if piece:
                    yield piece
        if frame is not None:
            raise self._broken("the file ends within a frame: it is truncated")

    def _complaint(self, error: zstandard.ZstdError) -> str:
        if "too much memory" in str(error):
            return (
                f"decompressing it takes more than {_WINDOW_BYTES >> 20} MiB of history: "
                "compress it again with `zstd -19` or a lower level"
            )
        what = "not zstd" if not self.offset else "damaged from here on"
        return f"{what} ({error})"

    def _broken(self, what: str) -> ArchiveError:
        return ArchiveError(f"{self._name}, after line {self.line}, at octet {self.offset}: {what}")


def _in_one_line(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        [first, *_] = error.errors(include_url=False, include_input=False)
        return f"{'.'.join(map(str, first['loc']))} {rule_of(first)}".strip()
    return str(error)
