"""The states of a broadcast, and what people may do with it in each. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from inbound.handlers.sending_hours import window_at
from inbound.wording import Bilingual, both
from schemas.documented_enum import DocumentedEnum
from schemas.sending_hours import SendingHours


class BroadcastState(DocumentedEnum):
    """How far a broadcast has come. `done` and `cancelled` are final.

    `scheduled` waits for its start, or for a confirmation when it has missed it.
    """

    DRAFT = "draft", "created and not started; nothing is sent"
    AWAITING_APPROVAL = (
        "awaiting_approval",
        "started, and too large to go without the approval of another person or token",
    )
    SCHEDULED = "scheduled", "waits for its start, or for a confirmation when it has missed it"
    RUNNING = "running", "messages are being sent, within its hours"
    PAUSED = "paused", "nothing more is sent until it is resumed"
    DONE = "done", "final: every recipient was placed and has ended"
    CANCELLED = "cancelled", "final: what had not been sent is withheld"


FINAL: Final = frozenset({BroadcastState.DONE, BroadcastState.CANCELLED})


class BroadcastAction(StrEnum):
    """What a person can do with a broadcast."""

    START = "start"
    APPROVE = "approve"
    CONFIRM = "confirm"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What actions depend on and change. `began_at` is when the first message could go."""

    state: BroadcastState
    recipients: int
    created_by: str
    hours: SendingHours | None = None
    starts_at: datetime | None = None
    began_at: datetime | None = None
    started_by: str | None = None
    approved_by: str | None = None
    needs_confirmation: bool = False


class ActionRefusedError(ValueError):
    """An action isn't possible now; str() says why and what is.

    `starts_at` is set if that depends on when the broadcast starts, which str() leaves out: people
    read it in their time zone.
    """

    def __init__(self, reason: str, starts_at: datetime | None = None) -> None:
        super().__init__(reason)
        self.starts_at = starts_at


class NoRecipientsError(ActionRefusedError):
    """A broadcast to nobody can't be started."""


def act(
    before: Lifecycle,
    action: BroadcastAction,
    *,
    by: str,
    at: datetime,
    starts_at: datetime | None = None,
    approval_above: int,
) -> Lifecycle:
    """Return what an action makes of a broadcast; unchanged if it has that effect already.

    `starts_at` is for `start`: without it a draft starts at once. A scheduled broadcast may be
    given another time, and without one `start` is refused unless it is due anyway. More
    recipients than `approval_above` need the approval of a second person.
    Raises ActionRefusedError.
    """
    match action:
        case BroadcastAction.START:
            return _start(before, by, at, starts_at, approval_above)
        case BroadcastAction.APPROVE:
            return _approve(before, by)
        case BroadcastAction.CONFIRM:
            return _confirm(before, at)
        case BroadcastAction.PAUSE:
            return _pause(before)
        case BroadcastAction.RESUME:
            return _resume(before, at)
        case BroadcastAction.CANCEL:
            return _cancel(before)


def opening(starts_at: datetime, hours: SendingHours | None) -> datetime:
    """Return when a broadcast can send its first message."""
    return starts_at if hours is None else max(starts_at, window_at(hours, starts_at).opens)


def has_missed_start(broadcast: Lifecycle, at: datetime, late_after: timedelta) -> bool:
    """Whether a scheduled broadcast should have started so long ago that a person has to agree."""
    starts_at = broadcast.starts_at
    return starts_at is not None and at - opening(starts_at, broadcast.hours) > late_after


def _start(
    before: Lifecycle, by: str, at: datetime, starts_at: datetime | None, approval_above: int
) -> Lifecycle:
    has_started = before.state in {BroadcastState.RUNNING, BroadcastState.DONE}
    if has_started and starts_at == before.starts_at:
        return before
    if before.state in {BroadcastState.AWAITING_APPROVAL, BroadcastState.SCHEDULED}:
        if starts_at is not None:
            return replace(before, starts_at=starts_at, needs_confirmation=False)
        if before.needs_confirmation:
            raise ActionRefusedError(
                both(
                    "it has missed its start; `confirm` starts it now",
                    "время начала пропущено; `confirm` начнёт её сейчас",
                )
            )
        if _is_due(before, at):
            return before
        raise ActionRefusedError(
            both(
                "it is {state} already; `start` with another time (`at`) moves it, "
                "`cancel` ends it",
                "она уже {state}; `start` с другим временем (`at`) перенесёт её, `cancel` отменит",
                state=words(before.state),
            ),
            before.starts_at,
        )
    if before.state is BroadcastState.RUNNING and starts_at is None:
        return before
    _require(before, "started", BroadcastState.DRAFT)
    if before.recipients == 0:
        raise NoRecipientsError(
            both(
                "it has no recipients; see why they were excluded",
                "у неё нет получателей; посмотрите, почему они исключены",
            )
        )
    needs_approval = before.recipients > approval_above
    return replace(
        before,
        state=BroadcastState.AWAITING_APPROVAL if needs_approval else BroadcastState.SCHEDULED,
        starts_at=starts_at or at,
        started_by=by,
    )


def _approve(before: Lifecycle, by: str) -> Lifecycle:
    if before.approved_by is not None:
        return before
    _require(before, "approved", BroadcastState.AWAITING_APPROVAL)
    if by in {before.created_by, before.started_by}:
        raise ActionRefusedError(
            both(
                "{by} has created or started it; somebody else has to approve it",
                "создал или запустил её {by}; утвердить должен другой человек",
                by=by,
            )
        )
    return replace(before, state=BroadcastState.SCHEDULED, approved_by=by)


def _confirm(before: Lifecycle, at: datetime) -> Lifecycle:
    _require(before, "confirmed", BroadcastState.SCHEDULED)
    if not before.needs_confirmation:
        if _is_due(before, at):
            return before
        raise ActionRefusedError(
            both(
                "it needs no confirmation: it has not missed its start",
                "подтверждать нечего: время начала не пропущено",
            ),
            before.starts_at,
        )
    return replace(before, needs_confirmation=False, starts_at=at)


def _pause(before: Lifecycle) -> Lifecycle:
    if before.state is BroadcastState.PAUSED:
        return before
    _require(before, "paused", BroadcastState.SCHEDULED, BroadcastState.RUNNING)
    return replace(before, state=BroadcastState.PAUSED, needs_confirmation=False)


def _resume(before: Lifecycle, at: datetime) -> Lifecycle:
    is_starting = before.state is BroadcastState.SCHEDULED and _is_due(before, at)
    if before.state is BroadcastState.RUNNING or (is_starting and not before.needs_confirmation):
        return before
    _require(before, "resumed", BroadcastState.PAUSED)
    if before.began_at is not None:
        return replace(before, state=BroadcastState.RUNNING)
    starts_at = max(before.starts_at or at, at)  # nobody has to confirm what they just resumed
    return replace(before, state=BroadcastState.SCHEDULED, starts_at=starts_at)


def _cancel(before: Lifecycle) -> Lifecycle:
    if before.state is BroadcastState.CANCELLED:
        return before
    if before.state is BroadcastState.DONE:
        raise ActionRefusedError(
            both(
                "it is done: nothing of it waits any more",
                "она завершена: отправлять больше нечего",
            )
        )
    return replace(before, state=BroadcastState.CANCELLED, needs_confirmation=False)


def _is_due(before: Lifecycle, at: datetime) -> bool:
    """Whether it starts at once, so that an action with this effect is only a repetition."""
    return before.starts_at is not None and before.starts_at <= at


def _require(before: Lifecycle, verb: str, *states: BroadcastState) -> None:
    if before.state not in states:
        names = [words(state) for state in states]
        needed = Bilingual(" or ".join(names), " или ".join(f"«{name.russian}»" for name in names))
        is_waiting = before.state is BroadcastState.SCHEDULED and not before.needs_confirmation
        raise ActionRefusedError(
            both(
                "it is {state}; a broadcast can be {verb} while it is {needed}",
                "её состояние — «{state}», а для этого нужно {needed}",
                state=words(before.state),
                verb=verb,
                needed=needed,
            ),
            before.starts_at if is_waiting else None,
        )


def words(state: BroadcastState) -> Bilingual:
    """Return a state as people read it."""
    return _WORDS[state]


_WORDS: Final = {
    BroadcastState.DRAFT: both("a draft", "черновик"),
    BroadcastState.AWAITING_APPROVAL: both("awaiting approval", "ждёт утверждения"),
    BroadcastState.SCHEDULED: both("scheduled", "запланирована"),
    BroadcastState.RUNNING: both("running", "идёт"),
    BroadcastState.PAUSED: both("paused", "приостановлена"),
    BroadcastState.DONE: both("done", "завершена"),
    BroadcastState.CANCELLED: both("cancelled", "отменена"),
}
