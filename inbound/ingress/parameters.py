"""Reads the parameters of a request: of its query and of a form or JSON object in its body.

Values are octets at first, because a parameter may say in which character set they are. A
parameter that is given twice is refused: parsers disagree about which one counts, and a text that
was not meant is sent all the same. Errors quote nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from inbound import unique_names
from inbound.ingress.multipart import MULTIPART, MultipartError, read_parts

MOST_PARAMETERS: Final = 100
FORM: Final = "application/x-www-form-urlencoded"
LARGEST_BODY: Final = 256 * 1024
"""Octets of a form or a JSON object: room for 1,000 numbers and a text of 20,000 characters.

It is read before anybody has signed in, in the event loop that all programs share; 4 MB of it take
more than a second.
"""

_LONGEST_NAME: Final = 64


class ParameterError(ValueError):
    """The parameters can't be read."""


def parse_pairs(raw: bytes) -> dict[str, bytes]:
    """Return the parameters of a query string or an URL-encoded form. Raises ParameterError."""
    pairs = [pair for pair in raw.split(b"&") if pair]
    if len(pairs) > MOST_PARAMETERS:
        raise ParameterError("too many parameters")
    split = (pair.partition(b"=") for pair in pairs)
    return _collect((_unquote(name), _unquote(value)) for name, _, value in split)


async def read_pairs(request: Request) -> dict[str, bytes]:
    """Return the parameters of the query and of a form in the body.

    Raises ParameterError, also for a body of another media type.
    """
    found = parse_pairs(request.scope["query_string"])
    body = await _read_body(request)
    of_body = _read_form(body, request.headers.get("content-type", FORM)) if body else {}
    if any(found.get(name, value) != value for name, value in of_body.items()):
        raise ParameterError("a parameter is given twice")
    return found | of_body


async def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body, without what is null. Raises ParameterError."""
    try:
        value = unique_names.loads(await _read_body(request))
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


async def _read_body(request: Request) -> bytes:
    body = await request.body()
    if len(body) > LARGEST_BODY:
        raise ParameterError("the body is too large")
    return body


def _read_form(body: bytes, content_type: str) -> dict[str, bytes]:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == FORM:
        return parse_pairs(body)
    if media_type != MULTIPART:
        raise ParameterError("the body is no form")
    try:
        return _collect(read_parts(body, content_type, MOST_PARAMETERS))
    except MultipartError as error:
        raise ParameterError(str(error)) from None


def _collect(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, bytes]:
    """Return the values by their names, which stand once each."""
    found: dict[str, bytes] = {}
    for raw, value in pairs:
        name = _name(raw)
        if name in found:
            raise ParameterError("a parameter is given twice")
        found[name] = value
    return found


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
