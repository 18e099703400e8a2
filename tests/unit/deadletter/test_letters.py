"""What a dead letter holds of a record, and its reason: where, and nothing of the content."""

import json
from dataclasses import replace

import pytest

from inbound.deadletter.letters import person_of, reason_of, to_dead_letter
from inbound.errors import PoisonError
from inbound.kafka.decoding import TopicRecord
from inbound.store.dead_letters.rows import RETRIED_HEADER

HASH = bytes(range(16))
RECORD = TopicRecord("t", 3, 7, HASH.hex().encode(), b"garbage", [("h", b"\xff")])


def test_key_and_headers_are_kept() -> None:
    letter = to_dead_letter(RECORD, PoisonError("no text"))
    assert (letter.key, letter.headers) == (RECORD.key, (("h", b"\xff"),))
    assert letter.reason == "no text"
    assert letter.number_hash == HASH


def test_the_reason_says_where_and_quotes_nothing() -> None:
    try:
        person_of(TopicRecord("t", 0, 0, b"", None))  # type: ignore[arg-type]  # what a bug does
    except TypeError as error:
        reason = reason_of(error)
    assert reason.startswith("TypeError in inbound/deadletter/letters.py:")
    assert reason.endswith(", _key_in_value")
    assert reason_of(ValueError("canary")) == "ValueError"


@pytest.mark.parametrize("name", ["results", "receipts"])
def test_a_single_result_or_receipt_tells_whose_it_is(name: str) -> None:
    one = {"key": HASH.hex()}
    assert person_of(replace(RECORD, key=None, value=json.dumps({name: [one]}).encode())) == HASH
    assert (
        person_of(replace(RECORD, key=None, value=json.dumps({name: [one, one]}).encode())) is None
    )


@pytest.mark.parametrize(
    "value",
    [b"", b"[]", b"1", b'{"results": 1}', b'{"results": [1]}', b'{"results": [{"key": 1}]}'],
)
def test_garbage_tells_no_person(value: bytes) -> None:
    assert person_of(replace(RECORD, key=None, value=value)) is None
    assert person_of(replace(RECORD, key=b"\xff" * 32, value=value)) is None


@pytest.mark.parametrize(
    ("written", "times"), [(b"2", 2), (b"", 0), (b"x", 0), (b"\xff", 0), (b"9" * 50, 0), (b"-1", 0)]
)
def test_a_record_tells_how_often_it_was_retried(written: bytes, times: int) -> None:
    record = replace(RECORD, headers=[(RETRIED_HEADER, written)])
    assert to_dead_letter(record, PoisonError("x")).retried == times
