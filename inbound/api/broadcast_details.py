"""The model of a broadcast with what it sends, for people and programs that check it."""

from pydantic import Field

from inbound.api.broadcast_reports import REPORT_EXAMPLE, BroadcastReport
from inbound.api.models import AMOUNT, ResponseModel, example
from inbound.broadcasts.review import Review
from inbound.money import amount_text
from inbound.store.broadcasts.rows import Broadcast, Progress
from schemas.base import UtcTime
from schemas.orders import RefusalReason


class BroadcastWarning(ResponseModel):
    """Why recipients would be refused if the broadcast started now."""

    reason: RefusalReason
    detail: str = Field(description="the limit or setting; the operator of the service changes it")


class BroadcastSample(ResponseModel):
    """The message to the first recipient who gets it in a language."""

    text: str
    language: str | None = Field(default=None, description="absent: it is not a template")
    recipients: int = Field(description="how many get it in this language")


class BroadcastStep(ResponseModel):
    """An action of a person or token."""

    action: str = Field(
        description="`create`, `start`, `approve`, `confirm`, `pause` and so on; `move`: "
        "a start that was given another time; `request`: one that somebody else has to approve"
    )
    by: str
    at: UtcTime


class BroadcastDetails(BroadcastReport):
    """A broadcast, its progress, and what it sends, for as long as its audience is kept."""

    model_config = example(
        {
            **REPORT_EXAMPLE,
            "text": "{name}, офис закрыт 9 мая.",
            "sample": "Анна, офис закрыт 9 мая.",
            "hours": "10:00-12:00",
            "time_zone": "Europe/Moscow",
            "spread": False,
            "rate": 50,
            "parts": 1000,
            "most_parts": 1,
            "price": "2500.00",
            "currency": "RUB",
            "balance": "1000.00",
            "balance_currency": "RUB",
            "warnings": [
                {
                    "reason": "balance",
                    "detail": "it costs up to 2,500.00 RUB, and the balance of the account default "
                    "is 1,000.00 RUB",
                }
            ],
        }
    )

    sender: str | None = Field(default=None, description="absent: the service's own")
    text: str | None = Field(default=None, description="as created; absent for a template")
    sample: str | None = Field(
        default=None, description="what the first recipient of the audience gets"
    )
    sample_language: str | None = Field(
        default=None, description="the language of the sample of a template"
    )
    samples: list[BroadcastSample] = Field(
        default_factory=list,
        description="of a template, one for each language that somebody gets, by the languages of "
        "the directory now",
    )
    missing_languages: list[str] = Field(
        default_factory=list,
        description="in which the template has no text: those clients get its first one",
    )
    hours: str | None = Field(default=None, description="it is sent in these hours only")
    time_zone: str | None = Field(default=None, description="IANA time zone of `hours`")
    spread: bool = Field(default=False, description="whether it is spread evenly over `hours`")
    rate: int | None = Field(
        default=None, description="messages a second at most, of the broadcast or its account"
    )
    parts: int | None = Field(
        default=None,
        description="SMS parts of all recipients: at most, if a template has several languages; "
        "absent for a broadcast of an earlier release",
    )
    most_parts: int | None = Field(default=None, description="SMS parts of the longest text")
    price: str | None = Field(
        default=None,
        description=f"of all parts at most: {AMOUNT}; absent: the account has no price",
    )
    cost: str | None = Field(
        default=None,
        description=f"of a broadcast that has ended: what was charged and not refunded: {AMOUNT}",
    )
    refunded: str | None = Field(
        default=None,
        description=f"of a broadcast that has ended: the price of messages unsent: {AMOUNT}",
    )
    currency: str | None = Field(
        default=None, description="of `price`, `cost` and `refunded`: that of the account then"
    )
    balance: str | None = Field(
        default=None, description=f"of the account now: {AMOUNT}; absent: unlimited"
    )
    balance_currency: str | None = Field(default=None, description="of `balance`")
    waits_until: UtcTime | None = Field(
        default=None, description="it waits until then for its sending hours"
    )
    expected_end: UtcTime | None = Field(
        default=None,
        description="when the last message is sent, by rate and hours, or by `recent_rate` while "
        "it runs; before the start as if it started now. Absent when that can't be said: at an "
        "unlimited rate the SMS centre decides, and one that stands still has no end",
    )
    recent_rate: float | None = Field(
        default=None, description="while it runs: messages a second in the last minute"
    )
    can_send: bool = Field(
        default=True,
        description="false: it would be sent now, and no gateway has a bind that is up, so nothing "
        "can be sent. `expected_end` and `recent_rate` are absent then",
    )
    overdue_since: UtcTime | None = Field(
        default=None,
        description="it should have begun then, and no scheduler of the service has begun it yet",
    )
    approval_above: int | None = Field(
        default=None,
        description="it needs the approval of another token or person, because it has more "
        "recipients than this; absent: it needs none, or has it",
    )
    history: list[BroadcastStep] = Field(
        default_factory=list, description="who did what with it, in order"
    )
    warnings: list[BroadcastWarning] = Field(
        default_factory=list,
        description="before it begins: limits and settings of the account by which recipients "
        "would be refused. A recipient who was refused gets no message later either",
    )

    @classmethod
    def reviewed(cls, one: Broadcast, progress: Progress, review: Review) -> "BroadcastDetails":
        """Return the report with what it sends."""
        hours = one.hours
        return cls(
            **BroadcastReport.of(one, progress).model_dump(),
            sender=one.sender,
            text=review.text,
            sample=review.samples[0].text if review.samples else None,
            sample_language=review.samples[0].language if review.samples else None,
            samples=[
                BroadcastSample(
                    text=sample.text, language=sample.language, recipients=sample.recipients
                )
                for sample in review.samples
            ],
            missing_languages=list(review.missing_languages),
            hours=f"{hours.start:%H:%M}-{hours.end:%H:%M}" if hours else None,
            time_zone=hours.zone if hours else None,
            spread=one.is_spread,
            rate=one.rate,
            parts=one.parts,
            most_parts=one.most_parts,
            price=None if review.price is None else amount_text(review.price),
            cost=None if review.cost is None else amount_text(review.cost.charged),
            refunded=None if review.cost is None else amount_text(review.cost.refunded),
            currency=review.cost.currency if review.cost else review.currency,
            balance=None if review.balance is None else amount_text(review.balance),
            balance_currency=None if review.balance is None else review.currency,
            waits_until=review.waits_until,
            expected_end=review.forecast.ends_at,
            recent_rate=review.forecast.recent_rate,
            can_send=review.forecast.gap is None,
            overdue_since=review.forecast.overdue_since,
            approval_above=review.approval_above,
            history=[
                BroadcastStep(action=step.action, by=step.by, at=step.at) for step in review.history
            ],
            warnings=[
                BroadcastWarning(reason=warning.reason, detail=warning.detail)
                for warning in review.warnings
            ],
        )
