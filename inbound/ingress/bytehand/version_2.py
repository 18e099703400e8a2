"""BYTEHAND's version 2: messages, with the account's key in the header `X-Service-Key`.

Ids are those of the orders. How it tells of errors is not described in public: here an error is
`{"result": "error", "code", "message"}` with an HTTP status of its own.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from inbound import unique_names
from inbound.ingress.access import Caller, DeniedError
from inbound.ingress.bytehand.codes import ErrorCode
from inbound.ingress.bytehand.orders import (
    BytehandError,
    cost_of,
    error_of_denial,
    error_of_refusal,
    error_of_trouble,
    make_order,
    moment_text,
    state_name,
)
from inbound.ingress.dialect import Dialect, Trouble, address_of, let_in, parts_of, route
from inbound.ingress.parameters import ParameterError, decode, parse_pairs
from inbound.orders.intake import MOST_IN_BATCH
from inbound.store.orders.lookup import FoundOrder, OrderQuery, find_order, search_orders

LISTED_FOR: Final = timedelta(days=90)
MOST_LISTED: Final = 1000
"""How far back pages reach."""
PER_PAGE: Final = 20
MOST_PER_PAGE: Final = 100
FIELDS: Final = frozenset({"id", "sender", "status", "parts", "cost", "created_at", "updated_at"})
"""The fields of a message in an answer."""
NEWEST_FIRST: Final = frozenset({"", "-created_at"})

_PATH: Final = "/v2/sms/messages"
_NAMES: Final = ("sender", "receiver", "text")
_STATUS: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.AUTHORISATION: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.ADDRESS_BLOCKED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.UNAVAILABLE: 503,
}
_BAD_REQUEST: Final = 400


async def send(request: Request) -> Response:
    """Send a message, or a list of messages that are placed together."""
    try:
        caller = await _sign_in(request)
        return await _send(request, caller)
    except BytehandError as error:
        return _refuse(error)


async def list_messages(request: Request) -> Response:
    """List the messages of the account, the newest first."""
    try:
        caller = await _sign_in(request)
        return await _list(request, caller)
    except ParameterError:
        return _refuse(BytehandError(ErrorCode.PARAMETERS))
    except BytehandError as error:
        return _refuse(error)


async def message(request: Request) -> Response:
    """Say what became of a message."""
    try:
        caller = await _sign_in(request)
        order_id = UUID(request.path_params["message_id"])
        found = await parts_of(request).pool.run(find_order, caller.account, order_id)
    except BytehandError as error:
        return _refuse(error)
    except ValueError:
        found = None
    if found is None:
        return _refuse(BytehandError(ErrorCode.NOT_FOUND))
    return JSONResponse(_shown(found))


async def _sign_in(request: Request) -> Caller:
    access, address = parts_of(request).access, address_of(request)
    try:
        key = request.headers.get("x-service-key", "")
        return let_in(request, await access.by_key_alone(key.lower(), address))
    except DeniedError as error:
        raise error_of_denial(error) from None


async def _send(request: Request, caller: Caller) -> Response:
    """Place the orders; of a list with a message that can't be one, none."""
    parts = parts_of(request)
    async with parts.turns.of(caller.account):
        orders = [make_order(parts, caller, one, _NAMES) for one in await _messages(request)]
    placed = await parts.place(orders)
    accepted = [one for one in placed if one.reason is None]
    refused = [
        {"index": index, **_error(error_of_refusal(one.reason))}
        for index, one in enumerate(placed)
        if one.reason is not None
    ]
    if not accepted:
        raise error_of_refusal(next(one.reason for one in placed if one.reason is not None))
    answer: dict[str, Any] = {"result": "created", "id": str(accepted[0].order_id)}
    answer["count"] = len(accepted)
    if len(placed) > 1:
        answer |= {"ids": [str(one.order_id) for one in accepted], "errors": refused}
    return JSONResponse(answer)


async def _messages(request: Request) -> list[object]:
    try:
        body = unique_names.loads(await request.body())
    except (ValueError, RecursionError):
        raise BytehandError(ErrorCode.PARAMETERS) from None
    messages = body if isinstance(body, list) else [body]
    if not 0 < len(messages) <= MOST_IN_BATCH:
        raise BytehandError(ErrorCode.PARAMETERS)
    return messages


async def _list(request: Request, caller: Caller) -> Response:
    fields = decode(parse_pairs(request.scope["query_string"]), "utf-8")
    if fields.get("query") or fields.get("sort", "") not in NEWEST_FIRST:
        raise BytehandError(ErrorCode.PARAMETERS)
    page = _number(fields.get("page"), 1, MOST_LISTED)
    count = _number(fields.get("count"), PER_PAGE, MOST_PER_PAGE)
    if page * count > MOST_LISTED:
        raise BytehandError(ErrorCode.PARAMETERS)
    wanted = [one.strip() for one in fields.get("fields", "").split(",") if one.strip()]
    if not FIELDS.issuperset(wanted):
        raise BytehandError(ErrorCode.PARAMETERS)
    parts = parts_of(request)
    query = OrderQuery(caller.account, parts.clock() - LISTED_FOR)
    found = await parts.pool.run(search_orders, query, None, page * count)
    rows = [_shown(one) for one in found[(page - 1) * count :]]
    if wanted:
        rows = [{name: row[name] for name in wanted} for row in rows]
    return JSONResponse(rows)


def _number(text: str | None, otherwise: int, most: int) -> int:
    if not text:
        return otherwise
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
    if not 0 < number <= most:
        raise BytehandError(ErrorCode.PARAMETERS)
    return number


def _shown(order: FoundOrder) -> dict[str, Any]:
    return {
        "id": str(order.order_id),
        "sender": order.sender or "",
        "status": state_name(order),
        "parts": order.parts,
        "cost": cost_of(order),
        "created_at": moment_text(order.created_at),
        "updated_at": moment_text(order.changed_at),
    }


def _error(error: BytehandError) -> dict[str, Any]:
    return {"code": int(error.code), "message": error.text}


def _refuse(error: BytehandError) -> Response:
    status = _STATUS.get(error.code, _BAD_REQUEST)
    return JSONResponse({"result": "error", **_error(error)}, status)


def _answer(trouble: Trouble, scope: Scope) -> Response:
    del scope
    return _refuse(BytehandError(error_of_trouble(trouble)))


_ROUTES: Final = (
    route(_PATH, send, "POST"),
    route(_PATH, list_messages, "GET"),
    route(_PATH + "/{message_id}", message, "GET"),
)

BYTEHAND_2: Final = Dialect("bytehand", _ROUTES, _answer, ("/v2/",))
