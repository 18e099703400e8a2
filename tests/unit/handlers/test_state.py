"""A stored state is read only by code that folds the same fields."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final
from uuid import UUID

import pytest

from inbound.handlers.state import (
    STATE_VERSION,
    Gate,
    OpenOrder,
    OpenRequest,
    Previous,
    Stage,
    SubjectState,
    UnsentOrder,
)
from schemas.base import UtcTime
from schemas.events import Command, Plan
from schemas.sending_hours import SendingHours

VERSION: Final = 10
FIELDS: Final[Mapping[type[Any], Mapping[str, Any]]] = {
    SubjectState: {
        "notifications_on": bool,
        "previous": Previous | None,
        "accepted_at": tuple[UtcTime, ...],
        "limit_reported_at": UtcTime | None,
        "open": Mapping[UUID, OpenRequest],
        "heard": Mapping[Command, UtcTime],
        "orders": Mapping[UUID, OpenOrder],
        "unsent": UnsentOrder | None,
        "is_recipient": bool,
    },
    OpenRequest: {
        "plan": Plan,
        "centre": str,
        "arrived_at": UtcTime,
        "confirm": bool,
        "stage": Stage,
        "unknown_attempts": int,
        "gate": Gate,
    },
    OpenOrder: {
        "last_at": UtcTime,
        "not_after": UtcTime,
        "hours": SendingHours | None,
        "dispatch": int,
        "unknown_attempts": int,
        "account": str,
    },
    UnsentOrder: {"order_id": UUID, "account": str},
    Previous: {"command": Command, "arrived_at": UtcTime, "waited_s": float, "refused": bool},
}


@pytest.mark.parametrize("part", FIELDS, ids=lambda part: part.__name__)
def test_other_fields_need_another_version(part: type[Any]) -> None:
    """Without one, states that the release before stored would be read without the new field."""
    found = {field.name: field.type for field in fields(part)}
    assert (STATE_VERSION, found) == (VERSION, FIELDS[part]), (
        f"when a field of {part.__name__} changes, raise STATE_VERSION in "
        "inbound/handlers/state.py, so that stored states are folded again; then set VERSION and "
        f"FIELDS in this test. STATE_VERSION is {STATE_VERSION}, VERSION is {VERSION}"
    )
