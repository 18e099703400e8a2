"""SMSC over SMTP: a mail whose text is one line of parameters, and the message. Pure.

login:psw:id:time[,tz]:translit,format,sender[,test]:phones:mes
"""

import email
import email.policy
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Final

from inbound.ingress.smsc.answers import SmscError
from inbound.ingress.smsc.codes import ErrorCode
from inbound.ingress.smsc.sending import Cost

_DEFAULT_CHARSET: Final = "windows-1251"
_FIELDS: Final = 7
_OPTIONS: Final = range(3, 5)
_OFF: Final = frozenset({"", "0"})


def fields_of(content: bytes) -> Mapping[str, str]:
    """Return the parameters as those of `send.php`. Raises SmscError.

    A test tells the cost and sends nothing.
    """
    parts = _text(content).strip().split(":", _FIELDS - 1)
    if len(parts) != _FIELDS:
        raise SmscError(ErrorCode.PARAMETERS)
    login, password, message_id, time, options, phones, text = parts
    chosen = options.split(",")
    if len(chosen) not in _OPTIONS:
        raise SmscError(ErrorCode.PARAMETERS)
    translit, form, sender, *test = chosen
    if form.strip() not in _OFF:
        raise SmscError(ErrorCode.PARAMETERS, "this channel is not available")
    moment, _, tz = time.partition(",")
    is_test = bool(test) and test[0].strip() not in _OFF
    return {
        "login": login.strip(),
        "psw": password.strip(),
        "id": message_id.strip(),
        "time": moment.strip(),
        "tz": tz.strip(),
        "translit": translit.strip(),
        "sender": sender.strip(),
        "cost": (Cost.ONLY if is_test else Cost.NONE).value,
        "phones": phones,
        "mes": text,
    }


def _text(content: bytes) -> str:
    """Return the plain text of a mail."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    body = mail.get_body(("plain",)) if isinstance(mail, EmailMessage) else None
    payload = body.get_payload(decode=True) if body is not None else None
    if body is None or not isinstance(payload, bytes):
        raise SmscError(ErrorCode.PARAMETERS)
    given = body.get_content_charset()
    for charset in [given] if given else ["utf-8", _DEFAULT_CHARSET]:
        try:
            return payload.decode(charset).replace("\r\n", "\n")
        except (UnicodeDecodeError, LookupError):
            continue
    raise SmscError(ErrorCode.PARAMETERS)
