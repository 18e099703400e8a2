"""The paths of SMSC over HTTP."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Scope

from inbound.ingress.access import Caller
from inbound.ingress.dialect import Dialect, Trouble, parts_of
from inbound.ingress.parts import Parts
from inbound.ingress.smsc import looking_up, sending
from inbound.ingress.smsc.answers import Answers, SmscError
from inbound.ingress.smsc.codes import ErrorCode
from inbound.ingress.smsc.reading import answers_of, read_fields, read_json, sign_in

Read = Callable[[Request], Awaitable[Mapping[str, str]]]
Serve = Callable[[Parts, Caller, Mapping[str, str], Answers], Awaitable[Response]]

_METHODS: Final = ["GET", "POST"]

router = APIRouter()


@router.api_route("/sys/send.php", methods=_METHODS)
async def send(request: Request) -> Response:
    """Send a text to a list of phones."""
    return await _serve(request, read_fields, sending.send)


@router.api_route("/sys/status.php", methods=_METHODS)
async def status(request: Request) -> Response:
    """Say what became of messages."""
    return await _serve(request, read_fields, looking_up.statuses)


@router.api_route("/sys/balance.php", methods=_METHODS)
async def balance(request: Request) -> Response:
    """Say what the account may spend."""
    return await _serve(request, read_fields, looking_up.balance)


@router.post("/rest/send/")
async def rest_send(request: Request) -> Response:
    """Send a text to a list of phones, asked for in JSON."""
    return await _serve(request, read_json, sending.send)


@router.post("/rest/status/")
async def rest_status(request: Request) -> Response:
    """Say what became of messages, asked for in JSON."""
    return await _serve(request, read_json, looking_up.statuses)


@router.post("/rest/balance/")
async def rest_balance(request: Request) -> Response:
    """Say what the account may spend, asked for in JSON."""
    return await _serve(request, read_json, looking_up.balance)


async def _serve(request: Request, read: Read, serve: Serve) -> Response:
    try:
        fields = await read(request)
        caller = await sign_in(request, fields)
        return await serve(parts_of(request), caller, fields, answers_of(request.scope))
    except SmscError as error:
        return answers_of(request.scope).error(error)


def _answer(trouble: Trouble, scope: Scope) -> Response:
    answers = answers_of(scope)
    match trouble:
        case Trouble.MALFORMED:
            return answers.error(SmscError(ErrorCode.PARAMETERS))
        case Trouble.BUSY:
            return answers.error(SmscError(ErrorCode.REPEATED, "too many concurrent requests"))
    # Not 200: the message may have been placed, and no number of SMSC's says that.
    return answers.error(SmscError(ErrorCode.REPEATED, "service is not available"), 503)


SMSC: Final = Dialect("smsc", router, _answer)
