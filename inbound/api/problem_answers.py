"""Answers errors: maps an error to its problem, and a problem to a response.

`inbound.faults` describes invalid fields.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.routing import Match, Route

from inbound.api.patterns import WORDS
from inbound.api.problems import (
    CHOICES,
    MEDIA_TYPE,
    RETRY_AFTER_S,
    FieldProblem,
    ProblemDetails,
    ProblemKind,
    Refusal,
    invalid,
    no_such_id,
)
from inbound.errors import RetryableError
from inbound.faults import MOST_SHOWN, WrongField, fault_of

_MOST_IN_DETAIL: Final = 3

_DETAILS: Final = {
    ProblemKind.NO_HTTP: "the request is not HTTP/1.1, or two readers could understand it in two "
    "ways: check its line ends, `Content-Length` and `Transfer-Encoding`, and that TLS is used on "
    "neither side or on both; nothing was done",
    ProblemKind.HEADERS_TOO_LARGE: "the request line and the headers may have 16 KiB together; "
    "send large values in the body",
    ProblemKind.NOT_FOUND: "there is no such path; GET /openapi.json lists all",
    ProblemKind.DEFECT: "the log of the service has details under the request id in `instance`",
}
"""What to do about a problem that has no detail of its own."""

_OF_PATH: Final = frozenset({ProblemKind.NOT_FOUND, ProblemKind.METHOD_NOT_ALLOWED})

_BY_STATUS: Final = {kind.status: kind for kind in ProblemKind}


def refusal_of(error: Exception) -> Refusal:
    """Return the refusal for an error; `ProblemKind.DEFECT` for an unexpected one."""
    match error:
        case Refusal():
            return error
        case RequestValidationError():
            return _of_validation(error)
        case AnyHTTPException():
            if error.status_code == HTTPStatus.BAD_REQUEST:
                return invalid("body", _unreadable(error.__cause__))
            kind = _BY_STATUS.get(error.status_code, ProblemKind.DEFECT)
            return Refusal(kind, _DETAILS.get(kind), error.headers)
        case RetryableError():
            # Its own text would name the database host.
            return Refusal(
                ProblemKind.UNAVAILABLE,
                "the database does not answer; ask again after the seconds in `Retry-After`",
                {"Retry-After": str(RETRY_AFTER_S)},
            )
    return Refusal(ProblemKind.DEFECT)


def _detail_of(refusal: Refusal) -> str:
    """Return its detail; if it has none, the invalid fields, or the standard text of its kind."""
    if refusal.text:
        return refusal.text
    if refusal.errors:
        said = [f"{one.where}: {one.problem}" for one in refusal.errors[:_MOST_IN_DETAIL]]
        more = len(refusal.errors) - len(said)
        return "; ".join([*said, *([f"and {more} more in `errors`"] if more else [])])
    return _DETAILS.get(refusal.kind, refusal.kind.title)


def problem_of(refusal: Refusal, request_id: str) -> ProblemDetails:
    """Return the body of a refusal."""
    return ProblemDetails(
        type=refusal.kind.type,
        title=refusal.kind.title,
        status=refusal.kind.status,
        detail=_detail_of(refusal),
        instance=f"urn:uuid:{request_id}",
        errors=list(refusal.errors) or None,
        reason=refusal.reason,
        id=refusal.message_id,
        temporary=refusal.is_temporary,
        as_of=refusal.freshness.as_of if refusal.freshness else None,
        pending=list(refusal.freshness.pending) if refusal.freshness else None,
    )


def render(refusal: Refusal, request_id: str) -> Response:
    """Return the refusal as a response."""
    return Response(
        problem_of(refusal, request_id).model_dump_json(exclude_none=True),
        refusal.kind.status,
        headers=refusal.headers,
        media_type=MEDIA_TYPE,
    )


async def answer(request: Request, error: Exception) -> Response:
    """Answer an error raised by a route or by the framework."""
    if isinstance(error, RequestValidationError) and _is_not_json(request, error):
        detail = "send the body as JSON, with the header `Content-Type: application/json`"
        error = Refusal(ProblemKind.MEDIA_TYPE, detail)
    refusal = refusal_of(error)
    if refusal.kind in _OF_PATH and _without_slash(request):
        refusal = Refusal(ProblemKind.NOT_FOUND, "there is no such path; leave out its last slash")
    if refusal.kind is ProblemKind.METHOD_NOT_ALLOWED and (allowed := _allowed_methods(request)):
        refusal.headers, refusal.text = {"Allow": allowed}, f"this path takes {allowed}"
    return render(refusal, request.state.request_id)


def _allowed_methods(request: Request) -> str:
    """Return the methods of all routes of a path; Starlette knows those of the first one only."""
    routes: Sequence[Route] = request.app.state.routes
    methods: set[str] = set()
    for route in routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def _without_slash(request: Request) -> bool:
    """Whether the path is that of a route, except for a trailing slash."""
    path: str = request.scope["path"]
    shorter = {**request.scope, "path": path.rstrip("/")}
    routes: Sequence[Route] = request.app.state.routes
    return path.endswith("/") and any(
        route.matches(shorter)[0] is Match.FULL and "{" not in route.path for route in routes
    )


def _unreadable(cause: BaseException | None) -> str:
    """Return why a body could not be read as JSON, although it has no syntax error."""
    if isinstance(cause, UnicodeDecodeError):
        return "is not UTF-8 text"
    if isinstance(cause, RecursionError):
        return "is nested too deep"
    return "is not valid JSON"


# -- validation ---------------------------------------------------------------------------


def _of_validation(error: RequestValidationError) -> Refusal:
    faults = [fault_of(found, WORDS, CHOICES) for found in error.errors()[:MOST_SHOWN]]
    errors = [FieldProblem(where=".".join(one.path), problem=_said(one)) for one in faults]
    for one in errors:
        if one.where.startswith("path."):
            return no_such_id(one.where, one.problem)
    return Refusal(ProblemKind.INVALID, errors=errors)


def _said(fault: WrongField) -> str:
    if (*fault.path, fault.rule) == ("body", "is missing"):
        return "is missing; send a JSON object"
    return fault.rule


def _is_not_json(request: Request, error: RequestValidationError) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type != "application/json" and any(
        [step for step in found["loc"] if step not in CHOICES] == ["body"]
        and found["type"] != "missing"
        for found in error.errors()
    )
