"""The sender's transitions: (phase, what happened) -> (next phase, effects). Pure.

Invariants, whatever happens in whatever order:

* A part is submitted again only after the centre refused it, after no octet of it was
  written, or after an `unknown` result was published and the next attempt was claimed.
* A part is submitted only once the one before it was answered (or is unknown, and the policy
  forbids to send it again).
* A message that we claimed ends with one final result, or with none because the earlier gateway's
  result was processed.
* Once given up, nothing more is submitted; answers that still come are published.
* A message that the ready queue handed out releases its key in the end.
* The first part of an order's message is submitted only while its claim is fresh, so only if it
  was not withheld shortly before.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from inbound.smpp.status import Status, is_temporary, is_throttle
from schemas.messages import Outcome, PartResult, SubmitResult
from schemas.orders import WithheldReason
from streams.outbox.effects import (
    BackOff,
    LookUp,
    ReleaseClaim,
    Render,
    Republish,
)
from streams.outbox.encoding import NOT_RENDERED, EncodedText
from streams.outbox.phases import (
    DONE,
    BackingOff,
    Claim,
    Claimed,
    Contested,
    Done,
    EarlierClaim,
    Fetched,
    InFlight,
    LookingUp,
    PartProgress,
    Phase,
    Ready,
    Rechecking,
    Reclaiming,
    Recording,
)
from streams.outbox.ports import BindPort
from streams.outbox.resend_policy import ResendPolicy
from streams.outbox.steps import (
    ENQUEUE,
    FINISH,
    FORGET,
    RECHECK,
    RELEASE_KEY,
    REQUEUE,
    UNANSWERED,
    Transition,
    answered,
    end,
    go_on,
    next_attempt,
    pending_again,
    resume,
    submit,
    unresolved,
    withhold,
)

# -- claiming -------------------------------------------------------------------------


def on_claim(fetched: Fetched, claim: Claim, earlier: EarlierClaim | None) -> Transition:
    """The message was claimed; `earlier` tells of another gateway's claim before."""
    claimed = Claimed(fetched, claim)
    if earlier is None:
        return claimed, (ENQUEUE,)
    if earlier.is_processed:
        return DONE, (FINISH,)
    if earlier.recorded is not None:
        return Recording(fetched), (Republish(earlier.recorded),)
    return Contested(claimed, earlier.result_due), (ENQUEUE,)


def on_claim_interrupted(fetched: Fetched) -> Transition:
    """The process ends while it claims: claimed or not, the claim is to be given back."""
    return Claimed(fetched, Claim(1, None, None)), (ENQUEUE,)


def on_lookup(
    looking_up: LookingUp,
    policy: ResendPolicy,
    now: datetime,
    *,
    is_processed: bool,
    recorded: SubmitResult | None = None,
) -> Transition:
    """The earlier gateway's result is known, or it is too late for it to come."""
    claimed = looking_up.claimed
    if claimed.given_up:
        return DONE, (RELEASE_KEY,)
    if is_processed:
        return DONE, (RELEASE_KEY, FINISH)
    if recorded is not None:
        return Recording(claimed.fetched), (Republish(recorded), RELEASE_KEY)
    if policy.allows(claimed, now):
        return next_attempt(claimed, looking_up.bind, after_s=0.0)
    return end(claimed, looking_up.bind, Outcome.UNKNOWN)


def on_reclaim(
    reclaiming: Reclaiming, claim: Claim | None, recorded: SubmitResult | None = None
) -> Transition:
    """The next attempt is claimed: parts with an unknown outcome go again, then the rest.

    There is no claim when the earlier gateway recorded its result meanwhile, which is then
    published, or when the message has had all attempts of this hour: it ends as unknown.
    """
    if claim is None:
        if reclaiming.claimed.given_up:
            return DONE, (RELEASE_KEY,)
        if recorded is not None:
            return Recording(reclaiming.claimed.fetched), (Republish(recorded), RELEASE_KEY)
        return end(reclaiming.claimed, reclaiming.bind, Outcome.UNKNOWN)
    progress = reclaiming.claimed.progress
    pending = tuple(sorted({*progress.unanswered, *progress.pending}))
    progress = replace(progress, pending=pending, unanswered=frozenset())
    claimed = replace(reclaiming.claimed, claim=claim, progress=progress)
    if claim.number is None and not claimed.given_up:
        return end(claimed, reclaiming.bind, Outcome.ERASED)
    if claim.withheld is not None and not claimed.given_up:
        return end(claimed, reclaiming.bind, Outcome.UNKNOWN)
    return resume(claimed)


def on_pause_interrupted(reclaiming: Reclaiming) -> Transition:
    """The partition goes to another gateway now, before the next attempt was claimed."""
    del reclaiming
    return DONE, (RELEASE_KEY, FORGET)


# -- submitting -----------------------------------------------------------------------


def on_slot(  # noqa: PLR0911 — each return is one outcome
    ready: Ready, bind: BindPort, now: datetime, *, is_fresh: bool = True
) -> Transition:
    """A bind is free for the next part of a message that leaves the ready queue.

    `is_fresh` says that the message was claimed or checked a moment ago.
    """
    if isinstance(ready, Contested):
        return LookingUp(ready.claimed, bind), (LookUp(ready.result_due),)
    message, claim, progress = ready.fetched.message, ready.claim, ready.progress
    if message.not_after <= now:
        # A second attempt follows only an unknown outcome.
        is_unknown = progress.unanswered or claim.attempt > 1
        outcome = Outcome.UNKNOWN if is_unknown else Outcome.EXPIRED
        return end(ready, bind, outcome)
    if not is_fresh and message.order_id is not None and not ready.is_begun:
        return Rechecking(ready), (RECHECK,)
    if claim.withheld is not None and not ready.is_begun:
        return withhold(ready, bind, claim.withheld)
    if progress.text is not NOT_RENDERED:
        part, *pending = progress.pending
        sent_at = progress.sent_at or now
        progress = replace(progress, pending=tuple(pending), sent_at=sent_at)
        return submit(ready.fetched, claim, progress, part, bind, now)
    is_erased = claim.text is None if message.order_id else message.secret and claim.secret is None
    if claim.number is None or is_erased:
        return end(ready, bind, Outcome.ERASED)
    return ready, (Render(bind),)


def on_checked(
    rechecking: Rechecking, withheld: WithheldReason | None, checked_at: float
) -> Transition:
    """It is known again whether the message is withheld."""
    claimed = rechecking.claimed
    claim = replace(claimed.claim, withheld=withheld, checked_at=checked_at)
    return replace(claimed, claim=claim), (REQUEUE,)


def on_text(claimed: Claimed, text: EncodedText, bind: BindPort, now: datetime) -> Transition:
    """The text is rendered: its parts are known, and the secret is needed no more."""
    parts, claim = len(text), claimed.claim
    if claim.secret is not None or claim.text is not None:
        claim = replace(claim, secret=None, text=None)
    pending = tuple(range(1, parts))
    progress = PartProgress(text, (UNANSWERED,) * parts, pending, sent_at=now)
    return submit(claimed.fetched, claim, progress, 0, bind, now)


def on_unencodable(phase: Claimed | InFlight, bind: BindPort) -> Transition:
    """The text or a PDU of it can't be made: no attempt can succeed."""
    claimed = phase.claimed if isinstance(phase, InFlight) else phase
    return end(claimed, bind, Outcome.REJECTED)


def on_answer(
    in_flight: InFlight, status: int, message_id: str | None, now: datetime
) -> Transition:
    """The centre answered with a command_status and its own id of the part."""
    part, bind = in_flight.part, in_flight.bind
    claimed = answered(
        in_flight.claimed, part, PartResult(status=status, smsc_message_id=message_id)
    )
    if not status:
        return go_on(claimed, bind)
    if not is_temporary(status):
        return end(claimed, bind, Outcome.REJECTED)
    claimed = pending_again(unresolved(claimed, part, status, bind, now), part)
    if is_throttle(status):  # the bind pauses, for all messages
        return resume(claimed)
    is_full = status == Status.ESME_RMSGQFUL
    full_queues = claimed.progress.attempts.last_refused_with(status) if is_full else 0
    return BackingOff(claimed), (BackOff(bind, full_queues),)


def on_no_answer(in_flight: InFlight, policy: ResendPolicy, now: datetime) -> Transition:
    """The part was written and never answered: the centre may have it."""
    part, bind = in_flight.part, in_flight.bind
    claimed = answered(in_flight.claimed, part, UNANSWERED)
    claimed = unresolved(claimed, part, None, bind, now)
    progress = replace(claimed.progress, unanswered=claimed.progress.unanswered | {part})
    claimed = replace(claimed, progress=progress)
    if policy.allows(claimed, now):
        return next_attempt(claimed, bind, after_s=policy.pause_s(claimed))
    return go_on(claimed, bind)


def on_not_sent(in_flight: InFlight) -> Transition:
    """No octet of the part was written: it goes again as if nothing had happened."""
    return resume(pending_again(in_flight.claimed, in_flight.part))


def on_back_off_over(backing_off: BackingOff) -> Transition:
    """The back-off is over."""
    return resume(backing_off.claimed)


def on_stored(recording: Recording) -> Transition:
    """Kafka has the final result."""
    del recording
    return DONE, (FINISH,)


# -- handing a partition over -----------------------------------------------------------


def on_hand_over(phase: Phase) -> Transition:
    """The partition goes to another gateway soon: messages that are begun are finished first.

    Those that another gateway claimed before us can be looked up by the next owner as well.
    """
    match phase:
        case Fetched() | Contested():
            return DONE, (FORGET,)
        case Claimed() if not phase.is_begun:
            return DONE, (ReleaseClaim(), FORGET)
        case Rechecking():
            return DONE, (ReleaseClaim(), RELEASE_KEY, FORGET)
        case LookingUp():
            return _given_up(phase)
        case Claimed() | InFlight() | BackingOff() | Reclaiming() | Recording() | Done():
            return phase, ()
        case _:
            assert_never(phase)


def on_given_up(phase: Phase) -> Transition:
    """The partition goes to another gateway now; its claim tells the next owner."""
    match phase:
        case Fetched() | Claimed() | Contested():
            return DONE, (FORGET,)
        case Rechecking():
            return DONE, (RELEASE_KEY, FORGET)
        case LookingUp() | InFlight() | BackingOff() | Reclaiming():
            return _given_up(phase)
        case Recording() | Done():
            return phase, (FORGET,)
        case _:
            assert_never(phase)


def _given_up(phase: LookingUp | InFlight | BackingOff | Reclaiming) -> Transition:
    return replace(phase, claimed=replace(phase.claimed, given_up=True)), (FORGET,)
