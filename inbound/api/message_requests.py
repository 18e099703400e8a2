"""Models of messages to send."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, RootModel, Tag

from inbound.api.examples import SUBJECT
from inbound.api.hours import WithHours
from inbound.api.models import ClientId
from inbound.api.problems import LIST, ONE
from inbound.orders.intake import MOST_IN_BATCH
from schemas.message_requests import RequestedMessage
from schemas.orders import Order, OrderKind


class MessageToSend(RequestedMessage, WithHours):
    """A message to send: to one of `to`, `client_id` and `subject_id`; a text or a template."""

    model_config = ConfigDict(extra="forbid")

    client_id: ClientId | None = None
    kind: Literal[OrderKind.NOTIFICATION, OrderKind.SERVICE] = Field(
        default=OrderKind.NOTIFICATION,
        description="a `notification` is not sent to people who have switched notifications off; a "
        "`service` message is, and needs a right of the account",
    )

    def order(self, *, account: str, zone: str, **more: str | None) -> Order:
        """Return the order; `zone` is the default one."""
        return Order(
            **self.order_values(),
            hours=self.sending_hours(zone),
            account=account,
            **more,  # type: ignore[arg-type]  # key and trace
        )


def _choose(body: object) -> str:
    return LIST if isinstance(body, list) else ONE


class MessagesToSend(
    RootModel[
        Annotated[
            Annotated[MessageToSend, Tag(ONE)]
            | Annotated[
                list[MessageToSend], Field(min_length=1, max_length=MOST_IN_BATCH), Tag(LIST)
            ],
            Discriminator(_choose),
        ]
    ]
):
    """One message, or a list of up to 1,000 that are placed together."""

    model_config = {
        "frozen": True,
        "hide_input_in_errors": True,
        "json_schema_extra": {
            "examples": [
                {"to": "+79161234567", "text": "Заявка 4711 выполнена.", "kind": "notification"},
                [
                    {
                        "client_id": "C-1001",
                        "template": "case-done",
                        "fields": {"number": "4711"},
                        "hours": "10:00-12:00",
                        "time_zone": "Europe/Moscow",
                    },
                    {"subject_id": SUBJECT, "text": "Заявка 4712 выполнена."},
                ],
            ]
        },
    }
