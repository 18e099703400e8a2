"""SMSC over SMTP: a mail whose text is one line of parameters, and the message. Pure.

login:psw:id:time[,tz]:translit,format,sender[,test]:phones:mes
"""

import codecs
import email
import email.policy
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Final

from inbound.ingress.smsc.answers import SmscError
from inbound.ingress.smsc.codes import ErrorCode
from inbound.ingress.smsc.sending import CostMode
from inbound.ingress.smsc.values import choose

_DEFAULT_CHARSET: Final = "windows-1251"
_CHARSETS: Final = frozenset(
    {"ascii", "utf-8", "utf-16", "cp1251", "cp866", "koi8-r", "koi8-u", "iso8859-1", "iso8859-5"}
)
"""As Python calls them."""
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
    is_test = bool(test) and choose({"test": test[0].strip()}, "test", {"1"}) == "1"
    return {
        "login": login.strip(),
        "psw": password.strip(),
        "id": message_id.strip(),
        "time": moment.strip(),
        "tz": tz.strip(),
        "translit": translit.strip(),
        "sender": sender.strip(),
        "cost": (CostMode.ONLY if is_test else CostMode.NONE).value,
        "phones": phones,
        "mes": text,
    }


def _text(content: bytes) -> str:
    """Return the plain text of a mail."""
    try:
        payload, given = _body(content)
    except Exception:  # noqa: BLE001 — what is malformed makes the library fail in many ways
        raise SmscError(ErrorCode.PARAMETERS) from None
    for charset in [given] if given else ["utf-8", _DEFAULT_CHARSET]:
        try:
            return payload.decode(charset).replace("\r\n", "\n")
        except UnicodeDecodeError:
            continue
    raise SmscError(ErrorCode.PARAMETERS)


def _body(content: bytes) -> tuple[bytes, str | None]:
    """Return the octets of the plain text, and their character set if the mail names one.

    Raises whatever the library raises, and ValueError for a mail without a plain text, or in a
    character set that none of its programs has. Some codecs take minutes for a text (punycode).
    """
    mail = email.message_from_bytes(content, policy=email.policy.default)
    body = mail.get_body(("plain",)) if isinstance(mail, EmailMessage) else None
    payload = body.get_payload(decode=True) if body is not None else None
    if body is None or not isinstance(payload, bytes):
        raise ValueError("the mail has no plain text")
    given = body.get_content_charset()
    if given is not None and codecs.lookup(given).name not in _CHARSETS:
        raise ValueError("the character set is not known here")
    return payload, given
