"""Requests and answers of the API: what OpenAPI shows is made of these.

Requests refuse fields that they don't know, so that a misspelt one is not ignored. Of answers
readers must ignore what they don't know: a field may be added to them.
"""

import re
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from inbound.api.examples import ERASED, REQUEST, SUBJECT
from inbound.directory.port import FIELD_LIMITS
from inbound.store.access.audit import LIKE_A_NUMBER, MAX_LENGTH
from schemas.base import UtcTime

MAX_SUBJECTS: Final = 100


# No control characters, nothing of no width, nothing that turns the direction of writing: what
# is kept is shown to people, and PostgreSQL takes no NUL.
_HIDDEN: Final = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
# With something in it to be seen.
TEXT: Final = rf"^[^{_HIDDEN}]*[^\s{_HIDDEN}][^{_HIDDEN}]*$"
NO_NUMBER: Final[dict[str, JsonValue]] = {"not": {"pattern": LIKE_A_NUMBER.pattern}}
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.IGNORECASE,
)


def _be_rfc_3339(value: object) -> object:
    """Refuse what pydantic takes beside it: seconds since 1970, dates, other separators."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("has to be a time with its offset, like 2024-05-17T12:30:00Z")
    return value


Moment = Annotated[UtcTime, BeforeValidator(_be_rfc_3339)]
"""A time as RFC 3339 writes it."""

Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_LENGTH,
        pattern=TEXT,
        description="why; it is recorded for ever, so without a phone number",
        examples=["ticket 4711"],
        json_schema_extra=NO_NUMBER,
    ),
]
ClientId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=FIELD_LIMITS["client_id"],
        pattern=TEXT,
        description="the client's id in the directory",
        examples=["C-1001"],
    ),
]


class RequestModel(BaseModel):
    """Root of all bodies that are sent to us."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ResponseModel(BaseModel):
    """Root of all answers."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


def example(of: Any) -> ConfigDict:  # noqa: ANN401  JSON
    """Return the model configuration that shows one example."""
    return ConfigDict(json_schema_extra={"examples": [of]})


class SubjectSubscription(ResponseModel):
    """Whether one subject may be sent notifications and broadcasts."""

    model_config = example(
        {
            "subject_id": SUBJECT,
            "may_be_texted": False,
            "since": "2024-05-17T12:00:00.120000Z",
            "request_id": REQUEST,
        }
    )

    subject_id: UUID
    may_be_texted: bool
    since: UtcTime | None = Field(
        description="when the last `CLIENT sms stop` or `start` was decided; null when there was "
        "none, and then notifications are on"
    )
    request_id: UUID | None = Field(description="the request that made it so; null when none did")


class ClientNumber(ResponseModel):
    """One number of a client."""

    phone: str = Field(description="masked unless it is revealed")
    may_be_texted: bool
    since: UtcTime | None = Field(description="when it became so; null when it always was")


class ClientSubscription(ResponseModel):
    """Whether a client may be sent notifications and broadcasts, number by number."""

    model_config = example(
        {
            "client_id": "C-1001",
            "numbers": [
                {
                    "phone": "+7916*****67",
                    "may_be_texted": False,
                    "since": "2024-05-17T12:00:00.120000Z",
                },
                {"phone": "+7903*****33", "may_be_texted": True, "since": None},
            ],
        }
    )

    client_id: str
    numbers: list[ClientNumber]


class ResolveRequest(RequestModel):
    """Subjects to resolve."""

    model_config = example({"subjects": [SUBJECT, ERASED], "reason": "ticket 4711"})

    subjects: list[UUID] = Field(
        min_length=1, max_length=MAX_SUBJECTS, description="subject ids, as events have them"
    )
    reason: Reason


class ResolvedSubject(ResponseModel):
    """One subject and whose it is."""

    subject_id: UUID
    client_id: str | None = Field(
        description="the client's id in the directory; null for a subject that is unknown or "
        "erased, and for a number that is no client's"
    )


class ResolveAnswer(ResponseModel):
    """Every subject that was asked for, in the same order."""

    model_config = example(
        {
            "clients": [
                {"subject_id": SUBJECT, "client_id": "C-1001"},
                {"subject_id": ERASED, "client_id": None},
            ]
        }
    )

    clients: list[ResolvedSubject]
