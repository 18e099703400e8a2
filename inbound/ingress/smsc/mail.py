"""SMSC over SMTP: a mail whose text is one line of parameters, and the message. Pure.

login:psw:id:time[,tz]:translit,format,sender[,test]:phones:mes

Anybody may send a mail, because its password is in its text. So it is read with the policy of old,
which takes no header apart until it is asked to: the newer ones need minutes for some of them.
"""

import codecs
import email
import re
from collections.abc import Mapping
from email.message import Message
from email.policy import Policy, compat32
from typing import Final

from typing_extensions import override

from inbound.ingress.part_headers import is_small
from inbound.ingress.smsc.answers import SmscError
from inbound.ingress.smsc.codes import ErrorCode
from inbound.ingress.smsc.sending import CostMode
from inbound.ingress.smsc.values import choose

MOST_PARTS: Final = 10

_DEFAULT_CHARSET: Final = "windows-1251"
_CHARSETS: Final = frozenset(
    {"ascii", "utf-8", "utf-16", "cp1251", "cp866", "koi8-r", "koi8-u", "iso8859-1", "iso8859-5"}
)
"""As Python calls them."""
_FIELDS: Final = 7
_TIME: Final = 3
_TIME_WITH_COLON: Final = re.compile(r" *\d\d\.\d\d\.(?:20)?\d\d \d\d:\d\d *(?:,[^,]*)?")
"""`DD.MM.YY hh:mm[,tz]`. The field behind a time has two commas at least, so it is none of it."""
_OPTIONS: Final = range(3, 5)
_OFF: Final = frozenset({"", "0"})


def fields_of(content: bytes) -> Mapping[str, str]:
    """Return the parameters as those of `send.php`. Raises SmscError.

    A test tells the cost and sends nothing.
    """
    parts = _split(_text(content).strip())
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


def _split(text: str) -> list[str]:
    """Split a line of parameters at its colons, but not at that of a time."""
    parts = text.split(":", _FIELDS)
    time = ":".join(parts[_TIME : _TIME + 2])
    if _TIME_WITH_COLON.fullmatch(time):
        return [*parts[:_TIME], time, *parts[_TIME + 2 :]]
    return text.split(":", _FIELDS - 1)


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
    parts = _PartsOfMail()
    try:
        body = _plain(email.message_from_bytes(content, parts.make, policy=compat32))
    except _TextIsFoundError:
        body = parts.text()
    payload = body.get_payload(decode=True) if body is not None else None
    if body is None or not isinstance(payload, bytes):
        raise ValueError("the mail has no plain text")
    given = body.get_content_charset()
    if given is not None and codecs.lookup(given).name not in _CHARSETS:
        raise ValueError("the character set is not known here")
    return payload, given


def _plain(part: Message) -> Message | None:
    """Return the first plain text that is neither attached nor in a mail within the mail."""
    if getattr(part, "is_odd", False) or part.get_content_disposition() == "attachment":
        return None
    if part.get_content_type() == "text/plain":
        return part
    if part.get_content_maintype() != "multipart" or not part.is_multipart():
        return None
    found = map(_plain, part.get_payload())
    return next((one for one in found if one is not None), None)


class _TextIsFoundError(Exception):
    """Ends the reading of a mail: what comes after its text is ignored."""


class _Part(Message):
    """A mail or a part of it. One with a long header that says what it is, is not read."""

    is_odd = False

    @override
    def set_raw(self, name: str, value: str) -> None:
        """Take a header, before anything reads it. The name of a file may make it long."""
        if name.lower().startswith("content-") and not is_small(str(value)):
            self.is_odd = True
        else:
            super().set_raw(name, value)


class _PartsOfMail:
    """Makes the parts of one mail, until its text is there, and stops a mail with many before it.

    The library looks in each line for the boundary of every part around it.
    """

    def __init__(self) -> None:
        self._made: list[_Part] = []
        self._is_asked = False

    def make(self, policy: Policy = compat32) -> Message:
        """Return a new part. Raises ValueError if it is one too many; all before it are read."""
        if not self._is_asked:  # the library makes one to learn how this is called
            self._is_asked = True
            return _Part(policy=policy)
        if self.text() is not None:
            raise _TextIsFoundError
        if len(self._made) == MOST_PARTS:
            raise ValueError("the mail has too many parts before its text")
        self._made.append(_Part(policy=policy))
        return self._made[-1]

    def text(self) -> Message | None:
        """Return the plain text among the parts that were made."""
        return _plain(self._made[0]) if self._made else None
