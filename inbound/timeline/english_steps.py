"""The steps in English, for those who know the service."""

from datetime import timedelta
from typing import Final

from inbound.smpp.status import explain
from inbound.timeline.model import StepKind
from inbound.timeline.words import COMMANDS, Details, Telling, centre_ids, duration, statuses
from schemas.events import Command, Plan

_UNITS: Final = ("s", "min", "h", "d")
_UNANSWERED: Final = "no answer"


def lasting(span: timedelta) -> str:
    """Return a duration as it is written in English."""
    return duration(span, _UNITS)


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
    return f"the command {COMMANDS[Command(d['command'])]}{read}"


def _decided(d: Details) -> str:
    client = "the number is a client's" if d["client_known"] else "no client has the number"
    age = lasting(timedelta(seconds=d["age_s"]))
    was = "on" if d["notifications_on"] else "off"
    match Plan(d["plan"]):
        case Plan.REGISTRATION:
            return f"accepted, registration data is owed: {client}, the text is {age} old"
        case Plan.INFO_STALE:
            return f"refused as too old: {client}, but the text is {age} old"
        case Plan.UNKNOWN_NUMBER:
            return f"refused: {client}"
        case Plan.STOPPED:
            after = "are switched off" if d["notifications_on"] else "stay off"
        case Plan.STARTED:
            after = "stay on" if d["notifications_on"] else "are switched on"
    only = "" if d["confirm"] else "; it is acknowledged and not confirmed again"
    return f"accepted, notifications {after}: {client}, they were {was}{only}"


def _switched(d: Details) -> str:
    return f"notifications and broadcasts are {'on' if d['notifications_on'] else 'off'}"


def _recorded(d: Details) -> str:
    return f"committed: position {d['position']} of the log, version {d['version']} of the subject"


def _queued(d: Details) -> str:
    return f"{d['purpose']} into the outbox, lane {d['lane']}"


def _claimed(d: Details) -> str:
    return f"gateway {d['gateway']} has taken the {d['purpose']} to send it{_attempt_number(d)}"


def _sent(d: Details) -> str:
    by = f" by gateway {d['gateway']}" if d["gateway"] else ""
    return f"{d['purpose']} handed to bind {d['bind']}{by}{_attempt_number(d)}"


def _attempt(d: Details) -> str:
    status = _UNANSWERED if d["status"] is None else explain(d["status"])
    return f"submit_sm of part {d['part']} on bind {d['bind']}: {status}"


def _result(d: Details) -> str:
    purpose, parts = d["purpose"], d["parts"]
    outcome = {
        "submitted": "taken by the centre",
        "rejected": "refused for good",
        "unknown": "sent and never answered",
        "expired": "not sent in the time in which it makes sense",
        "erased": "not sent, number or secret were gone",
    }[d["outcome"]]
    again = ", goes again" if d["goes_again"] else ""
    answers = (
        f": {statuses(parts, _UNANSWERED)}" if any(part["status_name"] for part in parts) else ""
    )
    count = f" in {len(parts)} parts" if len(parts) > 1 else ""
    ids = f", id {given}" if (given := centre_ids(parts)) else ""
    left_out = d["attempts_left_out"]
    more = f"; {left_out} more attempts are not listed" if left_out else ""
    return f"{purpose} {outcome}{count}{again}{answers}{ids}{more}"


def _late(d: Details) -> str:
    after = lasting(timedelta(seconds=d["after_s"]))
    return f"the acknowledgement was not taken within 2 min: its fate was known after {after}"


def _completed(d: Details) -> str:
    return f"request complete: {d['completion']}"


def _receipt(d: Details) -> str:
    parts = f", {d['parts']} parts" if d["parts"] > 1 else ""
    error = f", error {d['error']}" if d["error"] else ""
    when = f", centre's clock {d['centre_time'].replace('T', ' ')}" if d["centre_time"] else ""
    return f"receipt: {d['purpose']} {d['fate']}, state {d['state']}{parts}{error}{when}"


def _attempt_number(d: Details) -> str:
    return f", attempt {d['attempt']}" if d["attempt"] > 1 else ""


TELLING: Final[Telling] = {
    StepKind.ARRIVED: _arrived,
    StepKind.ASSEMBLED: _assembled,
    StepKind.PARSED: _parsed,
    StepKind.DECIDED: _decided,
    StepKind.SWITCHED: _switched,
    StepKind.RECORDED: _recorded,
    StepKind.QUEUED: _queued,
    StepKind.CLAIMED: _claimed,
    StepKind.SENT: _sent,
    StepKind.ATTEMPT: _attempt,
    StepKind.RESULT: _result,
    StepKind.LATE: _late,
    StepKind.COMPLETED: _completed,
    StepKind.RECEIPT: _receipt,
}
