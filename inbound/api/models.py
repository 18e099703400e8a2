"""Models of requests and answers, from which the OpenAPI schemas are generated.

Requests with unknown fields are refused, so a misspelt field is not ignored. Fields may be
added to answers, so callers must ignore unknown ones.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from inbound.api.examples import ERASED, SUBJECT
from inbound.api.patterns import TEXT
from inbound.directory.port import FIELD_LIMITS
from inbound.freshness.model import Freshness, Pending
from inbound.store.access.audit import LIKE_A_NUMBER, MAX_LENGTH
from schemas.base import UtcTime
from schemas.documented_enum import DocumentedEnum

AMOUNT: Final = "decimal text with two digits after the point, or up to four"
"""Of money; `inbound.money.amount_text` writes it."""

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


class CurrentAnswer(ResponseModel):
    """An answer that tells how current it is."""

    as_of: UtcTime | None = Field(
        default=None,
        description="all that the service had received before then is in the answer; null or "
        "absent when that can't be known now",
    )
    pending: list[Pending] = Field(
        default_factory=list,
        description="what was received and is not in the answer yet; as long as there is "
        "something, the answer denies nothing",
        json_schema_extra={"default": []},
    )

    @staticmethod
    def current(freshness: Freshness) -> dict[str, Any]:
        """Return the values of these fields."""
        return {"as_of": freshness.as_of, "pending": list(freshness.pending)}


def example(of: Any) -> ConfigDict:  # noqa: ANN401  JSON
    """Return a model configuration with one example."""
    return ConfigDict(json_schema_extra={"examples": [of]})


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
