"""The steps in English, for people who know the service."""

from collections.abc import Mapping
from datetime import timedelta, tzinfo
from typing import Final, assert_never

from inbound.smpp.status import explain
from inbound.timeline import english_order_steps, english_plans
from inbound.timeline.english_order_steps import message_of
from inbound.timeline.english_outcomes import by_centre
from inbound.timeline.model import StepKind
from inbound.timeline.words import (
    Details,
    centre_ids,
    english_duration,
    spelling_of,
    statuses,
)
from schemas.events import Command, Completion, Plan
from schemas.messages import Outcome
from schemas.registration_events import HoldReason, RefusalCause

_UNANSWERED: Final = "no answer"
_UNSENT: Final[Mapping[str | None, str]] = {
    "unreported": "may have been sent: the gateway that had taken it ended without reporting it",
    "given_up": "is not sent again; whether it was received before is not known",
}


def step_text(kind: StepKind, d: Details, zone: tzinfo) -> str:
    """Return what happened at a step. `d` are its details (`inbound.timeline.steps`)."""
    match kind:
        case StepKind.ARRIVED:
            return _arrived(d)
        case StepKind.ASSEMBLED:
            return _assembled(d)
        case StepKind.PARSED:
            return _parsed(d)
        case StepKind.DECIDED:
            return english_plans.decision_step(Plan(d["plan"]), d)
        case StepKind.SWITCHED:
            return _switched(d)
        case StepKind.RECORDED:
            return _recorded(d)
        case StepKind.QUEUED:
            return _queued(d)
        case StepKind.CLAIMED:
            return _claimed(d)
        case StepKind.SENT:
            return _sent(d)
        case StepKind.ATTEMPT:
            return _attempt(d)
        case StepKind.RESULT:
            return _result(d)
        case StepKind.LATE:
            return _late(d)
        case StepKind.HELD:
            return _held(HoldReason(d["reason"]), d)
        case StepKind.RELEASED:
            return f"registration data released by {d['by']}: {d['reason']}"
        case StepKind.REFUSED:
            return _refused(RefusalCause(d["cause"]), d)
        case StepKind.RESTORED:
            return f"this stop was undone by {d['by']}, notifications are on: {d['reason']}"
        case StepKind.COMPLETED:
            return _completed(d)
        case StepKind.RECEIPT:
            return _receipt(d)
        case (
            StepKind.ORDERED
            | StepKind.ORDER_ACCEPTED
            | StepKind.ORDER_REFUSED
            | StepKind.RESCHEDULED
            | StepKind.WITHHELD
            | StepKind.CANCELLED
            | StepKind.EXPIRED
            | StepKind.ERASED
        ):
            return english_order_steps.step_text(kind, d, zone)
        case _:
            assert_never(kind)


def _arrived(d: Details) -> str:
    to = f" to {d['our_number']}" if d.get("our_number") else ""
    by = f", gateway {d['gateway']}" if d.get("gateway") else ""
    esm_class = f", esm_class 0x{d['esm_class']:02X}" if "esm_class" in d else ""
    return (
        f"deliver_sm{to} from centre {d['centre']}, bind {d['bind']}{by}: data_coding "
        f"{d['data_coding']}{esm_class}"
    )


def _assembled(d: Details) -> str:
    order = f", which came in the order {', '.join(map(str, d['sequences']))}"
    return f"put together from {d['parts']} parts{order if d['sequences'] else ''}"


def _parsed(d: Details) -> str:
    read = f", {d['octets']} octets read as {d['alphabet']}" if "octets" in d else ""
    return f"the command {spelling_of(Command(d['command']))}{read}"


def _switched(d: Details) -> str:
    return f"notifications and broadcasts are {'on' if d['notifications_on'] else 'off'}"


def _recorded(d: Details) -> str:
    return f"committed: position {d['position']} of the log, version {d['version']} of the subject"


def _queued(d: Details) -> str:
    return f"{message_of(d)} into the outbox, lane {d['lane']}"


def _claimed(d: Details) -> str:
    return f"gateway {d['gateway']} has taken the {message_of(d)} to send it{_attempt_number(d)}"


def _sent(d: Details) -> str:
    by = f" by gateway {d['gateway']}" if d["gateway"] else ""
    return f"{message_of(d)} handed to bind {d['bind']}{by}{_attempt_number(d)}"


def _attempt(d: Details) -> str:
    status = _UNANSWERED if d["status"] is None else explain(d["status"])
    return f"submit_sm of part {d['part']} on bind {d['bind']}: {status}"


def _result(d: Details) -> str:
    if d["inferred_from"]:
        return _unreported(d)
    purpose, parts = message_of(d), d["parts"]
    outcome = _UNSENT.get(d.get("unsent"), _outcome(Outcome(d["outcome"])))
    again = ", goes again" if d["goes_again"] else ""
    answers = (
        f": {statuses(parts, _UNANSWERED)}" if any(part["status_name"] for part in parts) else ""
    )
    count = f" in {len(parts)} parts" if len(parts) > 1 else ""
    ids = f", id {given}" if (given := centre_ids(parts)) else ""
    left_out = d["attempts_left_out"]
    more = f"; {left_out} more attempts are not listed" if left_out else ""
    return f"{purpose} {outcome}{count}{again}{answers}{ids}{more}"


def _unreported(d: Details) -> str:
    return (
        f"{message_of(d)}, attempt {d['attempt']}: may have been sent, its gateway ended without "
        f"reporting it; known from attempt {d['inferred_from']}"
    )


def _late(d: Details) -> str:
    after = english_duration(timedelta(seconds=d["after_s"]))
    outcome = Outcome(d["outcome"])
    match outcome:
        case Outcome.SUBMITTED:
            return f"the acknowledgement was accepted only after {after} (promise: 2 min)"
        case Outcome.REJECTED:
            if d["refused_with"] is None:
                return "the acknowledgement could not be encoded, and was not sent"
            status = d["refused_with"]
            return f"the centre refused the acknowledgement after {after} with {status}"
        case Outcome.UNKNOWN:
            return (
                f"given up after {after}: the centre never confirmed the acknowledgement "
                "(promise: 2 min)"
            )
        case Outcome.EXPIRED:
            return f"the acknowledgement was given up unsent after {after} (promise: 2 min)"
        case Outcome.ERASED:
            return "the acknowledgement was not sent: the number or the secret had been erased"
        case _:
            assert_never(outcome)


def _held(reason: HoldReason, d: Details) -> str:
    longest = english_duration(timedelta(hours=d["hours"]))
    held = f"registration data waits for a person's decision, for {longest} at most"
    match reason:
        case HoldReason.MINUTE_CEILING:
            return f"{held}: the ceiling per minute is reached"
        case HoldReason.HOUR_CEILING:
            return f"{held}: the ceiling per hour is reached"
        case HoldReason.CENTRE_CEILING:
            return f"{held}: the ceiling of this centre is reached"
        case HoldReason.SWITCHED_OFF:
            return f"{held}: registrations are switched off"
        case HoldReason.NO_OPEN_CASE:
            return f"{held}: the client has no open case"
        case _:
            assert_never(reason)


def _refused(cause: RefusalCause, d: Details) -> str:
    match cause:
        case RefusalCause.PERSON:
            return f"registration data refused by {d['by']}: {d['reason']}"
        case RefusalCause.EXPIRED:
            return "registration data refused: nobody released it in time"
        case RefusalCause.ERASED:
            return "registration data refused: the person was erased"
        case RefusalCause.SWITCHED_OFF:
            return "registration data refused: registrations are switched off"
        case RefusalCause.NO_OPEN_CASE:
            return "registration data refused: the client has no open case"
        case _:
            assert_never(cause)


def _completed(d: Details) -> str:
    return f"request complete: {_completion(Completion(d['completion']))}"


def _receipt(d: Details) -> str:
    parts = f", {d['parts']} parts" if d["parts"] > 1 else ""
    error = f", error {d['error']}" if d["error"] else ""
    when = by_centre(d["centre_time"]) if d["centre_time"] else ""
    return f"receipt: {message_of(d)} {d['fate']}, state {d['state']}{parts}{error}{when}"


def _outcome(outcome: Outcome) -> str:
    match outcome:
        case Outcome.SUBMITTED:
            return "accepted by the centre"
        case Outcome.REJECTED:
            return "refused for good"
        case Outcome.UNKNOWN:
            return "sent and never answered"
        case Outcome.EXPIRED:
            return "not sent: it became too old"
        case Outcome.ERASED:
            return "not sent: the number or the secret had been erased"
        case _:
            assert_never(outcome)


def _attempt_number(d: Details) -> str:
    return f", attempt {d['attempt']}" if d["attempt"] > 1 else ""


def _completion(completion: Completion) -> str:
    # Complete means sent: whether it arrived, receipts tell.
    match completion:
        case Completion.FULFILLED:
            return "the reply was sent"
        case Completion.REFUSED:
            return "refused"
        case Completion.UNDELIVERED:
            return "the reply was not sent"
        case _:
            assert_never(completion)
