"""Requests and answers of the API: what OpenAPI shows is made of these.

Requests refuse fields that they don't know, so that a misspelt one is not ignored. Of answers
readers must ignore what they don't know: a field may be added to them.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from inbound.directory.port import FIELD_LIMITS
from inbound.store.audit import MAX_LENGTH
from schemas.base import UtcTime

MOST_SUBJECTS: Final = 100

SUBJECT: Final = "5f0f1a52-6b5e-4a58-9df5-0c1f7a0f6c11"
REQUEST: Final = "9d1f3a77-52c4-4be5-8f0e-2a6a4f1d9b10"
ERASED: Final = "0b9d6f0e-2f0a-4c1c-8f39-7a5d4f7f3c02"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that can't be printed")
    return text


Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_LENGTH,
        description="why; it is recorded for ever, so without a phone number",
        examples=["ticket 4711"],
    ),
    AfterValidator(_printable),
]


ClientId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=FIELD_LIMITS["client_id"],
        description="the client's id in the directory",
        examples=["C-1001"],
    ),
    AfterValidator(_printable),
]


class Asked(BaseModel):
    """Root of all bodies that are sent to us."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Answer(BaseModel):
    """Root of all answers."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


def example(of: Any) -> ConfigDict:  # noqa: ANN401  JSON
    """Return the model configuration that shows one example."""
    return ConfigDict(json_schema_extra={"examples": [of]})


class SubjectSubscription(Answer):
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


class ClientNumber(Answer):
    """One number of a client."""

    phone: str = Field(description="masked unless it is revealed")
    may_be_texted: bool
    since: UtcTime | None = Field(description="when it became so; null when it always was")


class ClientSubscription(Answer):
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


class ResolveRequest(Asked):
    """Subjects to resolve."""

    model_config = example({"subjects": [SUBJECT, ERASED], "reason": "ticket 4711"})

    subjects: list[UUID] = Field(
        min_length=1, max_length=MOST_SUBJECTS, description="subject ids, as events have them"
    )
    reason: Reason


class ResolvedSubject(Answer):
    """One subject and whose it is."""

    subject_id: UUID
    client_id: str | None = Field(
        description="the client's id in the directory; null for a subject that is unknown or "
        "erased, and for a number that is no client's"
    )


class ResolveAnswer(Answer):
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
