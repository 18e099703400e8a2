"""BYTEHAND's version 1: a call a path, with and without `/v1` before it.

Every answer has the status 200; errors are numbers in `status`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from inbound import unique_names
from inbound.ingress.access import Caller, DeniedError
from inbound.ingress.balances import shown
from inbound.ingress.bytehand import signatures
from inbound.ingress.bytehand.codes import ErrorCode
from inbound.ingress.bytehand.orders import (
    DIALECT,
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
from inbound.ingress.parameters import ParameterError, decode, parse_pairs, read_pairs
from inbound.ingress.parts import Parts
from inbound.money import amount_text
from inbound.orders.intake import MOST_IN_BATCH
from inbound.orders.ports import Placed
from inbound.store.orders.accounts import read_account
from inbound.store.orders.lookup import FoundOrder, find_order

Fields = Mapping[str, str]
Serve = Callable[[Parts, Caller, Fields], Awaitable[Any]]

SEND_MULTI: Final = "/send_multi"

_NAMES: Final = ("from", "to", "text")
_GET_OR_POST: Final = ("GET", "POST")
_MOST_DIGITS: Final = 18


async def send(request: Request) -> Response:
    """Send a message."""
    return await _serve(request, _send)


async def send_multi(request: Request) -> Response:
    """Send a list of messages, each with an answer of its own."""
    try:
        fields = decode(parse_pairs(request.scope["query_string"]), "utf-8")
        caller = await _sign_in(request, fields)
        return JSONResponse(await _send_all(parts_of(request), caller, await request.body()))
    except ParameterError:
        return JSONResponse([_error(BytehandError(ErrorCode.PARAMETERS))])
    except BytehandError as error:
        return JSONResponse([_error(error)])


async def details(request: Request) -> Response:
    """Say what became of a message."""
    return await _serve(request, _details)


async def status(request: Request) -> Response:
    """Say the state of a message."""
    return await _serve(request, _status)


async def balance(request: Request) -> Response:
    """Say what the account may spend."""
    return await _serve(request, _balance)


async def list_signatures(request: Request) -> Response:
    """List the senders of the account."""

    async def found(parts: Parts, caller: Caller, fields: Fields) -> Any:  # noqa: ANN401 — JSON
        return await signatures.find_signatures(parts, caller, fields.get("state", ""))

    return await _serve(request, found)


async def ask_for_signature(request: Request) -> Response:
    """Ask for a sender."""

    async def asked(parts: Parts, caller: Caller, fields: Fields) -> Any:  # noqa: ANN401 — JSON
        text = fields.get("text", "")
        return _success(await signatures.ask_for_signature(parts, caller, text))

    return await _serve(request, asked)


async def delete_signature(request: Request) -> Response:
    """Delete a sender of the account."""

    async def deleted(parts: Parts, caller: Caller, fields: Fields) -> Any:  # noqa: ANN401 — JSON
        signature_id = fields.get("signature", "")
        await signatures.delete_signature(parts, caller, signature_id)
        return _success(signature_id)

    return await _serve(request, deleted)


async def _serve(request: Request, serve: Serve) -> Response:
    try:
        fields = decode(await read_pairs(request), "utf-8")
        caller = await _sign_in(request, fields)
        return JSONResponse(await serve(parts_of(request), caller, fields))
    except ParameterError:
        return JSONResponse(_error(BytehandError(ErrorCode.PARAMETERS)))
    except BytehandError as error:
        return JSONResponse(_error(error))


async def _sign_in(request: Request, fields: Fields) -> Caller:
    access, address = parts_of(request).access, address_of(request)
    try:
        number, key = fields.get("id", ""), fields.get("key", "")
        return let_in(request, await access.by_key(number, key.lower(), address))
    except DeniedError as error:
        raise error_of_denial(error) from None


async def _send(parts: Parts, caller: Caller, fields: Fields) -> Any:  # noqa: ANN401 — JSON
    number = await parts.numbers.next()
    (placed,) = await parts.place([make_order(parts, caller, fields, _NAMES, number)])
    return _placed(number, placed)


async def _send_all(parts: Parts, caller: Caller, body: bytes) -> list[Any]:
    """Return the answer to each message; those that can't be orders are not placed."""
    try:
        messages = unique_names.loads(body)
    except (ValueError, RecursionError):
        raise BytehandError(ErrorCode.PARAMETERS) from None
    if not isinstance(messages, list) or not 0 < len(messages) <= MOST_IN_BATCH:
        raise BytehandError(ErrorCode.PARAMETERS)
    answers: list[Any] = []
    orders = {}
    async with parts.turns.of(caller.account):
        for message in messages:
            number = await parts.numbers.next()
            try:
                orders[number] = make_order(parts, caller, message, _NAMES, number)
                answers.append(number)
            except BytehandError as error:
                answers.append(_error(error))
    placed = dict(zip(orders, await parts.place(list(orders.values())), strict=True))
    return [_placed(one, placed[one]) if isinstance(one, int) else one for one in answers]


async def _details(parts: Parts, caller: Caller, fields: Fields) -> Any:  # noqa: ANN401 — JSON
    order = await _find(parts, caller, fields)
    return {
        **_success(state_name(order)),
        "posted_at": moment_text(order.created_at),
        "updated_at": moment_text(order.changed_at),
        "parts": order.parts,
        "cost": cost_of(order),
    }


async def _status(parts: Parts, caller: Caller, fields: Fields) -> Any:  # noqa: ANN401 — JSON
    return _success(state_name(await _find(parts, caller, fields)))


async def _find(parts: Parts, caller: Caller, fields: Fields) -> FoundOrder:
    message_id = fields.get("message", "")
    if not (message_id.isascii() and message_id.isdigit() and len(message_id) <= _MOST_DIGITS):
        raise BytehandError(ErrorCode.PARAMETERS)
    order_id = parts.order_id(caller.account, DIALECT, str(int(message_id)))
    order = await parts.pool.run(find_order, caller.account, order_id)
    if order is None:
        raise BytehandError(ErrorCode.NOT_FOUND)
    return order


async def _balance(parts: Parts, caller: Caller, fields: Fields) -> Any:  # noqa: ANN401 — JSON
    del fields
    account = await parts.pool.run(read_account, caller.account)
    if account is None:
        raise BytehandError(ErrorCode.AUTHORISATION)
    return _success(amount_text(shown(account.balance)))


def _placed(number: int, placed: Placed) -> dict[str, Any]:
    if placed.reason is not None:
        return _error(error_of_refusal(placed.reason))
    return _success(number)


def _success(description: object) -> dict[str, Any]:
    return {"status": 0, "description": str(description)}


def _error(error: BytehandError) -> dict[str, Any]:
    return {"status": int(error.code), "description": error.text}


def _answer(trouble: Trouble, scope: Scope) -> Response:
    error = _error(BytehandError(error_of_trouble(trouble)))
    is_list = scope["path"].endswith(SEND_MULTI)
    return JSONResponse([error] if is_list else error, 404 if trouble is Trouble.NO_PATH else 200)


_CALLS: Final = (
    route("/send", send, *_GET_OR_POST),
    route(SEND_MULTI, send_multi, "POST"),
    route("/details", details, *_GET_OR_POST),
    route("/status", status, *_GET_OR_POST),
    route("/balance", balance, *_GET_OR_POST),
    route("/signatures", list_signatures, "GET"),
    route("/signature", ask_for_signature, "POST"),
    route("/signature", delete_signature, "DELETE"),
)
_UNDER_V1: Final = tuple(replace(one, path=f"/v1{one.path}") for one in _CALLS)

BYTEHAND_1: Final = Dialect("bytehand", (*_CALLS, *_UNDER_V1), _answer, ("/v1/",))
