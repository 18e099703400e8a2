"""One example of each public type, most of them of one request for registration data.

The examples are part of the published schemas and documents.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from schemas.base import Model
from schemas.events import (
    AcknowledgementLate,
    Arrival,
    Command,
    CommandLimitReached,
    Completion,
    Facts,
    LogRestored,
    PersonErased,
    Plan,
    RequestAccepted,
    RequestCompleted,
    SubscriptionRestored,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.message_events import (
    MessageDelivered,
    MessageErased,
    MessageExpired,
    MessageRejected,
    MessageSubmitted,
    MessageUndeliverable,
    MessageUndetermined,
    MessageUnknown,
    MessageWithheld,
)
from schemas.messages import LogHead, PartResult, Purpose, ReceiptState, SubmitAttempt, Subscription
from schemas.notify import OrderRequested, RequestedHours
from schemas.order_events import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderRefused,
    OrderRescheduled,
)
from schemas.registration_events import (
    HoldReason,
    RefusalCause,
    RegistrationHeld,
    RegistrationRefused,
    RegistrationReleased,
    RegistrationUsage,
)
from schemas.sending_hours import SendingHours

SUBJECT: Final = UUID("6f1d2c1e-8a54-4c5b-9a3e-2f0b7d9c4e11")
TRACEPARENT: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
METADATA: Final = b'{"traceparent":"%b"}' % TRACEPARENT.encode()
POSITION: Final = 1_204_375
NOON: Final = datetime(2026, 1, 31, 12, 0, 0, 120_000, UTC)

_REQUEST = UUID("b7c9a1f0-3d2e-4e6f-8a1b-0c5d6e7f8a90")
_ACKNOWLEDGEMENT = UUID("0e8f3a52-6b1c-5d7e-9f20-a1b2c3d4e5f6")
_FULFILMENT = UUID("d4c3b2a1-0f9e-5d8c-b7a6-958473625140")
_CENTRE = {"centre": "main", "bind": "main-1"}
_ROK, _RINVDSTADR, _RTHROTTLED = 0x00, 0x0B, 0x58


def _after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def _sent(seconds: float, *parts: PartResult, acknowledges: bool = False) -> dict[str, object]:
    return {
        **_message(acknowledges=acknowledges),
        "attempt": 1,
        "parts": parts,
        "gateway": "gateway-1",
        "at": _after(seconds),
        **_CENTRE,
    }


def _message(*, acknowledges: bool) -> dict[str, object]:
    return {
        "message_id": _ACKNOWLEDGEMENT if acknowledges else _FULFILMENT,
        "request_id": _REQUEST,
        "purpose": Purpose.ACKNOWLEDGEMENT if acknowledges else Purpose.FULFILMENT,
        "template": "acknowledgement" if acknowledges else "registration",
    }


def _fate(state: ReceiptState, seconds: float, **more: object) -> dict[str, object]:
    message = _message(acknowledges=False)
    return {**message, "parts": 3, "state": state, "at": _after(seconds), **_CENTRE, **more}


_THROTTLED = SubmitAttempt(part=1, status=_RTHROTTLED, bind="main-1", at=_after(0.06))
_TAKEN = tuple(PartResult(status=_ROK, smsc_message_id=f"3F2A10{n:02X}") for n in range(3))

_ORDER: Final = UUID("9a4e2f70-5c1d-5b8e-a3f6-7d0c1b2e3f48")
_HOURS: Final = SendingHours.parse("13:00-17:00")
_ORDERED: Final[dict[str, Any]] = {
    "order_id": _ORDER,
    "account": "default",
    "kind": "notification",
    "template": "visit",
    "template_version": 3,
    "language": "ru",
    "parts": 2,
    "hours": _HOURS,
    "facts": {
        "decided_at": NOON,
        "client_known": True,
        "max_parts": 8,
        "day": {"limit": 500, "used": 41},
        "price": "3.00",
        "balance": "1200.50",
        "valid_for_s": 86_400,
    },
}

EXAMPLES: Final[tuple[Model, ...]] = (
    RequestAccepted(
        request_id=_REQUEST,
        command=Command.CLIENT_INFO,
        arrived_at=NOON,
        centre="main",
        bind="main-1",
        data_coding=0,
        facts=Facts(
            client_known=True,
            notifications_on=True,
            decided_at=_after(0.02),
            registrations=RegistrationUsage(
                off=False,
                minute=3,
                hour=41,
                centre_hour=25,
                clients=12_000,
                centre_minute=2,
                centres=2,
            ),
        ),
        plan=Plan.REGISTRATION,
        arrival=Arrival(
            gateway="gateway-1",
            our_number="+79086228779",
            esm_class=0,
            alphabet="gsm0338",
            octets=11,
        ),
    ),
    SubscriptionStopped(request_id=_REQUEST, at=_after(0.02)),
    SubscriptionStarted(request_id=_REQUEST, at=_after(0.02)),
    SubscriptionRestored(
        request_id=_REQUEST, by="anna", reason="stops from spoofed numbers", at=_after(5400)
    ),
    RegistrationHeld(
        request_id=_REQUEST,
        reason=HoldReason.MINUTE_CEILING,
        at=_after(0.02),
        until=_after(259_200.02),
    ),
    RegistrationReleased(
        request_id=_REQUEST, by="anna", reason="the client called us", at=_after(600)
    ),
    RegistrationRefused(
        request_id=_REQUEST,
        cause=RefusalCause.PERSON,
        by="anna",
        reason="spoofed numbers",
        at=_after(600),
    ),
    CommandLimitReached(command=Command.CLIENT_INFO, arrived_at=NOON, limit=10),
    MessageSubmitted.model_validate({**_sent(0.59, *_TAKEN), "attempts": (_THROTTLED,)}),
    MessageRejected.model_validate(_sent(0.07, PartResult(status=_RINVDSTADR))),
    MessageUnknown.model_validate({**_sent(10.1, PartResult(), acknowledges=True), "final": False}),
    MessageExpired.model_validate(_sent(3600.5)),
    MessageErased.model_validate(_sent(0.3)),
    AcknowledgementLate(request_id=_REQUEST, after_s=131.5),
    RequestCompleted(request_id=_REQUEST, completion=Completion.FULFILLED, at=_after(0.59)),
    MessageDelivered.model_validate(
        _fate(ReceiptState.DELIVERED, 4.2, done_at="2026-01-31T15:00:03", error="000")
    ),
    MessageUndeliverable.model_validate(_fate(ReceiptState.EXPIRED, 86_400, error="254")),
    MessageUndetermined.model_validate(_fate(ReceiptState.UNKNOWN, 86_400)),
    PersonErased(at=_after(7_776_000)),
    OrderAccepted.model_validate(
        {
            **_ORDERED,
            "due_at": NOON,
            "not_after": _after(7_200),
            "last_at": _after(86_400),
            "price": "3.00",
        }
    ),
    OrderRefused.model_validate(
        {
            **_ORDERED,
            "facts": {**_ORDERED["facts"], "notifications_on": False},
            "reason": "opted_out",
        }
    ),
    OrderRescheduled(
        order_id=_ORDER,
        dispatch=2,
        due_at=_after(79_200),
        not_after=_after(86_400),
        last_at=_after(86_400),
        hours=_HOURS,
        at=_after(7_200),
    ),
    OrderCancelled(order_id=_ORDER, at=_after(60)),
    OrderExpired(order_id=_ORDER, at=_after(86_400)),
    MessageWithheld.model_validate(
        {
            **_sent(0.6),
            "message_id": UUID("5b0e6a9c-1f3d-5e77-8a41-d2c6b8f09e13"),
            "request_id": None,
            "order_id": _ORDER,
            "purpose": Purpose.NOTIFICATION,
            "template": "visit",
            "reason": "opted_out",
        }
    ),
    LogRestored(
        backup_position=POSITION - 4_000,
        recovered=4_000,
        lost=0,
        by="anna",
        reason="the disk of the database broke",
        at=_after(7_200),
    ),
    OrderRequested(
        account="default",
        client_id="C-1001",
        template="visit",
        fields={"when": "31.01"},
        hours=RequestedHours(**dict(_HOURS)),
    ),
    LogHead(
        chain=3,
        position=POSITION + 2,
        digest="c5f24a5eaf96e8c06918fc2c50d2c3f2027cc86de8e59a34ec0bc09ea3839993",
        recorded_at=_after(0.03),
    ),
    Subscription(subject_id=SUBJECT, may_be_texted=False, version=2, changed_at=_after(0.03)),
)


def example_of(model: type[Model], examples: Iterable[Model] = EXAMPLES) -> Model | None:
    """Return the example of a type, or None for one that is internal."""
    return next((each for each in examples if type(each) is model), None)
