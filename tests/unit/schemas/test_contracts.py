"""A change that would break a reader or strand a writer is refused, and named."""

from enum import StrEnum
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema_rs import canonicalize
from jsonschema_rs.canonical import Containment
from pydantic import Field

from schemas.base import Model, UtcTime
from schemas.contracts.catalogue import Contract, Flow
from schemas.contracts.changes import Side, changes
from schemas.contracts.published import KNOWN_VALUES, Schema, schema_of
from schemas.contracts.released import ReleaseRecord
from schemas.contracts.rules import Casts, problems
from schemas.events import DomainEvent

TOPIC: dict[str, Any] = {
    "public": True,
    "what": "things",
    "partitions": 8,
    "config": {"cleanup.policy": "delete", "retention.ms": "7776000000"},
}


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Inner(Model):
    length: int


class Thing(Model):
    name: str
    size: int = Field(ge=0, le=255)
    at: UtcTime
    colour: Colour
    inner: Inner
    others: tuple[Inner, ...] = ()
    weight: float = 1.0
    note: str | None = None


def record(schema: Schema, *, flow: Flow = Flow.PUBLIC, **topic: Any) -> ReleaseRecord:
    types = {"ru.scserv.thing.v1": {**schema, "x-flow": flow.value, "x-topics": ["sms.things.v1"]}}
    return ReleaseRecord(types, {"sms.things.v1": {**TOPIC, **topic}})


def of_model(model: type[Model], **more: Any) -> ReleaseRecord:
    return record(schema_of(Contract("ru.scserv.thing.v1", model, Flow.PUBLIC, ())), **more)


def found(released: ReleaseRecord, today: ReleaseRecord, casts: Casts | None = None) -> list[str]:
    return [str(problem) for problem in problems(released, today, casts or Casts(()))]


def without(**changed: Any) -> type[Model]:
    """Return `Thing` with other fields; None leaves one out."""
    fields: dict[str, Any] = {
        name: (info.annotation, info) for name, info in Thing.model_fields.items()
    }
    fields |= changed
    kept = {name: field for name, field in fields.items() if field is not None}
    annotations = {name: annotation for name, (annotation, _) in kept.items()}
    defaults = {name: value for name, (_, value) in kept.items() if value is not ...}
    return type("Thing", (Model,), {"__annotations__": annotations, **defaults})


class Wider(StrEnum):
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class Narrower(StrEnum):
    RED = "red"


class Longer(Model):
    length: int
    unit: str


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a field is gone": ({"note": None}, "field note: is gone, which breaks subscribers"),
    "a field is renamed": (
        {"name": None, "title": (str | None, None)},
        "field name: is gone, which breaks subscribers",
    ),
    "a field may be missing": (
        {"name": (str | None, None)},
        "field name: is not always there any more, which breaks subscribers",
    ),
    "another type": (
        {"name": (int, ...)},
        "field name: was string, is integer, which breaks subscribers and the reading of older",
    ),
    "a wider type": (
        {"size": (float, Field(ge=0, le=255))},
        "field size: was integer, is number, which breaks subscribers.",
    ),
    "a narrower type": (
        {"weight": (int, 1)},
        "field weight: was number, is integer, which breaks the reading of older events.",
    ),
    "another format": ({"at": (str, ...)}, "field at: was string (date-time), is string"),
    "many in place of one": ({"name": (tuple[str, ...], ...)}, "field name: was string, is array"),
    "a wider range": ({"size": (int, Field(ge=0, le=999))}, "field size: maximum was 255, is 999"),
    "a narrower range": ({"size": (int, Field(ge=1, le=255))}, "field size: minimum was 0, is 1"),
    "another default": ({"weight": (float, 2.0)}, "field weight: default was 1.0, is 2.0"),
    "a value never announced": ({"colour": (Wider, ...)}, "field colour: value 'blue' is new"),
    "a value is gone": ({"colour": (Narrower, ...)}, "field colour: value 'green' is gone"),
    "values in place of any text": ({"name": (Colour, ...)}, "field name: was string, is string"),
    "a new field is required": (
        {"owner": (str, ...)},
        "field owner: is new and required, which breaks the reading of older events",
    ),
    "a field is required now": ({"note": (str, ...)}, "field note: is required now"),
    "deep inside": ({"inner": (Longer, ...)}, "field inner.unit: is new and required"),
    "in a list": ({"others": (tuple[Longer, ...], ())}, "field others[].unit: is new and required"),
    "what can't be judged": (
        {"size": (int, Field(ge=0, le=255, multiple_of=2))},
        "field size: multipleOf changed, which the comparison can't judge",
    ),
}


@pytest.mark.parametrize(("changed", "complaint"), REFUSED.values(), ids=REFUSED)
def test_a_change_that_breaks_somebody_is_refused(changed: dict[str, Any], complaint: str) -> None:
    (problem,) = found(of_model(Thing), of_model(without(**changed)))
    assert problem.startswith(f"ru.scserv.thing.v1, {complaint}")
    assert "Fix: " in problem


def test_an_optional_field_may_be_added() -> None:
    assert not found(of_model(Thing), of_model(without(owner=(str | None, None))))


def test_a_value_may_be_written_when_it_was_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as announcing:
        announcing.setattr("schemas.events.ANNOUNCED", (Wider.BLUE,))
        announced = of_model(without(colour=(Wider, ...)))
    assert not found(of_model(Thing), announced)
    assert not found(announced, of_model(without(colour=(Wider, ...))))
    (withdrawn,) = found(of_model(without(colour=(Wider, ...))), announced)
    assert "field colour: value 'blue' was written before and is only announced now" in withdrawn
    assert withdrawn.endswith("take it off ANNOUNCED (schemas/events.py)")


def test_the_ways_out_are_those_that_help() -> None:
    (optional,) = found(of_model(Thing), of_model(without(owner=(str, ...))))
    (announce,) = found(of_model(Thing), of_model(without(colour=(Wider, ...))))
    (version,) = found(of_model(Thing), of_model(without(note=None)))
    assert optional.endswith("make it optional: `| None = None`")
    assert "ANNOUNCED" in announce
    assert "make thing.v2 beside it" in version


def test_who_writes_to_us_may_go_on_as_before() -> None:
    accepts = of_model(Thing, flow=Flow.ACCEPTED)
    assert not found(accepts, of_model(without(note=None), flow=Flow.ACCEPTED))
    assert not found(accepts, of_model(without(name=(str | None, None)), flow=Flow.ACCEPTED))
    (problem,) = found(accepts, of_model(without(owner=(str, ...)), flow=Flow.ACCEPTED))
    assert "owner: is new and required, which breaks the services that write it" in problem


def test_an_upgrade_is_thought_of() -> None:
    internal = of_model(Thing, flow=Flow.INTERNAL)
    (gone,) = found(internal, of_model(without(note=None), flow=Flow.INTERNAL))
    assert "breaks processes of the release before, during an upgrade" in gone
    (new,) = found(internal, of_model(without(owner=(str, ...)), flow=Flow.INTERNAL))
    assert "breaks the reading of what the release before has written" in new


def test_a_type_stays_where_it_is() -> None:
    released = of_model(Thing)
    assert found(released, ReleaseRecord({}, released.topics)) == [
        "ru.scserv.thing.v1: was released and is gone. Fix: keep it; others read it"
    ]
    (turned,) = found(released, of_model(Thing, flow=Flow.INTERNAL))
    assert "was public, is internal" in turned
    moved = of_model(Thing)
    moved.types["ru.scserv.thing.v1"]["x-topics"] = ["sms.elsewhere.v1"]
    (problem,) = found(released, moved)
    assert "is no longer on sms.things.v1" in problem


class ThingHappened(DomainEvent):
    TYPE = "thing"
    VERSION = 2

    name: str


def test_an_older_version_of_an_event_is_still_read_and_written() -> None:
    released, today = of_model(Thing), ReleaseRecord({}, of_model(Thing).topics)
    both = Casts((ThingHappened,), {("thing", 1)}, {("thing", 2)})
    assert not found(released, today, both)
    (unread,) = found(released, today, Casts((ThingHappened,), (), {("thing", 2)}))
    assert unread.startswith("ru.scserv.thing.v1: has no upcaster")
    (unwritten,) = found(released, today, Casts((ThingHappened,), {("thing", 1)}, ()))
    assert unwritten.startswith("ru.scserv.thing.v1: is not made from version 2")


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"partitions": 9}, "had 8 partitions, has 9: keys would move"),
        ({"public": False}, "was public, is internal"),
        ({"config": {**TOPIC["config"], "cleanup.policy": "compact"}}, "cleanup.policy was delete"),
        ({"config": {**TOPIC["config"], "retention.ms": "1"}}, "retention.ms was 7776000000, is 1"),
    ],
)
def test_a_topic_stays_as_it_is(changed: dict[str, Any], complaint: str) -> None:
    (problem,) = found(of_model(Thing), of_model(Thing, **changed))
    assert problem.startswith(f"topic sms.things.v1: {complaint}")


def test_what_was_to_be_kept_for_ever_is_not_limited_later() -> None:
    kept = {"config": {**TOPIC["config"], "retention.ms": "-1"}}
    assert not found(of_model(Thing), of_model(Thing, **kept))
    (problem,) = found(of_model(Thing, **kept), of_model(Thing))
    assert "retention.ms was -1, is 7776000000" in problem


def test_a_topic_is_not_taken_away() -> None:
    (problem,) = found(of_model(Thing), ReleaseRecord(of_model(Thing).types, {}))
    assert problem.startswith("topic sms.things.v1: was released and is gone")


# -- the second opinion ----------------------------------------------------------------------


def closed(schema: Any) -> Any:
    """Return the schema with its known values as the only ones, as our own readers have it."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        "enum" if key == KNOWN_VALUES else key: closed(value)
        for key, value in schema.items()
        if key not in {"x-flow", "x-topics"}
    }


SCHEMAS = st.recursive(
    st.one_of(
        st.builds(
            lambda type_, low: {"type": type_, **({} if low is None else {"minimum": low})},
            st.sampled_from(["integer", "number"]),
            st.one_of(st.none(), st.integers(0, 3)),
        ),
        st.just({"type": "boolean"}),
        st.builds(
            lambda values: {"type": "string", **({KNOWN_VALUES: sorted(values)} if values else {})},
            st.sets(st.sampled_from("abc")),
        ),
    ),
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.dictionaries(st.sampled_from("xyz"), st.tuples(inner, st.booleans()), min_size=1).map(
            lambda fields: {
                "type": "object",
                "properties": {name: schema for name, (schema, _) in fields.items()},
                "required": sorted(name for name, (_, needed) in fields.items() if needed),
            }
        ),
    ),
    max_leaves=4,
)


@given(SCHEMAS, SCHEMAS)
@example({"type": "number", "minimum": 0}, {"type": "integer"})
def test_what_is_let_pass_is_proven_to_fit_by_a_library(one: Schema, other: Schema) -> None:
    broken = set().union(*(change.breaks for change in changes(one, other)))
    if Side.READERS not in broken:
        # UNKNOWN: the library can't prove it either way.
        assert canonicalize(closed(one)).covers(canonicalize(closed(other))) is not Containment.NO
