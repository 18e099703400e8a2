"""Models of the questions whether people may be sent messages, and of their answers."""

from typing import Any, Final, Self
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from inbound.api.examples import REQUEST, SUBJECT
from inbound.api.models import ClientId, CurrentAnswer, RequestModel, ResponseModel, example
from inbound.api.patterns import WORDS
from inbound.api.person_states import Named, NumberState, PersonState
from inbound.field_rules import first_rule
from inbound.parsers.numbers import NumberError, mask, parse_msisdn
from inbound.store.people.subscriptions import SubscriptionRow
from schemas.base import UtcTime

MAX_RECIPIENTS: Final = 100

_CLIENT_ID: Final[TypeAdapter[str]] = TypeAdapter(ClientId)

_SINCE: Final = "2024-05-17T12:00:00.120000Z"
_CURRENT: Final[dict[str, Any]] = {"as_of": "2024-05-17T12:01:00Z", "pending": []}
_PENDING: Final[dict[str, Any]] = {
    "as_of": "2024-05-17T12:00:41.300000Z",
    "pending": [{"work": "texts", "since": "2024-05-17T12:00:41.300000Z"}],
}
_STOPPED: Final[dict[str, Any]] = {
    "phone": "+7916*****67",
    "may_be_texted": False,
    "since": _SINCE,
    "version": 3,
    "subject_id": SUBJECT,
}
_NEVER_CHANGED: Final[dict[str, Any]] = {
    "phone": "+7903*****33",
    "may_be_texted": True,
    "since": None,
    "version": 0,
    "subject_id": None,
}


class SubscriptionState(ResponseModel):
    """Whether one number may be sent notifications and broadcasts."""

    may_be_texted: bool
    since: UtcTime | None = Field(
        description="when the last `CLIENT sms stop` or `start` was decided; null if there was "
        "none, so notifications are on"
    )
    version: int = Field(
        ge=0,
        description="`version` of the record of `sms.subscriptions.v1` that says the same; 0 if "
        "there is none. Of an answer and a record the one with the higher version is the newer",
    )

    @staticmethod
    def values_of(found: SubscriptionRow | None) -> dict[str, Any]:
        """Return the values of these fields; None for a number that never sent a command."""
        return {
            "may_be_texted": found is None or found.may_be_texted,
            "since": None if found is None else found.since,
            "version": 0 if found is None else found.version,
        }


class SubjectSubscription(SubscriptionState, CurrentAnswer):
    """Whether one subject may be sent notifications and broadcasts."""

    model_config = example(
        {
            "may_be_texted": False,
            "since": _SINCE,
            "version": 3,
            "subject_id": SUBJECT,
            "request_id": REQUEST,
            **_CURRENT,
        }
    )

    subject_id: UUID
    request_id: UUID | None = Field(description="the request that caused it; null if none did")


class ClientNumber(SubscriptionState):
    """One number of a client."""

    phone: str = Field(description="masked unless revealed")
    subject_id: UUID | None = Field(
        description="the subject of events and of `sms.subscriptions.v1`, for a token that also "
        "has the scope `resolve`, else null; null too if the number has no subject: it never sent "
        "a command and was sent nothing"
    )

    @classmethod
    def of(cls, state: NumberState, *, reveal: bool, resolve: bool) -> Self:
        """Return the answer about a number; `resolve` names its subject."""
        return cls(
            **cls.values_of(state.subscription),
            phone=state.number if reveal else mask(state.number),
            subject_id=state.subject_id if resolve else None,
        )


class ClientSubscription(CurrentAnswer):
    """Whether each number of a client may be sent notifications and broadcasts."""

    model_config = example(
        {"client_id": "C-1001", "numbers": [_STOPPED, _NEVER_CHANGED], **_CURRENT}
    )

    client_id: str
    numbers: list[ClientNumber]


class Recipient(RequestModel):
    """Whom to send a message to: one of `to`, `client_id` and `subject_id`."""

    to: str | None = Field(
        default=None,
        description="a mobile number with its country code, in any usual format",
        examples=["+79161234567"],
    )
    client_id: str | None = Field(
        default=None, description="the client's id in the directory", examples=["C-1001"]
    )
    subject_id: str | None = Field(
        default=None, description="a subject, as in events", examples=[SUBJECT]
    )

    @model_validator(mode="after")
    def _name_one(self) -> Self:
        if sum(each is not None for each in (self.to, self.client_id, self.subject_id)) != 1:
            raise ValueError("has to name exactly one of `to`, `client_id` and `subject_id`")
        return self

    def named(self) -> Named:
        """Return whom it names. Raises ValueError, which says why it can name nobody."""
        try:
            number = None if self.to is None else parse_msisdn(self.to)
        except NumberError as error:
            raise ValueError(f"to: {error}; write it like +79161234567") from None
        try:
            client_id = (
                None if self.client_id is None else _CLIENT_ID.validate_python(self.client_id)
            )
        except ValidationError as error:
            raise ValueError(f"client_id {first_rule(error, WORDS)}") from None
        try:
            subject_id = None if self.subject_id is None else UUID(self.subject_id)
        except ValueError:
            raise ValueError("subject_id has to be a UUID, as in events") from None
        return Named(number, client_id, subject_id)


class SubscriptionQuery(RequestModel):
    """People to ask about."""

    model_config = example(
        {"recipients": [{"to": "+79161234567"}, {"client_id": "C-1001"}, {"subject_id": SUBJECT}]}
    )

    recipients: list[Recipient] = Field(min_length=1, max_length=MAX_RECIPIENTS)


class RecipientSubscription(CurrentAnswer):
    """The answer about one recipient."""

    found: bool = Field(
        description="false: nobody is known by this number or id, or the person was erased. Then "
        "nothing is known about consent"
    )
    problem: str | None = Field(
        default=None,
        description="why the recipient can be nobody, if it is not a mobile number or an id: then "
        "it was not looked up, and `found` is false",
    )
    numbers: list[ClientNumber] = Field(
        description="each number of a client; of a number or a subject the only one"
    )

    @classmethod
    def of(cls, state: PersonState, *, resolve: bool) -> Self:
        """Return the answer about a recipient who can be somebody."""
        return cls(
            found=bool(state.numbers),
            numbers=[
                ClientNumber.of(each, reveal=False, resolve=resolve) for each in state.numbers
            ],
            **cls.current(state.freshness),
        )


class RecipientSubscriptions(ResponseModel):
    """One answer for each recipient, in the same order."""

    model_config = example(
        {
            "subscriptions": [
                {"found": True, "numbers": [_STOPPED], **_CURRENT},
                {"found": True, "numbers": [_STOPPED, _NEVER_CHANGED], **_PENDING},
                {"found": False, "numbers": [], **_CURRENT},
                {
                    "found": False,
                    "problem": "to: not a valid mobile number; write it like +79161234567",
                    "numbers": [],
                    "as_of": None,
                    "pending": [],
                },
            ]
        }
    )

    subscriptions: list[RecipientSubscription]
