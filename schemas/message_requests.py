"""What a program may ask to be sent, whichever way it asks: the fields and their rules.

`POST /v1/messages` and `sms.notify.v1` take these fields, so that what one refuses the other
refuses too. Every text of an error quotes nothing of what was sent.
"""

from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from schemas.base import Model
from schemas.moments import Moment
from schemas.orders import (
    LONGEST_TEXT,
    MOST_FIELDS,
    OrderKind,
    SenderName,
    TemplateName,
    check_choices,
)
from schemas.texts import MessageText, check_text, check_visible

LONGEST_KEY: Final = 200


def check_kind(kind: OrderKind) -> OrderKind:
    """Return the kind of a single message. Raises ValueError for that of broadcasts."""
    if kind is OrderKind.BROADCAST:
        raise ValueError("has to be notification or service")
    return kind


class RequestedMessage(Model):
    """A message to send: to one of `to`, `client_id` and `subject_id`; a text or a template."""

    to: str | None = Field(
        default=None,
        min_length=1,
        max_length=40,
        repr=False,
        description="a mobile number with its country code, in any usual format",
        examples=["+79161234567"],
    )
    client_id: Annotated[str, AfterValidator(check_visible)] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        repr=False,
        description="a client of the directory",
        examples=["C-1001"],
    )
    subject_id: UUID | None = Field(default=None, description="a subject, as in events")
    text: MessageText | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_TEXT,
        repr=False,
        description="what to send; it needs a visible character",
    )
    template: TemplateName | None = Field(
        default=None, description="a template, in the client's language"
    )
    template_version: int | None = Field(
        default=None, strict=True, ge=1, le=2**31 - 1, description="default: the newest one"
    )
    fields: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[str, StringConstraints(max_length=1000), AfterValidator(check_text)],
    ] = Field(
        default_factory=dict,
        max_length=MOST_FIELDS,
        repr=False,
        description="the template's fields, as text",
    )
    kind: Annotated[OrderKind, AfterValidator(check_kind)] = Field(
        default=OrderKind.NOTIFICATION,
        description="`notification`, or `service`, which ignores the opt-out and needs a right of "
        "the account",
    )
    sender: SenderName | None = Field(
        default=None, description="approved for the account; default: the service's own"
    )
    not_before: Moment | None = Field(default=None, description="send it then or later")
    expires_at: Moment | None = Field(default=None, description="don't send it after that")
    callback: bool = Field(
        default=True,
        strict=True,
        description="whether the account's URL, if it has one, is called at the end",
    )

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        check_choices(
            (self.to, self.client_id, self.subject_id),
            text=self.text,
            template=self.template,
            of_template=bool(self.fields) or self.template_version is not None,
        )
        return self

    def order_values(self) -> dict[str, Any]:
        """Return these fields by the names that they have in an `Order`."""
        values = {name: getattr(self, name) for name in RequestedMessage.model_fields}
        return {"phone": values.pop("to"), **values}
