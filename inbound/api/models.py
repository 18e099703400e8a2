"""Models of requests and answers, from which the OpenAPI schemas are generated.

Requests with unknown fields are refused, so a misspelt field is not ignored. Fields may be
added to answers, so callers must ignore unknown ones.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from inbound.api.examples import ERASED, REQUEST, SUBJECT
from inbound.api.patterns import TEXT
from inbound.directory.port import FIELD_LIMITS
from inbound.store.access.audit import LIKE_A_NUMBER, MAX_LENGTH
from schemas.base import UtcTime
from schemas.documented_enum import DocumentedEnum

MAX_SUBJECTS: Final = 100

NO_NUMBER: Final[dict[str, JsonValue]] = {"not": {"pattern": LIKE_A_NUMBER.pattern}}

Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_LENGTH,
        pattern=TEXT,
        description="why; recorded for ever, so it must not contain a phone number",
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
    """Base class of query parameters and request bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ResponseModel(BaseModel):
    """Base class of answers."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


def example(of: Any) -> ConfigDict:  # noqa: ANN401  JSON
    """Return a model configuration with one example."""
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
        description="when the last `CLIENT sms stop` or `start` was decided; null if there was "
        "none, so notifications are on"
    )
    request_id: UUID | None = Field(description="the request that caused it; null if none did")


class ClientNumber(ResponseModel):
    """One number of a client."""

    phone: str = Field(description="masked unless revealed")
    may_be_texted: bool
    since: UtcTime | None = Field(description="when this state began; null if it never changed")


class ClientSubscription(ResponseModel):
    """Whether each number of a client may be sent notifications and broadcasts."""

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
        min_length=1, max_length=MAX_SUBJECTS, description="subject ids, as in events"
    )
    reason: Reason


class SubjectState(DocumentedEnum):
    """What is known of who a subject is."""

    REGISTERED = "registered", "a client in the directory"
    UNREGISTERED = "unregistered", "a person whose number belongs to no client"
    ERASED = "erased", "a person whose data was deleted: delete yours"
    UNKNOWN = "unknown", "no person has this id"


class ResolvedSubject(ResponseModel):
    """One subject and its client."""

    subject_id: UUID
    state: SubjectState = Field(
        description="`registered`: the client has `client_id`. `unregistered`: the subject is a "
        "person whose number belongs to no client. `erased`: the person's data was deleted; delete "
        "yours. `unknown`: no person has this id"
    )
    client_id: str | None = Field(
        description="the client's id in the directory; null unless the state is `registered`"
    )


class ResolveAnswer(ResponseModel):
    """Every requested subject, in the same order."""

    model_config = example(
        {
            "clients": [
                {"subject_id": SUBJECT, "state": "registered", "client_id": "C-1001"},
                {"subject_id": ERASED, "state": "erased", "client_id": None},
            ]
        }
    )

    clients: list[ResolvedSubject]
