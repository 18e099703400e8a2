"""What routes ask for: the desk, and a token with a scope. The gate has checked the token."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from inbound.api.desk import Desk
from inbound.api.gate import Principal
from inbound.api.problems import forbidden
from inbound.api.tokens import Scope

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
    principal: Principal = request.state.principal
    for scope in scopes.scopes:
        if scope not in principal.scopes:
            raise forbidden(scope)
    return principal


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]
MayResolve = Annotated[Principal, Security(_allowed, scopes=[Scope.RESOLVE.value])]
MayRead = Annotated[Principal, Security(_allowed, scopes=[Scope.READ.value])]
