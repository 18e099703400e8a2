"""The steps of one message as data: claimed, sent, its result, its receipt. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from pydantic import JsonValue

from inbound.freshness.reception import SendingGap
from inbound.smpp.status import name_of
from inbound.timeline.cases import delivery_of, goes_again, outcome_of, was_submitted
from inbound.timeline.model import StepKind
from inbound.timeline.waiting import MessageWait, WaitsFor
from schemas.lanes import LANE_OF, Lane
from schemas.message_events import DeliveryEvent, MessageEvent, MessageUnknown
from schemas.messages import PartResult, Purpose, SubmitAttempt

PASSED_ON_WITHIN: Final = timedelta(seconds=3)
"""A relay publishes a message within milliseconds; one that is older waits for it."""

TAKEN_UP_WITHIN: Final = timedelta(seconds=10)
"""For this long a queued message counts as being sent although no gateway has claimed it."""

_PROGRESS: Final = frozenset({StepKind.QUEUED, StepKind.CLAIMED, StepKind.SENT, StepKind.RESULT})


class ClaimRow(Protocol):
    """A gateway's claim of a message that it is about to send."""

    @property
    def message_id(self) -> UUID: ...  # noqa: D102
    @property
    def attempt(self) -> int: ...  # noqa: D102
    @property
    def gateway(self) -> str: ...  # noqa: D102
    @property
    def claimed_at(self) -> datetime: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class StepDraft:
    """A step without its words and local time."""

    kind: StepKind
    at: datetime
    details: Mapping[str, JsonValue]


def place_of(drafts: Sequence[StepDraft], draft: StepDraft) -> int:
    """Return the index of a step: the end, but a receipt goes by its time, after its message.

    Receipts are often recorded after later submit results.
    """
    place = len(drafts)
    if draft.kind is StepKind.RECEIPT:
        message = draft.details["message_id"]
        while drafts[place - 1].at > draft.at and (
            drafts[place - 1].details.get("message_id") != message
        ):
            place -= 1
    return place


def queued_draft(
    at: datetime, message_id: UUID, purpose: Purpose, lane: Lane | None = None
) -> StepDraft:
    """Return the step with which a message entered the outbox; by default in its purpose's lane."""
    return StepDraft(
        StepKind.QUEUED,
        at,
        {
            "purpose": purpose.value,
            "message_id": str(message_id),
            "lane": (LANE_OF[purpose] if lane is None else lane).label,
        },
    )


def claim_drafts(
    message_id: UUID, purpose: Purpose, results: Sequence[MessageEvent], claims: Sequence[ClaimRow]
) -> Iterator[StepDraft]:
    """Yield the claims of a message that are newer than its `results`."""
    known = max((event.attempt for event in results), default=0)
    for claim in claims:
        if claim.message_id == message_id and claim.attempt > known:
            about: dict[str, JsonValue] = {
                "purpose": purpose.value,
                "message_id": str(message_id),
                "gateway": claim.gateway,
                "attempt": claim.attempt,
            }
            yield StepDraft(StepKind.CLAIMED, claim.claimed_at, about)


def submit_drafts(event: MessageEvent) -> Iterator[StepDraft]:
    """Yield the steps of one attempt to submit a message: sent, its submits, its result."""
    about: dict[str, JsonValue] = {
        "purpose": event.purpose.value,
        "message_id": str(event.message_id),
        "attempt": event.attempt,
        "bind": event.bind,
        "gateway": event.gateway,
    }
    if event.sent_at is not None:
        yield StepDraft(StepKind.SENT, event.sent_at, about)
    for attempt in event.attempts or ():
        yield _attempt(event, attempt)
    yield StepDraft(
        StepKind.RESULT,
        event.at,
        about
        | {
            "centre": event.centre,
            "template": event.template,
            "outcome": outcome_of(event).value,
            "goes_again": goes_again(event),
            "inferred_from": event.inferred_from if isinstance(event, MessageUnknown) else None,
            "unsent": _unsent(event),
            "attempts_left_out": event.attempts_left_out or 0,
            "parts": [_part(part) for part in event.parts],
        },
    )


def _unsent(event: MessageEvent) -> str | None:
    """Return why an attempt with an unknown outcome has no step `sent`; None for all others.

    `unreported`: its gateway ended without reporting it. `given_up`: an earlier one had been sent,
    and this one was not.
    """
    if not isinstance(event, MessageUnknown) or event.sent_at is not None:
        return None
    if not was_submitted(event):
        return "unreported"
    return "given_up" if is_given_up(event) else None


def is_given_up(event: MessageUnknown) -> bool:
    """Whether an attempt was no longer sent, after an earlier one with an unknown outcome."""
    return event.sent_at is None and bool(event.parts) and event.attempt > 1


def _attempt(event: MessageEvent, attempt: SubmitAttempt) -> StepDraft:
    details: dict[str, JsonValue] = {
        "purpose": event.purpose.value,
        "part": attempt.part,
        "status": attempt.status,
        "status_name": None if attempt.status is None else name_of(attempt.status),
        "bind": attempt.bind,
    }
    return StepDraft(StepKind.ATTEMPT, attempt.at, details)


def _part(part: PartResult) -> dict[str, JsonValue]:
    return {
        "status": part.status,
        "status_name": None if part.status is None else name_of(part.status),
        "smsc_message_id": part.smsc_message_id,
    }


def receipt_draft(event: DeliveryEvent) -> StepDraft:
    """Return the step of the receipt that decided what happened to a message."""
    details: dict[str, JsonValue] = {
        "purpose": event.purpose.value,
        "message_id": str(event.message_id),
        "fate": delivery_of(event).value,
        "state": event.state.value,
        "error": event.error,
        "parts": event.parts,
        "centre_time": event.done_at.isoformat() if event.done_at else None,
        "bind": event.bind,
    }
    return StepDraft(StepKind.RECEIPT, event.at, details)


def waiting_of(
    message_id: UUID,
    drafts: Sequence[StepDraft],
    unpublished: Mapping[UUID, datetime],
    sending: SendingGap | None,
    now: datetime,
) -> MessageWait | None:
    """Return what a message without a final result waits for; None while it is being sent.

    `drafts` are the steps of its request or order. `unpublished` has the messages that are in the
    outbox, and since when. `sending` is set while nothing can be sent.
    """
    about = str(message_id)
    steps = [one for one in drafts if one.kind in _PROGRESS and _message_of(one) == about]
    # A gateway may claim a message before the relay has noted that it is published.
    if not steps or steps[-1].kind in {StepKind.CLAIMED, StepKind.SENT}:
        return None
    since = unpublished.get(message_id)
    if since is not None and now - since >= PASSED_ON_WITHIN:
        return MessageWait(WaitsFor.RELAY, since)
    if sending is not None:
        return MessageWait(WaitsFor.CONNECTION, sending.since)
    is_slow = now - steps[-1].at >= TAKEN_UP_WITHIN
    return MessageWait(WaitsFor.TURN, steps[-1].at) if is_slow else None


def _message_of(draft: StepDraft) -> JsonValue:
    return draft.details.get("message_id")
