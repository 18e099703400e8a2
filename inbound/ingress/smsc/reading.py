"""Reads SMSC's parameters, and lets the caller in."""

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.types import Scope

from inbound.ingress.access import Caller, Denial, DeniedError
from inbound.ingress.dialect import address_of, let_in, parts_of
from inbound.ingress.parameters import ParameterError, decode, read_object, read_pairs
from inbound.ingress.smsc.answers import Answers, Form, SmscError
from inbound.ingress.smsc.channels import FLAGS
from inbound.ingress.smsc.codes import ErrorCode

DEFAULT_CHARSET: Final = "windows-1251"
JSON_PATHS: Final = "/rest/"
"""What the paths begin with whose answers are JSON."""

_CHARSETS: Final = {
    "windows-1251": "windows-1251",
    "cp1251": "windows-1251",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "koi8-r": "koi8-r",
}
_LISTS: Final = frozenset({"phones", "phone", "id"})
_FLAGS: Final = frozenset({*FLAGS, "translit", "all", "cur"})
_TEXTS: Final = frozenset({"mes", "login", "psw", "apikey"})
_FORMS: Final = {str(form.value): form for form in Form}
_FMT: Final = re.compile(rb"(?:^|&)fmt=([0-3])(?=&|$)")


async def read_fields(request: Request) -> Mapping[str, str]:
    """Return the parameters as text, and remember the form of the answer. Raises SmscError.

    Without `charset`, octets that are UTF-8 are read as UTF-8: Russian in windows-1251 never looks
    like it, and programs forget to name it.
    """
    form = form_in(request.scope["query_string"], await request.body())
    remember(request, Answers(form))
    try:
        pairs = await read_pairs(request)
        form = _form_of(pairs)
        given = pairs.get("charset", b"").decode("ascii", "replace").lower()
        charset = _CHARSETS.get(given or DEFAULT_CHARSET)
        remember(request, Answers(form, charset or "utf-8"))
        if charset is None:
            raise SmscError(ErrorCode.PARAMETERS)
        if not given and _is_utf8(pairs):
            charset = "utf-8"
        return decode(pairs, charset)
    except ParameterError:
        raise SmscError(ErrorCode.PARAMETERS) from None


async def read_json(request: Request) -> Mapping[str, str]:
    """Return the fields of a JSON body. The answer is JSON. Raises SmscError."""
    remember(request, Answers(Form.JSON))
    try:
        return {name: _text(name, value) for name, value in (await read_object(request)).items()}
    except ParameterError:
        raise SmscError(ErrorCode.PARAMETERS) from None


def remember(request: Request, answers: Answers) -> None:
    """Keep how this request is answered, for the case of trouble, too."""
    request.scope["state"]["smsc_answers"] = answers


def answers_of(scope: Scope) -> Answers:
    """Return how a request is answered; if its parameters were not read, as its query says."""
    found: Answers | None = scope.get("state", {}).get("smsc_answers")
    if found is not None:
        return found
    if scope["path"].startswith(JSON_PATHS):
        return Answers(Form.JSON)
    return Answers(form_in(scope["query_string"]))


def form_in(*octets: bytes) -> Form:
    """Return the form that `fmt` asks for in a query or a body, whatever else stands there."""
    found = (_FMT.search(one) for one in octets)
    return next((Form(int(one[1])) for one in found if one), Form.SENTENCE)


async def sign_in(request: Request, fields: Mapping[str, str]) -> Caller:
    """Return whose request this is. Raises SmscError and RetryableError."""
    access, address = parts_of(request).access, address_of(request)
    try:
        if key := fields.get("apikey"):
            return let_in(request, await access.by_key_alone(key, address))
        login, password = fields.get("login", ""), fields.get("psw", "")
        return let_in(request, await access.by_password(login, password, address))
    except DeniedError as error:
        is_banned = error.denial is Denial.BANNED
        code = ErrorCode.ADDRESS_BLOCKED if is_banned else ErrorCode.AUTHORISE
        raise SmscError(code) from None


def _text(name: str, value: Any) -> str:  # noqa: ANN401 — any JSON
    """Return a value as it would stand in a URL. Raises ParameterError if it could not.

    What a person reads, or an id, is never made of true, false or a fraction.
    """
    if isinstance(value, list) and name in _LISTS:
        return ",".join(_scalar(name, one) for one in value)
    return _scalar(name, value)


def _scalar(name: str, value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool) and name in _FLAGS:
        return str(int(value))
    if isinstance(value, str) or (type(value) is int and name not in _TEXTS):
        return str(value)
    raise ParameterError("a value is neither a string nor a whole number")


def _form_of(pairs: Mapping[str, bytes]) -> Form:
    """Return the form of the answer. Raises ParameterError if there is no such form."""
    given = pairs.get("fmt", b"").decode("ascii", "replace")
    if given and given not in _FORMS:
        raise ParameterError("there is no such form")
    return _FORMS.get(given, Form.SENTENCE)


def _is_utf8(pairs: Mapping[str, bytes]) -> bool:
    try:
        for value in pairs.values():
            value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
