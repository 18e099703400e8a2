"""English phrases about a message that did not arrive, whatever its name."""

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from inbound.smpp.status import explain
from inbound.timeline.cases import ReplyProgress
from inbound.timeline.waiting import MessageWait, WaitsFor
from schemas.messages import ReceiptState


def why_undelivered(state: ReceiptState | None) -> str:
    """Say why the operator did not deliver it, with a colon in front; empty if unknown."""
    match state:
        case ReceiptState.EXPIRED:
            return ": the phone was off or out of reach until the operator gave up"
        case ReceiptState.DELETED:
            return ": the operator deleted it"
        case ReceiptState.UNDELIVERABLE:
            return ": the operator could not get it to the phone"
        case ReceiptState.REJECTED:
            return ": the operator refused it after having taken it"
        case ReceiptState.SKIPPED:
            return ": the operator left it out"
        case (
            ReceiptState.SCHEDULED
            | ReceiptState.ENROUTE
            | ReceiptState.DELIVERED
            | ReceiptState.ACCEPTED
            | ReceiptState.UNKNOWN
            | None
        ):
            return ""
        case _:
            assert_never(state)


def taken_up(when: str) -> str:
    """Say that its gateway has not reported yet, as a predicate."""
    return f"was taken up for sending {when} and may have arrived already; no report has come yet"


def being_sent(
    reply: ReplyProgress, waits: MessageWait | None, bare: Callable[[datetime], str]
) -> str:
    """Say that it is being sent, as a predicate, or since when it waits and for what."""
    if waits is None:
        return f"is being sent{again(reply)}"
    since = f" since {bare(waits.since)}" if waits.since else ""
    once_more = " again" if reply.tried else ""
    match waits.waits_for:
        case WaitsFor.RELAY:
            return f"has been waiting{since} for our service to pass it on{once_more}"
        case WaitsFor.CONNECTION:
            connected = "the operator's SMS centre has not been connected"
            return f"waits to be sent{once_more}, because {connected}{since}"
        case WaitsFor.TURN:
            if reply.tried:
                return f"has been waiting{since} to be sent{again(reply)}"
            return f"has been waiting to be sent{since}"
        case _:
            assert_never(waits.waits_for)


def again(reply: ReplyProgress) -> str:
    """Say that it is not the first attempt, to follow "is being sent"; nothing if it is."""
    if not reply.tried:
        return ""
    if reply.was_sent:
        return " again, because the operator did not answer"
    return " again, because it is not known whether it was sent before"


def undeliverable(reply: ReplyProgress) -> str:
    """Say that it could not be delivered, as a predicate."""
    code = f" (the operator's code {reply.error})" if reply.error else ""
    return f"could not be delivered{_in_full(reply)}{why_undelivered(reply.state)}{code}"


def _in_full(reply: ReplyProgress) -> str:
    if reply.parts == 1 or reply.parts_delivered == 0:
        return ""
    if reply.parts_delivered is None:
        return ", or not in full"
    return f" in full, only {reply.parts_delivered} of its {reply.parts} parts"


def rejected(reply: ReplyProgress) -> str:
    """Say that the SMS centre refused it, as a predicate."""
    if reply.command_status is None:
        return "could not be put into a form that can be sent, and was not sent"
    status = explain(reply.command_status)
    if reply.partly:
        return (
            f"was refused in part by the operator's SMS centre, {status}, so it can't "
            "arrive in full"
        )
    return f"was refused by the operator's SMS centre, {status}, and not sent"


def by_centre(moment: str) -> str:
    """Return when a receipt says that it happened; the SMS centre names no time zone."""
    at = datetime.fromisoformat(moment)
    return f", {at:%Y-%m-%d %H:%M:%S} by the centre's clock (its time zone is unknown)"
