"""What several transitions share: going on with a message, ending it, noting an answer. Pure."""

from dataclasses import replace
from datetime import datetime

from schemas.messages import Outcome, PartResult, SubmitAttempt
from schemas.orders import WithheldReason
from streams.outbox.attempts import NONE
from streams.outbox.effects import (
    Effect,
    Enqueue,
    Finish,
    Forget,
    Publish,
    Recheck,
    Reclaim,
    ReleaseKey,
    Requeue,
    Submit,
)
from streams.outbox.phases import (
    DONE,
    Claim,
    Claimed,
    Fetched,
    InFlight,
    PartProgress,
    Phase,
    Reclaiming,
    Recording,
)
from streams.outbox.ports import BindPort

Transition = tuple[Phase, tuple[Effect, ...]]

UNANSWERED = PartResult()
ENQUEUE, REQUEUE, RELEASE_KEY = Enqueue(), Requeue(), ReleaseKey()
FINISH, FORGET, RECHECK = Finish(), Forget(), Recheck()


def submit(
    fetched: Fetched, claim: Claim, progress: PartProgress, part: int, bind: BindPort, now: datetime
) -> Transition:
    """Submit a part, with what is left of the message's validity."""
    valid_for = fetched.message.not_after - now
    return InFlight(Claimed(fetched, claim, progress), part, bind), (Submit(part, bind, valid_for),)


def go_on(claimed: Claimed, bind: BindPort) -> Transition:
    """Submit the next part, or end when there is none."""
    if claimed.progress.pending:
        return resume(claimed)
    unknown = bool(claimed.progress.unanswered)
    return end(claimed, bind, Outcome.UNKNOWN if unknown else Outcome.SUBMITTED)


def resume(claimed: Claimed) -> Transition:
    """Wait for a bind again, unless the partition was given up meanwhile."""
    if claimed.given_up:
        return DONE, (RELEASE_KEY,)
    return claimed, (REQUEUE,)


def next_attempt(claimed: Claimed, bind: BindPort, *, after_s: float) -> Transition:
    """Report the unknown outcome, then claim the next attempt after a pause."""
    unknown = Publish(claimed, bind, Outcome.UNKNOWN, final=False)
    if claimed.given_up:  # the next attempt is the new owner's
        return DONE, (unknown, RELEASE_KEY)
    progress = replace(claimed.progress, attempts=NONE, sent_at=None)
    return Reclaiming(replace(claimed, progress=progress), bind), (unknown, Reclaim(after_s))


def end(claimed: Claimed, bind: BindPort, outcome: Outcome) -> Transition:
    """Report the final result; the next message of the key need not wait for its storing."""
    result = Publish(claimed, bind, outcome, final=True)
    return Recording(claimed.fetched), (result, RELEASE_KEY)


def withhold(claimed: Claimed, bind: BindPort, reason: WithheldReason) -> Transition:
    """End a message that must not be submitted; after an unknown outcome it stays unknown."""
    if claimed.claim.attempt > 1:
        return end(claimed, bind, Outcome.UNKNOWN)
    result = Publish(claimed, bind, Outcome.EXPIRED, final=True, withheld=reason)
    return Recording(claimed.fetched), (result, RELEASE_KEY)


def answered(claimed: Claimed, part: int, answer: PartResult) -> Claimed:
    """Note the answer to a part."""
    progress = claimed.progress
    answers = (*progress.answers[:part], answer, *progress.answers[part + 1 :])
    progress = PartProgress(
        progress.text,
        answers,
        progress.pending,
        progress.unanswered,
        progress.attempts,
        progress.sent_at,
    )
    return Claimed(claimed.fetched, claimed.claim, progress, claimed.given_up)


def unresolved(
    claimed: Claimed, part: int, status: int | None, bind: BindPort, now: datetime
) -> Claimed:
    """Note an attempt to submit a part that has no final answer, to be reported."""
    attempt = SubmitAttempt(part=part + 1, status=status, bind=bind.name, at=now)
    progress = claimed.progress
    progress = replace(progress, attempts=progress.attempts.adding(attempt))
    return replace(claimed, progress=progress)


def pending_again(claimed: Claimed, part: int) -> Claimed:
    """Put a part in front of those to submit."""
    progress = claimed.progress
    return replace(claimed, progress=replace(progress, pending=(part, *progress.pending)))
