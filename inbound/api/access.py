"""What routes ask for: the desk, and a token with a scope. The gate has checked the token."""

from typing import Annotated, Final
from urllib.parse import unquote

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from inbound.api.desk import Desk
from inbound.api.gate import Principal
from inbound.api.problems import forbidden, invalid
from inbound.api.tokens import Scope
from inbound.store.audit import ReasonError, check_reason

REVEAL_HEADER: Final = "header.reveal-reason"

_BEARER = HTTPBearer(
    scheme_name="token",
    bearerFormat="scs_ and 43 characters",
    description="A token of `scserv tokens create`. Each operation names the scopes it takes.",
    auto_error=False,
)


def _allowed(
    request: Request,
    scopes: SecurityScopes,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Principal:
    """Return who asks, or refuse for want of a scope. The header is there for OpenAPI."""
    return _need(request, *map(Scope, scopes.scopes))


def _need(request: Request, *scopes: Scope) -> Principal:
    principal: Principal = request.state.principal
    for scope in scopes:
        if scope not in principal.scopes:
            raise forbidden(scope)
    return principal


def _revealing(
    request: Request,
    reveal_reason: Annotated[
        str | None,
        Header(
            max_length=1000,
            description="Why numbers are to be shown in full. Takes the scope `reveal`; the "
            "reason is recorded for ever, so it must not hold a phone number. UTF-8, or "
            "percent-encoded.",
            examples=["ticket 4711"],
        ),
    ] = None,
) -> str | None:
    """Return the reason for which numbers are shown in full, None to mask them."""
    if reveal_reason is None:
        return None
    _need(request, Scope.REVEAL)
    try:
        # Headers come as Latin-1, whatever they are (RFC 9110, 5.5).
        reason = unquote(reveal_reason.encode("latin-1").decode("utf-8"), errors="strict")
        return check_reason(reason)
    except UnicodeDecodeError:
        raise invalid(REVEAL_HEADER, "is no UTF-8") from None
    except ReasonError as error:
        raise invalid(REVEAL_HEADER, str(error)) from None


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]
RevealReason = Annotated[str | None, Depends(_revealing)]
MayResolve = Annotated[Principal, Security(_allowed, scopes=[Scope.RESOLVE.value])]
MayRead = Annotated[Principal, Security(_allowed, scopes=[Scope.READ.value])]
