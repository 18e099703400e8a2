"""The paths of SMSC over HTTP."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from inbound.ingress.access import Caller
from inbound.ingress.dialect import Dialect, Trouble, parts_of, route
from inbound.ingress.parts import Parts
from inbound.ingress.smsc import looking_up, sending
from inbound.ingress.smsc.answers import Answers, SmscError
from inbound.ingress.smsc.codes import ErrorCode
from inbound.ingress.smsc.reading import answers_of, read_fields, read_json, sign_in

Read = Callable[[Request], Awaitable[Mapping[str, str]]]
Serve = Callable[[Parts, Caller, Mapping[str, str], Answers], Awaitable[Response]]

_GET_OR_POST: Final = ("GET", "POST")


async def send(request: Request) -> Response:
    """Send a text to a list of phones."""
    return await _serve(request, read_fields, sending.send)


async def status(request: Request) -> Response:
    """Say what became of messages."""
    return await _serve(request, read_fields, looking_up.statuses)


async def balance(request: Request) -> Response:
    """Say what the account may spend."""
    return await _serve(request, read_fields, looking_up.balance)


async def rest_send(request: Request) -> Response:
    """Send a text to a list of phones, asked for in JSON."""
    return await _serve(request, read_json, sending.send)


async def rest_status(request: Request) -> Response:
    """Say what became of messages, asked for in JSON."""
    return await _serve(request, read_json, looking_up.statuses)


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
        case Trouble.NO_PATH:
            return answers.error(SmscError(ErrorCode.PARAMETERS, "there is no such path"), 404)
        case Trouble.BUSY:
            return answers.error(SmscError(ErrorCode.REPEATED, "too many concurrent requests"))
    # Not 200: the message may have been placed, and no number of SMSC's says that.
    return answers.error(SmscError(ErrorCode.REPEATED, "service is not available"), 503)


_ROUTES: Final = (
    route("/sys/send.php", send, *_GET_OR_POST),
    route("/sys/status.php", status, *_GET_OR_POST),
    route("/sys/balance.php", balance, *_GET_OR_POST),
    route("/rest/send/", rest_send, "POST"),
    route("/rest/status/", rest_status, "POST"),
    route("/rest/balance/", rest_balance, "POST"),
)

SMSC: Final = Dialect("smsc", _ROUTES, _answer, ("/sys/", "/rest/"))
