"""Every answer that is no success is a problem detail (RFC 9457), whoever makes it.

No problem repeats what was sent: a number or a token in a wrong place must not come back,
into somebody's log. So texts name fields of ours and rules, never values and never names
that a client made up.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as AnyHTTPException

from inbound.errors import RetryableError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 5


class ProblemKind(Enum):
    """The problems there are: name, status, title. The names are part of the contract."""

    NO_HTTP = ("no-http", 400, "This is no HTTP request")
    UNAUTHORIZED = ("unauthorized", 401, "No token, or none that is good now")
    FORBIDDEN = ("forbidden", 403, "The token does not allow this")
    NOT_FOUND = ("not-found", 404, "There is nothing here")
    METHOD_NOT_ALLOWED = ("method-not-allowed", 405, "This path does not take this method")
    BODY_TIMEOUT = ("body-timeout", 408, "The request did not arrive in time")
    TOO_LARGE = ("too-large", 413, "The request is too large")
    MEDIA_TYPE = ("media-type", 415, "The body has to be application/json")
    INVALID = ("invalid", 422, "The request does not fit its description")
    RATE_LIMITED = ("rate-limited", 429, "Too many requests with this token")
    DEFECT = ("defect", 500, "A defect of the service")
    UNAVAILABLE = ("unavailable", 503, "The service can't answer now")

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.slug = slug
        self.type = f"urn:scserv:problem:{slug}"
        self.status = status
        self.title = title


_BY_STATUS: Final = {kind.status: kind for kind in ProblemKind}
PHRASES: Final = {kind: HTTPStatus(kind.status).phrase for kind in ProblemKind}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    where: str = Field(
        description="body, query, path or header, and the field",
        examples=["query.limit", "body.subjects.3"],
    )
    problem: str = Field(description="the rule that is broken; never the value")


class ProblemDetails(BaseModel):
    """A problem detail (RFC 9457)."""

    type: str = Field(
        description="which problem it is; stable, for programs",
        examples=[kind.type for kind in ProblemKind],
    )
    title: str = Field(description="the same in words")
    status: int = Field(ge=400, le=599, description="the HTTP status")
    detail: str | None = Field(default=None, description="what to do about this one")
    instance: str = Field(description="this occurrence: `urn:uuid:` and the X-Request-Id")
    errors: list[FieldProblem] | None = Field(
        default=None, description="of `invalid`: what is wrong with which field"
    )


class Refusal(HTTPException):
    """An answer that is a problem, raised wherever it is found.

    A kind of HTTPException, because FastAPI lets no other one through the reading of a body.
    """

    def __init__(
        self,
        kind: ProblemKind,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldProblem] = (),
    ) -> None:
        super().__init__(kind.status, detail, dict(headers or {}))
        self.kind = kind
        self.text = detail
        self.errors = errors


def unauthorized(*, given: bool = False) -> Refusal:
    """No token, or one that is no good (RFC 6750, 3.1).

    The same for a malformed, unknown, expired and revoked one.
    """
    error = ', error="invalid_token"' if given else ""
    return Refusal(
        ProblemKind.UNAUTHORIZED,
        "send `Authorization: Bearer TOKEN`; `scserv tokens create` makes one",
        {"WWW-Authenticate": f'Bearer realm="scserv"{error}'},
    )


def forbidden(scope: str) -> Refusal:
    """A good token without the scope that is needed (RFC 6750, 3.1)."""
    return Refusal(
        ProblemKind.FORBIDDEN,
        f"this takes a token with the scope {scope}",
        {"WWW-Authenticate": f'Bearer realm="scserv", error="insufficient_scope", scope="{scope}"'},
    )


def invalid(where: str, problem: str) -> Refusal:
    """One field is wrong in a way that its schema can't say."""
    return Refusal(ProblemKind.INVALID, errors=[FieldProblem(where=where, problem=problem)])


def refusal_of(error: Exception) -> Refusal:
    """Return how an error is answered; `ProblemKind.DEFECT` for whatever nobody expected."""
    match error:
        case Refusal():
            return error
        case RequestValidationError():
            return _of_validation(error)
        case AnyHTTPException():
            if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI: no UTF-8, or too deep
                return invalid("body", _RULES["json_invalid"])
            return Refusal(
                _BY_STATUS.get(error.status_code, ProblemKind.DEFECT), headers=error.headers
            )
        case RetryableError():
            # Not its text: that names the database's host.
            return Refusal(
                ProblemKind.UNAVAILABLE,
                "the database does not answer",
                {"Retry-After": str(RETRY_AFTER_S)},
            )
    return Refusal(ProblemKind.DEFECT, "the service's log has more under this request's id")


def problem_of(refusal: Refusal, request_id: str) -> ProblemDetails:
    """Return the body of a refusal."""
    return ProblemDetails(
        type=refusal.kind.type,
        title=refusal.kind.title,
        status=refusal.kind.status,
        detail=refusal.text,
        instance=f"urn:uuid:{request_id}",
        errors=list(refusal.errors) or None,
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
    """Answer an error that a route or the framework raised."""
    if isinstance(error, RequestValidationError) and _is_no_json(request, error):
        error = Refusal(ProblemKind.MEDIA_TYPE)
    return render(refusal_of(error), request.state.request_id)


# -- validation ---------------------------------------------------------------------------

# Texts of pydantic that quote the input, said without it.
_RULES: Final = {
    "uuid_parsing": "has to be a UUID",
    "uuid_type": "has to be a UUID",
    "datetime_parsing": "has to be a time like 2024-05-17T12:30:00Z",
    "datetime_from_date_parsing": "has to be a time like 2024-05-17T12:30:00Z",
    "datetime_type": "has to be a time like 2024-05-17T12:30:00Z",
    "timezone_aware": "needs its offset from UTC, as in 2024-05-17T12:30:00Z",
    "json_invalid": "is no JSON",
    "extra_forbidden": "is not known here",
    "string_pattern_mismatch": "does not fit its pattern in the OpenAPI document",
    "string_unicode": "is no Unicode text",
    "model_attributes_type": "has to be a JSON object",
    "missing": "is missing",
}
# Texts of pydantic that are made of the schema alone.
_SAFE: Final = frozenset(
    {
        *("string_type", "string_too_short", "string_too_long"),
        *("int_type", "int_parsing", "int_from_float", "bool_type", "bool_parsing", "list_type"),
        *("too_short", "too_long", "greater_than_equal", "less_than_equal"),
        *("enum", "literal_error", "dict_type", "model_type"),
        "value_error",  # of this service's own validators, which don't quote either
    }
)


def _of_validation(error: RequestValidationError) -> Refusal:
    errors = [
        FieldProblem(where=_where(found), problem=_rule(found)) for found in error.errors()[:20]
    ]
    return Refusal(ProblemKind.INVALID, errors=errors)


def _where(found: Mapping[str, Any]) -> str:
    """Name the field; not the last step of an unknown one, which is the client's own word."""
    steps = found["loc"]
    if found["type"] == "extra_forbidden":
        steps = (*steps[:-1], "(unknown)")
    elif found["type"] == "json_invalid":
        steps = steps[:1]
    return ".".join(str(step) for step in steps)


def _rule(found: Mapping[str, Any]) -> str:
    if found["type"] in _RULES:
        return _RULES[found["type"]]
    if found["type"] not in _SAFE:
        return "does not fit its description"
    return str(found["msg"]).removeprefix("Value error, ")


def _is_no_json(request: Request, error: RequestValidationError) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type != "application/json" and any(
        found["loc"] == ("body",) and found["type"] != "missing" for found in error.errors()
    )
