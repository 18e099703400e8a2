"""Every time in an answer or a record is in UTC, whatever offset was given."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from pydantic import AwareDatetime, BaseModel

import inbound.api.app  # noqa: F401  imports every model of an answer
from inbound.api.models import ResponseModel
from inbound.freshness.model import Pending, PendingWork
from inbound.timeline.model import Step
from schemas.base import Model, UtcTime

_, MAKES_UTC = get_args(UtcTime)
LOCAL = {(Step, "local")}
"""What is meant to be in the zone that the answer names."""


def subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for one in model.__subclasses__():
        yield one
        yield from subclasses(one)


def is_bare(annotation: Any) -> bool:
    """Whether it has a time that is not made UTC; naive times of SMS centres don't count."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        return MAKES_UTC not in metadata and is_bare(inner)
    return annotation in (datetime, AwareDatetime) or any(map(is_bare, get_args(annotation)))


def bare_times(model: type[BaseModel]) -> list[str]:
    hints = get_type_hints(model, include_extras=True)
    names = [name for name in model.model_fields if is_bare(hints[name])]
    return [name for name in names if (model, name) not in LOCAL]


@pytest.mark.parametrize("base", [ResponseModel, Model])
def test_no_model_has_a_time_that_keeps_its_offset(base: type[BaseModel]) -> None:
    models = list(subclasses(base))
    assert len(models) > 20
    found = {one.__name__: bare for one in models if (bare := bare_times(one))}
    assert found == {}


def test_a_time_with_an_offset_is_written_in_utc() -> None:
    in_omsk = datetime(2024, 5, 17, 18, tzinfo=timezone(timedelta(hours=6)))
    pending = Pending(work=PendingWork.TEXTS, since=in_omsk)
    assert b'"since":"2024-05-17T12:00:00Z"' in pending.to_json()
