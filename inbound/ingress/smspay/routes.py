"""The path of SMSPAY."""

import re
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from inbound.ingress.access import Caller, DeniedError
from inbound.ingress.dialect import Dialect, Trouble, address_of, let_in, parts_of, route
from inbound.ingress.parameters import ParameterError, decode, read_pairs
from inbound.ingress.smspay.codes import Word, word_of, word_of_denial
from schemas.orders import Order

LONGEST_TEXT: Final = 160
UNAVAILABLE: Final = "SERVICE_UNAVAILABLE"
"""Not one of SMSPAY's words: the message may have been placed, and none of them says that."""

_MSISDN: Final = re.compile(r"\+?([1-9][0-9]{6,14})")


async def send_bulk(request: Request) -> Response:
    """Send a message."""
    try:
        fields = decode(await read_pairs(request), "utf-8")
        caller = await _sign_in(request, fields)
        return PlainTextResponse(await _send(request, caller, fields))
    except ParameterError:
        return PlainTextResponse(Word.INVALID_INPUT)
    except DeniedError as error:
        return PlainTextResponse(word_of_denial(error.denial))


async def _sign_in(request: Request, fields: Mapping[str, str]) -> Caller:
    access, address = parts_of(request).access, address_of(request)
    user_id, service_id = fields.get("user_id", ""), fields.get("service_id", "")
    if not user_id or not service_id:
        raise ParameterError("who asks is not said")
    return let_in(request, await access.by_service(user_id, service_id, address))


async def _send(request: Request, caller: Caller, fields: Mapping[str, str]) -> str:
    """Return the answer. With `extended=yes` it has an id, and the account's URL is called."""
    text, extended = fields.get("text", ""), fields.get("extended", "")
    if len(text) > LONGEST_TEXT or extended not in {"", "yes", "no"}:
        return Word.INVALID_INPUT
    if "msisdn" not in fields:
        return Word.INVALID_INPUT
    msisdn = _MSISDN.fullmatch(fields["msisdn"].strip())
    if msisdn is None:
        return Word.INVALID_MSISDN
    is_extended = extended == "yes"
    try:
        order = Order(
            account=caller.account, phone=f"+{msisdn[1]}", text=text, callback=is_extended
        )
    except ValidationError:
        return Word.INVALID_INPUT
    (placed,) = await parts_of(request).place([order])
    if placed.reason is not None:
        return word_of(placed.reason)
    return f"{Word.MSG_OK}:{placed.order_id}" if is_extended else Word.MSG_OK


def _answer(trouble: Trouble, scope: Scope) -> Response:
    del scope
    match trouble:
        case Trouble.MALFORMED:
            return PlainTextResponse(Word.INVALID_INPUT)
        case Trouble.NO_PATH:
            return PlainTextResponse(Word.INVALID_INPUT, 404)
        case Trouble.BUSY:
            return PlainTextResponse(Word.LIMIT_DELAY)
    return PlainTextResponse(UNAVAILABLE, 503)


SMSPAY: Final = Dialect(
    "smspay", (route("/users/send_bulk.php", send_bulk, "GET", "POST"),), _answer, ("/users/",)
)
