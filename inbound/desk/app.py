"""Assembles the desk as one ASGI application."""

from collections.abc import Callable
from functools import cache
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from inbound.api.heads import HeadMiddleware
from inbound.api.languages import DEFAULT
from inbound.api.observability import ObservabilityMiddleware, Served
from inbound.desk import static_files
from inbound.desk.access import Desk
from inbound.desk.accounts import account_routes, callback_routes, sender_routes, token_routes
from inbound.desk.audit import audit_routes
from inbound.desk.broadcasts import (
    broadcast_actions,
    broadcast_downloads,
    broadcast_drafting,
    broadcast_routes,
)
from inbound.desk.clients import client_import_routes, client_routes
from inbound.desk.handset import handset as handset_routes
from inbound.desk.host_names import HostMiddleware, HostNames, own_origin
from inbound.desk.identity import account, signing_in, user_routes
from inbound.desk.identity.signing_in import ask_to_sign_in
from inbound.desk.messages import order_routes, send_routes, template_editing, template_routes
from inbound.desk.navigation import Menu, MenuEntry
from inbound.desk.nul import address_without_nul
from inbound.desk.page_addresses import page_paths
from inbound.desk.pages import HEADERS, TRANSPORT
from inbound.desk.person import person_routes
from inbound.desk.problems import SignInNeededError, not_found, trouble_of
from inbound.desk.provider import provider_routes
from inbound.desk.status import dead_letter_routes, report_routes, status_routes
from inbound.desk.visitors import VisitorMiddleware
from inbound.errors import RetryableError
from inbound.ops import server_metrics

ROUTERS: Final[tuple[APIRouter, ...]] = (
    static_files.router,
    signing_in.router,
    provider_routes.router,
    handset_routes.router,
    person_routes.router,
    broadcast_drafting.router,
    broadcast_routes.router,
    broadcast_actions.router,
    broadcast_downloads.router,
    send_routes.router,
    order_routes.router,
    template_editing.router,
    template_routes.router,
    client_import_routes.router,  # before the pages of one client
    client_routes.router,
    account_routes.router,
    sender_routes.router,
    callback_routes.router,
    token_routes.router,
    audit_routes.router,
    user_routes.router,
    status_routes.router,
    dead_letter_routes.router,
    report_routes.router,
    account.router,
)
PLACES: Final[tuple[MenuEntry, ...]] = (
    handset_routes.PLACE,
    person_routes.PLACE,
    broadcast_routes.PLACE,
    send_routes.PLACE,
    template_routes.PLACE,
    client_routes.PLACE,
    account_routes.PLACE,
    status_routes.PLACE,
    audit_routes.PLACE,
    user_routes.PLACE,
)
"""The menu, in its order."""
_READS: Final = frozenset({"GET", "HEAD"})
_FORMS_THAT_READ: Final = ("/search", "/preview", "/send/form", "/_form", "/reading", "/read")
"""Suffixes of the paths of forms that change nothing."""
LOOPBACK: Final = HostNames()


def menu(*, handset: bool) -> Menu:
    """Return the menu of a desk with or without the handset."""
    return Menu(tuple(place for place in PLACES if handset or place != handset_routes.PLACE))


def make_desk(desk: Desk, *, new_id: Callable[[], UUID], names: HostNames = LOOPBACK) -> ASGIApp:
    """Return the application, which answers requests for `names`.

    Opens nothing; needs no ASGI lifespan.
    """

    def render(error: Exception, scope: Scope) -> Response:
        return _trouble_page(desk, Request(scope), error)

    routes = _routes()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["desk"] = desk
        await routes(scope, receive, send)

    visiting = VisitorMiddleware(serve, desk.sign_in, render, is_secure=desk.pages.is_secure)
    headers = {**HEADERS, **TRANSPORT} if desk.pages.is_secure else HEADERS
    served = Served(
        "user", server_metrics.DESK_REQUESTS, server_metrics.DESK_DURATION, headers, render
    )
    named = HostMiddleware(HeadMiddleware(visiting), names, render)
    return ObservabilityMiddleware(named, desk.clock, new_id, served)


@cache
def _routes() -> FastAPI:
    """Return what all desks of a process share: FastAPI takes 0.1 s to prepare it."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(own_origin), Depends(address_without_nul)],
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    for router in ROUTERS:
        app.include_router(router)
    app.state.page_paths = page_paths(ROUTERS)

    async def answer(request: Request, error: Exception) -> Response:
        desk: Desk = request.state.desk
        if isinstance(error, SignInNeededError):
            return ask_to_sign_in(request, desk, error)
        if isinstance(error, RequestValidationError):
            error = not_found()
        return _trouble_page(desk, request, error)

    # Starlette raises an Exception again after the answer; ObservabilityMiddleware logs it.
    for kind in (
        *(HTTPException, RequestValidationError, SignInNeededError),
        *(RetryableError, Exception),
    ):
        app.add_exception_handler(kind, answer)
    return app


def _trouble_page(desk: Desk, request: Request, error: Exception) -> HTMLResponse:
    is_read = request.method in _READS or request.url.path.endswith(_FORMS_THAT_READ)
    trouble = trouble_of(error, is_read=is_read)
    state = request.scope["state"]
    # An outage may occur before the visitor is known.
    for name, value in (("visitor", None), ("cookie", None), ("language", DEFAULT)):
        state.setdefault(name, value)
    return desk.pages.answer(
        request, "trouble.html", trouble.status_code, trouble.headers, trouble=trouble
    )
