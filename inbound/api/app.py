"""Assembles the API as one ASGI application."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from inbound.api import (
    accounts,
    broadcasts,
    daily_counts,
    messages,
    people,
    problem_answers,
    request_search,
    subscriptions,
    timelines,
)
from inbound.api.addresses import ClientAddresses
from inbound.api.admission import AdmissionMiddleware
from inbound.api.backend import Backend
from inbound.api.heads import HeadMiddleware
from inbound.api.observability import ObservabilityMiddleware
from inbound.api.openapi import as_text, document
from inbound.api.query_strings import (
    operation_query_names,
    query_names,
    refuse_repeated,
    refuse_unknown,
)
from inbound.api.quick_sending import QuickSending
from inbound.api.rate_limits import RateLimits
from inbound.api.shared_lookups import SharedLookups
from inbound.api.token_failures import TokenFailures
from inbound.errors import RetryableError

_ROUTERS: Final[tuple[APIRouter, ...]] = (
    messages.router,
    accounts.router,
    broadcasts.router,
    people.router,
    subscriptions.router,
    request_search.router,
    timelines.router,
    daily_counts.router,
)


def make_api(
    backend: Backend,
    limits: RateLimits,
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], UUID],
    failures: TokenFailures | None = None,
    addresses: ClientAddresses | None = None,
) -> ASGIApp:
    """Return the application. Opens nothing; needs no ASGI lifespan."""
    routes = _routes()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["backend"] = backend
        await routes(scope, receive, send)

    admission = AdmissionMiddleware(
        QuickSending(serve, backend),
        SharedLookups(backend.find_token).find,
        limits,
        failures or TokenFailures(),
        addresses or ClientAddresses(),
    )
    return ObservabilityMiddleware(HeadMiddleware(admission), clock, new_id)


def openapi_text() -> str:
    """Return the content of docs/openapi.json."""
    return _documented().text


@dataclass(frozen=True, slots=True)
class _Documented:
    text: str
    query_names: frozenset[str]
    operation_query_names: dict[tuple[str, str], frozenset[str]]


@cache
def _documented() -> _Documented:
    """Return the document and what follows from it: the same in all applications of a process.

    Made once, because making it takes half a second.
    """
    openapi = document(_make_operations())
    return _Documented(
        as_text(openapi), frozenset(query_names(openapi)), operation_query_names(openapi)
    )


def _make_operations() -> FastAPI:
    # FastAPI's pages load scripts from other hosts, and its telemetry would export paths and
    # exception texts.
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(refuse_repeated), Depends(refuse_unknown)],
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    for router in _ROUTERS:
        app.include_router(router)
    return app


@cache
def _routes() -> FastAPI:
    """Return what all applications of a process share: FastAPI takes a while to prepare it."""
    app, documented = _make_operations(), _documented()
    app.state.routes = [route for router in _ROUTERS for route in router.routes]
    app.state.query_names = documented.query_names
    app.state.operation_query_names = documented.operation_query_names

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi_document() -> Response:
        return Response(documented.text, media_type="application/json")

    # Starlette raises an Exception again after the answer; ObservabilityMiddleware logs it.
    for error in (HTTPException, RequestValidationError, RetryableError, Exception):
        app.add_exception_handler(error, problem_answers.answer)
    return app
