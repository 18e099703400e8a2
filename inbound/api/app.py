"""The API as one ASGI application, from its parts."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from inbound.api import people, problems, request_search, timelines
from inbound.api.admission import AdmissionMiddleware
from inbound.api.backend import Backend
from inbound.api.observability import ObservabilityMiddleware
from inbound.api.openapi import as_text, document
from inbound.api.rate_limits import RateLimits
from inbound.errors import RetryableError


def make_api(
    backend: Backend,
    limits: RateLimits,
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], UUID],
) -> ASGIApp:
    """Return the application. It opens nothing and needs no lifespan."""
    routes = _make_routes()
    routes.state.backend = backend
    return ObservabilityMiddleware(
        AdmissionMiddleware(routes, backend.find_token, limits), clock, new_id
    )


def openapi_text() -> str:
    """Return docs/openapi.json."""
    return as_text(document(_make_routes()))


def _make_routes() -> FastAPI:
    # FastAPI's own pages load scripts from elsewhere, and its telemetry would export the paths
    # and exceptions that ours leaves out.
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    for module in (people, request_search, timelines):
        app.include_router(module.router)
    made = as_text(document(app))

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(made, media_type="application/json")

    # Exception: what is answered as a defect is raised on, and logged by the observer.
    for error in (HTTPException, RequestValidationError, RetryableError, Exception):
        app.add_exception_handler(error, problems.answer)
    return app
