"""Models of broadcasts to create and of how far they are."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Discriminator, Field, Tag

from inbound.api.hours import WithHours
from inbound.api.models import CurrentAnswer, RequestModel, ResponseModel, example
from inbound.api.problems import ALL_CLIENTS, ROWS
from inbound.broadcasts.audience import ExcludedRow, Exclusion
from inbound.broadcasts.drafting import LONGEST_NAME
from inbound.broadcasts.outcomes import NOT_REACHED, Outcome
from inbound.field_rules import OWN_WORDS
from inbound.freshness.model import Pending
from inbound.handlers.broadcasts import BroadcastState
from inbound.store.broadcasts.rows import Broadcast, Progress, RecipientState
from schemas.base import UtcTime
from schemas.moments import Moment
from schemas.orders import LONGEST_TEXT, MOST_FIELDS, SenderName, TemplateName

MOST_ROWS: Final = 10_000
BROADCAST: Final = "0d6f3a1e-93c5-4c55-8d3e-2f6f0a3f7b11"
MESSAGE: Final = "5f0c2a44-7f0e-4a3b-9d55-0b9f5f3d2c10"

AudienceRow = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=64)], Annotated[str, Field(max_length=1000)]
    ],
    Field(max_length=MOST_FIELDS + 1),
]


def _choose(audience: object) -> str | None:
    if isinstance(audience, list):
        return ROWS
    return ALL_CLIENTS if audience == "all" else None


class BroadcastToCreate(WithHours):
    """A broadcast: a text or a template, and its audience."""

    model_config = example(
        {
            "name": "Office closed",
            "text": "{name}, офис закрыт 9 мая.",
            "audience": [{"msisdn": "+79161234567", "name": "Анна"}],
            "hours": "10:00-12:00",
            "rate": 50,
        }
    )

    name: str = Field(
        min_length=1,
        max_length=LONGEST_NAME,
        description="what people call it; it is kept for ever",
    )
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_TEXT,
        description="what to send; `{name}` is a field of each row",
    )
    template: TemplateName | None = Field(default=None, description="a template instead of a text")
    audience: Annotated[
        Annotated[Literal["all"], Tag(ALL_CLIENTS)]
        | Annotated[list[AudienceRow], Field(min_length=1, max_length=MOST_ROWS), Tag(ROWS)],
        Discriminator(
            _choose,
            custom_error_type=OWN_WORDS,
            custom_error_message="has to be `all`, or a list of rows each with a `msisdn`",
        ),
    ] = Field(
        description="`all` clients of the directory, or rows with a `msisdn` and the fields of the "
        f"text; up to {MOST_ROWS:,} rows, larger audiences are loaded on the command line"
    )
    sender: SenderName | None = Field(
        default=None, description="approved for the account; default: the service's own"
    )
    spread: bool = Field(default=False, description="spread it evenly over `hours`")
    rate: int | None = Field(
        default=None, ge=1, le=100_000, description="messages a second at most"
    )


REPORT_EXAMPLE: Final[Mapping[str, Any]] = {
    "id": BROADCAST,
    "name": "Office closed",
    "state": "running",
    "recipients": 1000,
    "waiting": 600,
    "sent": 20,
    "delivered": 375,
    "undelivered": 2,
    "unknown": 1,
    "withheld": 2,
    "refused": 0,
    "withheld_by_reason": {"opted_out": 2},
    "refused_by_reason": {},
    "excluded": {"opted_out": 12},
    "needs_confirmation": False,
    "created_at": "2024-05-17T12:00:00Z",
    "starts_at": "2024-05-17T12:01:00Z",
    "began_at": "2024-05-17T12:01:00.200000Z",
}


class BroadcastReport(ResponseModel):
    """A broadcast and how far it is. The counts of recipients add up to `recipients`."""

    model_config = example(REPORT_EXAMPLE)

    id: UUID
    name: str
    state: BroadcastState
    recipients: int
    waiting: int = Field(description="may still be sent")
    sent: int = Field(description="accepted by the SMS centre, without a receipt")
    delivered: int
    undelivered: int
    unknown: int = Field(description="sent and not answered; not sent again")
    withheld: int = Field(description="not sent: opted out, cancelled, expired or erased")
    refused: int = Field(description="not accepted, by a limit of the account for example")
    withheld_by_reason: Mapping[str, int] = Field(
        default_factory=dict,
        description="those withheld by reason: `opted_out`, `cancelled`, `paused`, `expired` or "
        "`erased`",
    )
    refused_by_reason: Mapping[str, int] = Field(
        default_factory=dict,
        description="those refused, by the reasons of a refused message",
    )
    excluded: Mapping[Exclusion, int] = Field(
        description="rows of the audience that get no message, by reason"
    )
    needs_confirmation: bool = Field(description="has missed its start and waits for `confirm`")
    problem: str | None = Field(default=None, description="why the service has paused it")
    template: str | None = None
    template_version: int | None = None
    created_at: UtcTime
    starts_at: UtcTime | None = None
    began_at: UtcTime | None = None
    ended_at: UtcTime | None = None
    as_of: UtcTime | None = Field(
        default=None,
        description="in the answer to a look-up: all results that the service had received before "
        "then are counted; absent when that can't be known now",
    )
    pending: list[Pending] | None = Field(
        default=None, description="in the answer to a look-up: what is not counted yet"
    )

    @classmethod
    def of(cls, one: Broadcast, progress: Progress) -> "BroadcastReport":
        """Return the report about a broadcast."""
        now = one.lifecycle
        return cls(
            id=one.broadcast_id,
            name=one.name,
            state=one.state,
            **asdict(progress),
            excluded={Exclusion(reason): count for reason, count in one.excluded.items()},
            needs_confirmation=now.needs_confirmation,
            problem=one.problem if one.state is BroadcastState.PAUSED else None,
            template=one.template,
            template_version=one.template_version,
            created_at=one.created_at,
            starts_at=now.starts_at,
            began_at=now.began_at,
            ended_at=one.ended_at,
        )


class BroadcastList(CurrentAnswer):
    """The newest broadcasts of the account."""

    model_config = example({"broadcasts": [REPORT_EXAMPLE]})

    broadcasts: list[BroadcastReport]


class ExcludedRowReport(ResponseModel):
    """A row of the audience that gets no message."""

    row: int = Field(description="its place in the audience, from 1")
    reason: Exclusion
    detail: str = Field(description="the reason in words")

    @classmethod
    def of(cls, row: ExcludedRow) -> "ExcludedRowReport":
        """Return the report about a row, without what it held."""
        return cls(row=row.row_no, reason=row.reason, detail=row.detail)


class ExcludedRows(ResponseModel):
    """A page of excluded rows."""

    model_config = example(
        {"rows": [{"row": 3, "reason": "number", "detail": "has too few digits"}]}
    )

    rows: list[ExcludedRowReport]
    next_after: int | None = Field(
        default=None, description="pass it as `after` for the next page; absent on the last one"
    )


class RecipientReport(ResponseModel):
    """What became of a recipient."""

    row: int = Field(description="its place in the audience, from 1, with the excluded rows")
    state: RecipientState
    reason: str | None = Field(
        default=None,
        description="a reason of `withheld_by_reason` or `refused_by_reason`; `rejected` for an "
        "undelivered message that the SMS centre did not take",
    )
    detail: str = Field(description="the state or reason in words")
    at: UtcTime | None = Field(
        default=None, description="since when; absent for one that waits for its turn"
    )
    message: UUID | None = Field(
        default=None,
        description="for `GET /v1/messages/{id}`; absent if no message was made",
    )

    @classmethod
    def of(cls, outcome: Outcome) -> "RecipientReport":
        """Return the report about a recipient, without the number."""
        return cls(
            row=outcome.no if outcome.row_no is None else outcome.row_no,
            state=outcome.state,
            reason=outcome.reason,
            detail=outcome.detail,
            at=outcome.at,
            message=outcome.order_id,
        )


class Recipients(CurrentAnswer):
    """A page of recipients."""

    model_config = example(
        {
            "recipients": [
                {
                    "row": 3,
                    "state": "withheld",
                    "reason": "opted_out",
                    "detail": "the person had switched notifications off",
                    "at": "2024-05-17T12:01:02Z",
                    "message": MESSAGE,
                }
            ]
        }
    )

    recipients: list[RecipientReport]
    next_after: int | None = Field(
        default=None,
        description="pass it as `after` for the next page; absent on the last one. A page with it "
        "may have fewer recipients than `limit`, or none",
    )


class RecipientsQuery(RequestModel):
    """Which recipients."""

    state: RecipientState | None = Field(
        default=None,
        description="default: whom it has not reached: `refused`, `undelivered`, `unknown` and "
        "`withheld`",
    )
    after: int = Field(default=0, ge=0, le=2**31 - 1, description="`next_after` of the page before")
    limit: int = Field(default=100, ge=1, le=1000, description="recipients per page at most")

    @property
    def states(self) -> tuple[RecipientState, ...]:
        """The wanted states."""
        return NOT_REACHED if self.state is None else (self.state,)


class StartQuery(RequestModel):
    """When to start."""

    at: Moment | None = Field(default=None, description="default: now")


class ExcludedQuery(RequestModel):
    """Which excluded rows."""

    after: int = Field(default=0, ge=0, le=2**31 - 1, description="rows behind this one")
    limit: int = Field(default=100, ge=1, le=1000, description="rows per page at most")


class BroadcastQuery(RequestModel):
    """How many broadcasts."""

    limit: int = Field(default=50, ge=1, le=200, description="broadcasts at most")
