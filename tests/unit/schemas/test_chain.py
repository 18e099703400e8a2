"""What a digest of the log covers, held against values that were written down once."""

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.chain import GENESIS, Chains, body, chain_of, digest, microseconds

STREAM = UUID("6f1d3c52-4b1e-4a68-9d5c-0c3e7c1f2a90")
AT = datetime(2024, 5, 17, 12, 0, 0, 123456, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "stream_id": STREAM,
    "version": 3,
    "type_": "request.accepted",
    "schema_version": 1,
    "data": '{"text": "Привет",  "n":1.0}'.encode(),
    "metadata": b"{}",
}


def of(previous: bytes = GENESIS, position: int = 7, at: datetime = AT, **changed: Any) -> bytes:
    return digest(previous, position, microseconds(at), body(**(EVENT | changed)))


def test_format_is_as_documented() -> None:
    """A subscriber in another language does this from the description alone."""
    data = EVENT["data"]
    encoded = (
        b"\x01"
        + bytes(32)
        + (7).to_bytes(8, "big")
        + (1_715_947_200_123_456).to_bytes(8, "big")
        + STREAM.bytes
        + (3).to_bytes(4, "big")
        + (1).to_bytes(2, "big")
        + len("request.accepted").to_bytes(2, "big")
        + len(data).to_bytes(4, "big")
        + b"request.accepted"
        + data
        + sha256(b"{}").digest()
    )
    assert of() == sha256(encoded).digest()
    assert of().hex() == "c5f24a5eaf96e8c06918fc2c50d2c3f2027cc86de8e59a34ec0bc09ea3839993"


@pytest.mark.parametrize(
    "changed",
    [
        {"previous": sha256(b"").digest()},
        {"position": 8},
        {"at": AT + timedelta(microseconds=1)},
        {"stream_id": UUID(int=STREAM.int + 1)},
        {"version": 4},
        {"type_": "request.accepteD"},
        {"schema_version": 2},
        {"data": EVENT["data"].replace(b"  ", b" ")},
        {"metadata": b"{ }"},
        # The same bytes in a row, with another end of the type and the data.
        {"type_": "request.accepted{", "data": EVENT["data"][1:]},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_whatever_is_changed_changes_the_digest(changed: dict[str, Any]) -> None:
    assert of(**changed) != of()


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_exact(moment: datetime) -> None:
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds(moment)) == moment


def test_zone_of_a_time_does_not_matter() -> None:
    assert of(at=AT.astimezone(timezone(timedelta(hours=3)))) == of()


def test_chains_go_on_where_they_ended_and_apart_from_each_other() -> None:
    events = [(number % 3, number, b"event %d" % number) for number in range(1, 10)]
    whole, first = Chains(), Chains()
    digests = [whole.append(chain, position, 5, data) for chain, position, data in events]
    for chain, position, data in events[:4]:
        first.append(chain, position, 5, data)
    second = Chains(first.positions, first.digests)
    assert [second.append(c, p, 5, data) for c, p, data in events[4:]] == digests[4:]
    assert second.heads() == whole.heads()
    assert digests[3] == digest(digests[0], 4, 5, b"event 4")
    assert whole.heads()[3:] == [(0, GENESIS)] * 5


def test_chain_of_a_stream_stays_what_it_is() -> None:
    assert [chain_of(UUID(int=number)) for number in range(4)] == [5, 2, 5, 3]
