"""English phrases about each plan: in the sentence to the client, and in the step.

A new plan needs a case in each of the three functions.
"""

from datetime import timedelta
from typing import Final, assert_never

from inbound.timeline.cases import Case
from inbound.timeline.words import Details, english_duration
from schemas.events import Plan
from schemas.registration_events import RefusalCause

REFUSED_REPLY: Final = "the reply that refers you to support"


def reply(plan: Plan) -> str:
    """Name the fulfilment. What happened to it follows in the sentence, as its predicate."""
    match plan:
        case Plan.REGISTRATION:
            return "the reply with your registration data"
        case Plan.STOPPED | Plan.STARTED:
            return "the reply that confirms it"
        case Plan.UNKNOWN_NUMBER:
            return "the reply that says so"
        case Plan.INFO_STALE:
            return "the reply that asks you to text again"
        case _:
            assert_never(plan)


def decision(case: Case, since: str) -> str:
    """Say what was decided, to follow "Your text reached us"; nothing if the reply says it.

    `since` says since when notifications were off before, and what turned them off; empty if
    unknown.
    """
    match case.plan:
        case Plan.REGISTRATION:
            return ""
        case Plan.STOPPED:
            return _switched("off", already=not case.were_on, since=since)
        case Plan.STARTED:
            return _switched("on", already=case.were_on)
        case Plan.UNKNOWN_NUMBER:
            return "; the request was refused because this number is not registered with us"
        case Plan.INFO_STALE:
            waited = english_duration(case.waited)
            return f" but was processed only {waited} later, so the request was refused"
        case _:
            assert_never(case.plan)


def refusal(cause: RefusalCause) -> str:
    """Say why registration data was refused, to follow "Your text reached us"."""
    match cause:
        case RefusalCause.PERSON:
            return "; one of our staff checked the request and refused it"
        case RefusalCause.EXPIRED:
            return "; the request was not checked in time and was refused"
        case RefusalCause.ERASED:
            return "; the request was refused, because this number's data was being erased"
        case RefusalCause.SWITCHED_OFF:
            return "; the request was refused, because registration data is not texted at present"
        case RefusalCause.NO_OPEN_CASE:
            return "; the request was refused, because support has no open case of yours"
        case _:
            assert_never(cause)


def _switched(state: str, *, already: bool, since: str = "") -> str:
    if already:
        return f"; notifications were {state} already{since}"
    return f"; notifications were switched {state}"


def decision_step(plan: Plan, d: Details) -> str:
    """Say what was decided and why, for people who know the service."""
    client = "the number is a client's" if d["client_known"] else "no client has the number"
    whose = f"{client}, but it was a recipient before" if d.get("is_recipient") else client
    age = english_duration(timedelta(seconds=d["age_s"]))
    match plan:
        case Plan.REGISTRATION:
            return f"accepted, registration data is to be sent: {client}, the text is {age} old"
        case Plan.STOPPED:
            after = "are switched off" if d["notifications_on"] else "stay off"
        case Plan.STARTED:
            after = "stay on" if d["notifications_on"] else "are switched on"
        case Plan.UNKNOWN_NUMBER:
            return f"refused: {client}"
        case Plan.INFO_STALE:
            return f"refused as too old: {client}, but the text is {age} old"
        case _:
            assert_never(plan)
    was = "on" if d["notifications_on"] else "off"
    only = "" if d["confirm"] else "; it is acknowledged and not confirmed again"
    return f"accepted, notifications {after}: {whose}, they were {was}{only}"
