"""Models of the progress of broadcasts, and of what happened to their recipients."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from pydantic import Field

from inbound.api.models import CurrentAnswer, ResponseModel, example
from inbound.broadcasts.audience import ExcludedRow, Exclusion
from inbound.broadcasts.outcomes import RecipientOutcome
from inbound.freshness.model import Pending
from inbound.handlers.broadcasts import BroadcastState
from inbound.store.broadcasts.rows import Broadcast, Progress, RecipientState
from schemas.base import UtcTime

BROADCAST: Final = "0d6f3a1e-93c5-4c55-8d3e-2f6f0a3f7b11"
MESSAGE: Final = "5f0c2a44-7f0e-4a3b-9d55-0b9f5f3d2c10"
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
    """A broadcast and its progress. The counts of recipients add up to `recipients`."""

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
    """What happened to a recipient."""

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
    def of(cls, outcome: RecipientOutcome) -> "RecipientReport":
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
