"""Dependencies of the routes: the backend, and scopes. `AdmissionMiddleware` checked the token.

All are coroutines although none waits: FastAPI runs a plain function in a thread, which costs more
than the rest of a short request.
"""

from typing import Annotated, Final
from urllib.parse import unquote

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from pydantic import TypeAdapter, ValidationError

from inbound.api.admission import Principal
from inbound.api.backend import Backend
from inbound.api.models import NO_NUMBER, Reason
from inbound.api.patterns import TEXT
from inbound.api.problems import forbidden, invalid
from inbound.api.tokens import Scope
from inbound.store.access.audit import MAX_LENGTH, ReasonError, check_reason

_REASON: Final = TypeAdapter(Reason)
_HEADER: Final = "header.reveal-reason"

_BEARER = HTTPBearer(
    scheme_name="token",
    bearerFormat="scs_ and 43 characters",
    description="A token of `scserv tokens create`. Each operation names the scopes it needs.",
    auto_error=False,
)


async def _allowed(
    request: Request,
    scopes: SecurityScopes,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Principal:
    """Return the caller if the token has the scopes. The header parameter is for OpenAPI only."""
    principal: Principal = request.state.principal
    _require(principal, *map(Scope, scopes.scopes))
    return principal


async def _allowed_any(
    request: Request,
    scopes: SecurityScopes,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Principal:
    """Return the caller if the token may send or read: what it gets depends on which."""
    principal: Principal = request.state.principal
    if not principal.may(Scope.READ):
        _require(principal, *map(Scope, scopes.scopes))
    return principal


def _require(principal: Principal, *scopes: Scope) -> None:
    for scope in scopes:
        if not principal.may(scope):
            raise forbidden(scope)


async def _revealing(
    request: Request,
    reveal_reason: Annotated[
        str | None,
        Header(
            alias="Reveal-Reason",
            description="Why numbers are shown in full. Needs the scope `reveal`. The reason is "
            "recorded for ever, so it must not contain a phone number. UTF-8 or percent-encoded; "
            "the length limit applies to the decoded text.",
            examples=["ticket 4711"],
            json_schema_extra={
                "minLength": 1,
                "maxLength": MAX_LENGTH,
                "pattern": TEXT,
                **NO_NUMBER,
            },
        ),
    ] = None,
) -> str | None:
    """Return the reason to show numbers in full, None to mask them."""
    if reveal_reason is None:
        return None
    try:
        # Starlette decodes headers as Latin-1 (RFC 9110, 5.5).
        text = unquote(reveal_reason.encode("latin-1").decode("utf-8"), errors="strict")
        reason = _REASON.validate_python(text)
    except UnicodeDecodeError:
        raise invalid(_HEADER, "is not UTF-8") from None
    except ValidationError:
        raise invalid(_HEADER, f"has to be 1 to {MAX_LENGTH} visible characters") from None
    return check_reveal(request.state.principal, reason, _HEADER)


def check_reveal(principal: Principal, reason: str | None, where: str) -> str | None:
    """Return the checked reason, None for None. Raises Refusal without the scope `reveal`."""
    if reason is None:
        return None
    _require(principal, Scope.REVEAL)
    try:
        return check_reason(reason)
    except ReasonError as error:
        raise invalid(where, str(error)) from None


async def _backend(request: Request) -> Backend:
    backend: Backend = request.state.backend
    return backend


BackendDep = Annotated[Backend, Depends(_backend)]
RevealReason = Annotated[str | None, Depends(_revealing)]
MayResolve = Annotated[Principal, Security(_allowed, scopes=[Scope.RESOLVE.value])]
MayRead = Annotated[Principal, Security(_allowed, scopes=[Scope.READ.value])]
MaySend = Annotated[Principal, Security(_allowed, scopes=[Scope.SEND.value])]
# The OpenAPI document names `read` as the other choice (the route's `openapi_extra`).
MayLookUp = Annotated[Principal, Security(_allowed_any, scopes=[Scope.SEND.value])]
