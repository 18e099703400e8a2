"""Problem details (RFC 9457): the body of every answer that is not a success.

A problem never repeats what was sent, because a number or a token in the wrong place would
end up in the caller's log. Texts name our fields and rules, never values.
`inbound.api.problem_answers` makes answers of errors.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import HTTPException
from pydantic import BaseModel, Field

from inbound.freshness.model import Freshness, Pending
from schemas.base import UtcTime
from schemas.orders import RefusalReason

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 5


class ProblemKind(Enum):
    """All problems: name, status, title. The names are part of the contract."""

    NO_HTTP = ("no-http", 400, "Not an HTTP request")
    REPEATED_HEADER = ("repeated-header", 400, "A header is given more than once")
    REPEATED_PARAMETER = ("repeated-parameter", 400, "A query parameter is given more than once")
    UNAUTHORIZED = ("unauthorized", 401, "No valid token")
    FORBIDDEN = ("forbidden", 403, "The token does not allow this")
    NOT_FOUND = ("not-found", 404, "Not found")
    REFUSED = ("refused", 409, "The message or broadcast was refused")
    NOT_POSSIBLE = ("not-possible", 409, "The broadcast's state does not allow this")
    NOT_SCHEDULED = ("not-scheduled", 409, "The message is not scheduled any more")
    METHOD_NOT_ALLOWED = ("method-not-allowed", 405, "Method not allowed on this path")
    BODY_TIMEOUT = ("body-timeout", 408, "The request did not arrive in time")
    TOO_LARGE = ("too-large", 413, "The request is too large")
    MEDIA_TYPE = ("media-type", 415, "The body has to be application/json")
    INVALID = ("invalid", 422, "The request is invalid")
    HEADERS_TOO_LARGE = ("headers-too-large", 431, "The headers are too large")
    RATE_LIMITED = ("rate-limited", 429, "Too many requests with this token")
    TOO_MANY_FAILURES = ("too-many-failures", 429, "Too many requests without a valid token")
    DEFECT = ("defect", 500, "Internal defect")
    UNAVAILABLE = ("unavailable", 503, "The service can't answer now")

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.slug = slug
        self.type = f"urn:scserv:problem:{slug}"
        self.status = status
        self.title = title


NO_CLIENT: Final = "no client has this id"
ONE: Final = "one message"
LIST: Final = "list of messages"
ALL_CLIENTS: Final = "all clients"
ROWS: Final = "rows"
CHOICES: Final = frozenset({ONE, LIST, ALL_CLIENTS, ROWS})
"""The alternatives of a body, which pydantic names in the path of a field."""

PHRASES: Final = {kind: HTTPStatus(kind.status).phrase for kind in ProblemKind}


TEMPORARY_MEANS: Final = (
    "whether the same message may be accepted later, under a new `Idempotency-Key`"
)


class FieldProblem(BaseModel):
    """One invalid field."""

    where: str = Field(
        description="body, query, path or header, and the field",
        examples=["query.limit", "body.subjects.3"],
    )
    problem: str = Field(description="the broken rule; never the value")


class ProblemDetails(BaseModel):
    """A problem detail (RFC 9457)."""

    type: str = Field(
        description="identifies the problem; stable, for programs",
        examples=[kind.type for kind in ProblemKind],
    )
    title: str = Field(description="the problem in words")
    status: int = Field(ge=400, le=599, description="the HTTP status")
    detail: str = Field(description="what is wrong with this request, and what to do about it")
    instance: str = Field(description="this occurrence: `urn:uuid:` and the X-Request-Id")
    errors: list[FieldProblem] | None = Field(
        default=None, description="of `invalid` and `repeated-parameter`: the fields"
    )
    reason: RefusalReason | None = Field(
        default=None, description="of `refused`: the first reason that applies"
    )
    id: UUID | None = Field(default=None, description="of `refused`: the id of the message")
    temporary: bool | None = Field(default=None, description=f"of `refused`: {TEMPORARY_MEANS}")
    as_of: UtcTime | None = Field(
        default=None,
        description="of `not-found` for an id of a request, message or trace: all that the service "
        "had received before then was looked at; absent when that can't be known now, and for an "
        "id that nothing can have",
    )
    pending: list[Pending] | None = Field(
        default=None,
        description="of the same: what was received and not processed yet. As long as there is "
        "something, the id may still be found later",
    )


class Refusal(HTTPException):
    """Refuses a request with a problem; may be raised anywhere.

    It is an HTTPException because FastAPI passes on no other exception while reading a body.
    """

    def __init__(
        self,
        kind: ProblemKind,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldProblem] = (),
        reason: RefusalReason | None = None,
        message_id: UUID | None = None,
        *,
        is_temporary: bool | None = None,
        freshness: Freshness | None = None,
    ) -> None:
        super().__init__(kind.status, detail, dict(headers or {}))
        self.kind = kind
        self.text = detail
        self.errors = errors
        self.reason = reason
        self.message_id = message_id
        self.is_temporary = is_temporary
        self.freshness = freshness


def unauthorized(*, given: bool = False) -> Refusal:
    """Refuse a missing or invalid token (RFC 6750, 3.1).

    The same answer for a malformed, unknown, expired and revoked token.
    """
    error = ', error="invalid_token"' if given else ""
    detail = "send `Authorization: Bearer TOKEN`; the operator of the service issues tokens"
    if given:
        detail = (
            "this token is not valid (mistyped, expired or revoked); send another as "
            "`Authorization: Bearer TOKEN`, which the operator of the service issues"
        )
    return Refusal(
        ProblemKind.UNAUTHORIZED,
        detail,
        {"WWW-Authenticate": f'Bearer realm="scserv"{error}'},
    )


def forbidden(scope: str) -> Refusal:
    """Refuse a valid token that lacks a scope (RFC 6750, 3.1)."""
    return Refusal(
        ProblemKind.FORBIDDEN,
        f"needs a token with the scope {scope}",
        {"WWW-Authenticate": f'Bearer realm="scserv", error="insufficient_scope", scope="{scope}"'},
    )


def not_found(what: str, freshness: Freshness, waits: Sequence[str]) -> Refusal:
    """Refuse the id of something that doesn't exist; not final while something is pending.

    `waits` says what is pending, in clauses.
    """
    if freshness.pending:
        detail = "; ".join([f"no {what} with this id has been processed", *waits])
    else:
        detail = f"no {what} has this id"
    return Refusal(ProblemKind.NOT_FOUND, detail, freshness=freshness)


def invalid(where: str, problem: str) -> Refusal:
    """Refuse one field for a reason that its schema can't express."""
    return Refusal(ProblemKind.INVALID, errors=[FieldProblem(where=where, problem=problem)])


def no_such_id(where: str, rule: str) -> Refusal:
    """Refuse an impossible id in the path: not found, like any other unknown id."""
    return Refusal(ProblemKind.NOT_FOUND, f"nothing has this id: {where} {rule}")
