"""Calls in the form of SMSC: an URL-encoded form for each message, or text of a phone. Pure.

SMSC's own description is not public. The names of the parameters and the input of `md5` are those
that existing receivers of such calls use.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from inbound.parsers.centre_codes import number_of
from inbound.parsers.smsc_statuses import status_of
from schemas.channels import Channel
from schemas.orders import OrderState, RefusalReason

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"

_ZONE: Final = ZoneInfo("Europe/Moscow")
"""In which its dates are."""
_SMS: Final = 0
_TYPES: Final[Mapping[str, int]] = {
    Channel.HLR: 4,
    Channel.PING: 5,
    Channel.MMS: 6,
    Channel.CALL: 7,
    Channel.MAIL: 8,
    Channel.VIBER: 10,
    Channel.SOC: 12,
}
"""By channel; a message of a bot has no known type, and is reported as a text message."""


@dataclass(frozen=True, slots=True)
class ReportedMessage:
    """The message that a call reports: its ids, its number, and the `data` of our own form.

    `told` is the network's answer about the number, if it was asked.
    """

    ids: Sequence[str]
    phone: str = field(repr=False)
    channel: str | None
    data: Mapping[str, Any]
    told: Mapping[str, str] = field(default_factory=dict, repr=False)


def bodies_of_message(message: ReportedMessage, at: datetime, secret: str) -> list[bytes]:
    """Return the body of the call about each id."""
    data, phone = message.data, _bare(message.phone)
    reason = data.get("reason")
    state = OrderState(data["state"])
    refused = RefusalReason(reason) if state is OrderState.REFUSED and reason else None
    status = status_of(state, refused, data.get("receipt"))
    return [
        _encoded(
            {
                "id": message_id,
                "phone": phone,
                "status": status.code,
                **_moment(at),
                "err": number_of(data.get("error")) or status.error,
                "type": _TYPES.get(message.channel or "", _SMS),
                **message.told,
                "md5": _md5(message_id, phone, status.code, secret),
            }
        )
        for message_id in message.ids
    ]


def body_of_text(
    text_id: str, source: str, destination: str, text: str, at: datetime, secret: str
) -> bytes:
    """Return the body of the call about a text of a phone."""
    phone, to = _bare(source), _bare(destination)
    signature = _md5(phone, text, to, secret)
    return _encoded(
        {"id": text_id, "phone": phone, "mes": text, "to": to, **_moment(at), "md5": signature}
    )


def _encoded(fields: Mapping[str, object]) -> bytes:
    return urlencode(fields).encode()


def _moment(at: datetime) -> dict[str, str | int]:
    return {"time": f"{at.astimezone(_ZONE):%d.%m.%Y %H:%M:%S}", "ts": int(at.timestamp())}


def _md5(*values: object) -> str:
    signed = ":".join(map(str, values)).encode("utf-8", "surrogatepass")
    return hashlib.md5(signed, usedforsecurity=False).hexdigest()


def _bare(number: str) -> str:
    return number.removeprefix("+")
