"""Events are read in every version and never carry what names a person."""

import json
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from schemas.events import EVENTS, DomainEvent, SubscriptionStopped
from schemas.upcasters import UnknownEventError, older_forms, read_event

STOPPED = b'{"request_id":"00000000-0000-0000-0000-000000000001","at":"2026-01-01T00:00:00Z"}'
PERSONAL = {"number", "msisdn", "source", "destination", "text", "payload", "login", "password"}


def test_an_event_survives_being_written_and_read() -> None:
    event = read_event("subscription.stopped", 1, STOPPED)
    assert isinstance(event, SubscriptionStopped)
    assert event.request_id == UUID(int=1)
    assert event.to_json() == STOPPED


def test_a_field_of_a_newer_writer_is_ignored() -> None:
    newer = STOPPED[:-1] + b',"added_later":1}'
    assert read_event("subscription.stopped", 1, newer) == read_event(
        "subscription.stopped", 1, STOPPED
    )


def test_an_older_version_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SubscriptionStopped, "VERSION", 3)
    upcasters = {
        ("subscription.stopped", 1): lambda old: {"request_id": old["request"], "when": old["at"]},
        ("subscription.stopped", 2): lambda old: {
            "request_id": old["request_id"],
            "at": old["when"],
        },
    }
    oldest = STOPPED.replace(b"request_id", b"request")
    event = read_event("subscription.stopped", 1, oldest, upcasters=upcasters)
    assert event == SubscriptionStopped.model_validate_json(STOPPED)
    with pytest.raises(UnknownEventError, match=r"no upcaster for subscription\.stopped version 2"):
        read_event("subscription.stopped", 2, STOPPED, upcasters={})
    with pytest.raises(UnknownEventError, match="version 1 does not fit: 'request'"):
        read_event("subscription.stopped", 1, STOPPED, upcasters=upcasters)


def test_an_event_is_also_written_as_it_was_before() -> None:
    downcasters = {
        ("thing", 3): lambda new: {"two": new["three"]},
        ("thing", 2): lambda new: {"one": new["two"]},
    }
    forms = older_forms("thing", 3, b'{"three":1}', downcasters=downcasters)
    assert list(forms) == [(2, b'{"two":1}'), (1, b'{"one":1}')]
    assert not list(older_forms("thing", 1, b"{}", downcasters=downcasters))


@pytest.mark.parametrize(
    ("type_", "version", "data", "complaint"),
    [
        ("subscription.paused", 1, STOPPED, "no event type"),
        ("subscription.stopped", 2, STOPPED, "written by a newer release"),
        ("subscription.stopped", 1, b'{"at":"yesterday"}', "does not fit"),
        ("subscription.stopped", 1, STOPPED.replace(b"Z", b""), "does not fit"),
    ],
)
def test_what_cannot_be_read_is_said(type_: str, version: int, data: bytes, complaint: str) -> None:
    with pytest.raises(UnknownEventError, match=complaint):
        read_event(type_, version, data)


def fields_of(model: type[BaseModel]) -> set[str]:
    schema = json.dumps(model.model_json_schema())
    found: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            found.update(value.get("properties", {}))
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    collect(json.loads(schema))
    return found


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_no_event_has_a_field_for_what_names_a_person(event: type[DomainEvent]) -> None:
    assert not fields_of(event) & PERSONAL


def test_types_are_unique() -> None:
    assert len({event.TYPE for event in EVENTS}) == len(EVENTS)
