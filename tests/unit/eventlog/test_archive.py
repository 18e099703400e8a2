"""An exported log comes back as it was, or the damage is named; it never comes back changed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from random import Random
from uuid import UUID

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from inbound.eventlog import archive
from inbound.eventlog.archive import (
    ArchiveError,
    ArchiveReader,
    ArchiveWriter,
    Header,
    Trailer,
    decode_event,
    encode_event,
)
from inbound.eventlog.checker import Checker
from inbound.store.log.copy_format import (
    StoredEvent,
    encode_position,
    encode_position_without_chain,
    encode_stored,
    parse_event,
)
from schemas.chain import Chains, chain_of, stored_body

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)
EVENTS = 300


def log(count: int = EVENTS) -> tuple[list[StoredEvent], Chains]:
    chains, random = Chains(), Random(7)
    made = []
    for position in range(1, count + 1):
        stream = UUID(int=random.getrandbits(128))
        data = b'{"n":  %d, "text": "\\u041f \xd0\x9f%s"}' % (
            position,
            random.randbytes(99).hex().encode(),
        )
        columns = (stream.bytes, 1, "test.happened", 1, data, b"{ }")
        at = 1_715_947_200_123_456 + position
        digest = chains.append(chain_of(stream), position, at, stored_body(*columns))
        made.append(StoredEvent(position, at, chain_of(stream), digest, *columns))
    return made, chains


def archived(events: list[StoredEvent], chains: Chains, **header: int) -> bytes:
    file = BytesIO()
    writer = ArchiveWriter(file)
    values = {"scserv_log": 1, "chains": 8, "first_position": 1, "last_position": len(events)}
    writer.write(Header(**(values | header), exported_at=NOON).model_dump_json().encode())
    for event in events:
        writer.write(encode_event(event))
    trailer = Trailer.of(len(events), len(events), chains.heads())
    writer.write(trailer.model_dump_json().encode())
    writer.close()
    return file.getvalue()


def read(content: bytes) -> list[StoredEvent]:
    """Read a file as the import does, digests included."""
    reader = ArchiveReader(BytesIO(content), "FILE")
    header = reader.header()
    checker = Checker(Chains(), schemas=False)

    def checked() -> Iterator[StoredEvent]:
        for event in reader.events():
            for problem in checker.check((event,)):
                raise reader.error(str(problem))
            yield event

    events = list(checked())
    trailer = Trailer.of(checker.events, checker.position, checker.chains.heads())
    reader.finish(header, trailer)
    return events


@pytest.fixture(scope="module", params=["one frame", "many frames"])
def content(request: pytest.FixtureRequest) -> Iterator[bytes]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "many frames":
            patch.setattr(archive, "_FRAME_BYTES", 10_000)
        yield archived(*log())


def test_what_was_written_comes_back(content: bytes) -> None:
    assert read(content) == log()[0]


def test_file_is_lines_of_json_for_any_zstd(content: bytes) -> None:
    frames = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
    lines = frames.read().splitlines()
    assert len(lines) == EVENTS + 2
    assert lines[1].startswith(b'{"position":1,"recorded_at":"2024-05-17T12:00:00.123457+00:00",')
    assert b'"data":"{\\"n\\":  1, ' in lines[1]


def test_empty_log_is_a_file_too() -> None:
    assert read(archived([], Chains())) == []


def test_file_that_was_cut_anywhere_is_refused(content: bytes) -> None:
    whole = len(content)
    for end in {*range(0, whole, 997), *range(whole - 40, whole)}:
        with pytest.raises(ArchiveError, match=r"^FILE") as refused:
            read(content[:end])
        told = str(refused.value)
        assert end == 0 or "line " in told
        assert any(word in told for word in ("is truncated", "ends", "is empty")), told


def test_cut_says_after_which_line(content: bytes) -> None:
    lines = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True).read()
    kept = b"\n".join(lines.splitlines()[:100]) + b"\n"
    with pytest.raises(
        ArchiveError, match="FILE, line 100: the file ends after this line: it is truncated"
    ):
        read(zstandard.compress(kept))


@pytest.mark.parametrize("digests", [True, False])
def test_flipped_bit_anywhere_is_refused_or_changes_nothing(*, digests: bool) -> None:
    """A few bits of a frame's header mean nothing; then what comes out is what went in."""
    events, chains = log()
    if not digests:  # events from before the chains: only the frames' checksums vouch for them
        events = [event._replace(chain=None, digest=None) for event in events]
        chains = Chains()
    content, random, refused = archived(events, chains), Random(3), 0
    for _ in range(600):
        damaged = bytearray(content)
        at = random.randrange(len(content))
        damaged[at] ^= 1 << random.randrange(8)
        try:
            assert read(bytes(damaged)) == events
        except ArchiveError:
            refused += 1
    assert refused > 590


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b'"n\\":  7,', b'"n\\":  8,', r"FILE, line 8: event 7 \(.*\): the digest does not fit"),
        (b'{"position":7,', b'{"position":9,', "FILE, line 8: event 7: it and all up to 8 are"),
        (b'"version":1', b'"version":"x"', "FILE, line 2: not an event: version "),
        (b'{"events":300', b'{"events":299', "FILE, line 302: it states 299 events up to 300"),
        (b'"last_position":300,"exp', b'"last_position":301,"exp', "the first line 301; there"),
        (b'"chains":8', b'"chains":4', "FILE, line 1: the log has 4 chains, this release has 8"),
        (b'"scserv_log":1', b'"scserv_log":2', "FILE, line 1: the format is 2, this release"),
        (b'"scserv_log":1', b'"log":1', "FILE, line 1: not an exported log: scserv_log "),
    ],
)
def test_line_that_was_changed_is_named(
    content: bytes, old: bytes, new: bytes, complaint: str
) -> None:
    lines = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True).read()
    assert old in lines
    with pytest.raises(ArchiveError, match=complaint):
        read(zstandard.compress(lines.replace(old, new, 1)))


def test_something_behind_the_end_is_refused(content: bytes) -> None:
    with pytest.raises(ArchiveError, match=f"line {EVENTS + 3}: it follows the end"):
        read(content + zstandard.compress(b"{}\n"))


def test_file_of_another_kind_is_refused() -> None:
    with pytest.raises(ArchiveError, match="FILE, after line 0, at octet 0: not zstd"):
        read(b"PK\x03\x04 something else")
    with pytest.raises(ArchiveError, match="FILE is empty"):
        read(b"")


_READ_WITHIN = """
import io, resource, sys
from inbound.eventlog.archive import ArchiveError, ArchiveReader

taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (96 << 20),) * 2)
reader = ArchiveReader(sys.stdin.buffer, "FILE")
try:
    reader.header()
    for _ in reader.events():
        pass
except ArchiveError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("octet", "behind_header", "complaint"),
    [
        (b"\0", False, "a line has more than 16 MiB, so this is no exported log: export it again"),
        (b"\0", True, "after line 1, at octet .* a line has more than 16 MiB"),
        (b"\n", False, "FILE, line 1: not an exported log"),
        (b"\n", True, "FILE, line 2: not an event"),
    ],
)
def test_file_that_unpacks_to_a_gigabyte_is_refused_in_96_mb(
    octet: bytes, behind_header: bool, complaint: str
) -> None:
    frame = zstandard.ZstdCompressor().compress(octet * (1 << 24))
    header = archived([], Chains(), last_position=1)
    lines = zstandard.ZstdDecompressor().decompress(header).splitlines(keepends=True)
    bomb = (zstandard.compress(lines[0]) if behind_header else b"") + frame * 64
    assert len(bomb) < 1 << 16
    read_within = [sys.executable, "-c", _READ_WITHIN]
    ran = subprocess.run(read_within, input=bomb, capture_output=True, check=False)
    assert re.search(complaint, ran.stdout.decode()), ran.stderr.decode()


def test_frame_with_a_long_history_is_refused() -> None:
    wide = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    content = compressor.compress(Random(1).randbytes(1 << 20)) + compressor.flush()
    with pytest.raises(ArchiveError, match=r"FILE, .*compress it again with `zstd -19`"):
        read(content)


@given(
    st.integers(1, 1 << 62),
    st.uuids(),
    st.integers(1, 1 << 30),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=90),
)
def test_any_event_passes_through_line_and_row(
    position: int, stream: UUID, version: int, type_: str, text: str
) -> None:
    columns = (stream.bytes, version, type_, 3, text.encode(), b"{}")
    event = StoredEvent(position, 1_715_947_200_123_456, 5, bytes(range(32)), *columns)
    assert decode_event(encode_event(event)) == event
    assert (
        parse_event(
            encode_position(position, event.recorded_us, 5, bytes(range(32)))
            + encode_stored(*columns)
        )
        == event
    )
    early = event._replace(chain=None, digest=None)
    assert decode_event(encode_event(early)) == early
    assert (
        parse_event(
            encode_position_without_chain(position, event.recorded_us) + encode_stored(*columns)
        )
        == early
    )
