"""Reads the parameters of a request: of its query and of a form or JSON object in its body.

Values are octets at first, because a parameter may say in which character set they are. A
parameter that is given twice is refused: parsers disagree about which one counts, and a text that
was not meant is sent all the same. Errors quote nothing.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from inbound import unique_names

MOST_PARAMETERS: Final = 100
FORM: Final = "application/x-www-form-urlencoded"

_LONGEST_NAME: Final = 64


class ParameterError(ValueError):
    """The parameters can't be read."""


def parse_pairs(raw: bytes) -> dict[str, bytes]:
    """Return the parameters of a query string or an URL-encoded form. Raises ParameterError."""
    pairs = [pair for pair in raw.split(b"&") if pair]
    if len(pairs) > MOST_PARAMETERS:
        raise ParameterError("too many parameters")
    found: dict[str, bytes] = {}
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        name_of_one = _name(_unquote(name))
        if name_of_one in found:
            raise ParameterError("a parameter is given twice")
        found[name_of_one] = _unquote(value)
    return found


async def read_pairs(request: Request) -> dict[str, bytes]:
    """Return the parameters of the query and of an URL-encoded form in the body.

    Raises ParameterError, also for a body of another media type.
    """
    found = parse_pairs(request.scope["query_string"])
    body = await request.body()
    media_type = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if body and media_type != FORM:
        raise ParameterError("the body is no URL-encoded form")
    of_body = parse_pairs(body)
    if any(found.get(name, value) != value for name, value in of_body.items()):
        raise ParameterError("a parameter is given twice")
    return found | of_body


async def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body, without what is null. Raises ParameterError."""
    try:
        value = unique_names.loads(await request.body())
    except (ValueError, RecursionError):
        raise ParameterError("the body is no JSON, or names a field twice") from None
    if not isinstance(value, dict) or len(value) > MOST_PARAMETERS:
        raise ParameterError("the body is no JSON object")
    return {name: one for name, one in value.items() if one is not None}


def decode(pairs: Mapping[str, bytes], charset: str) -> dict[str, str]:
    """Return the values as text in this character set. Raises ParameterError."""
    try:
        return {name: value.decode(charset) for name, value in pairs.items()}
    except UnicodeDecodeError:
        raise ParameterError("a value is not in the character set") from None


def _unquote(raw: bytes) -> bytes:
    plain = raw.replace(b"+", b" ")
    return unquote_to_bytes(plain) if b"%" in plain else plain


def _name(raw: bytes) -> str:
    try:
        name = raw.decode("ascii")
    except UnicodeDecodeError:
        raise ParameterError("a name is not ASCII") from None
    if len(name) > _LONGEST_NAME:
        raise ParameterError("a name is too long")
    return name
