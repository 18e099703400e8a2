"""The API as one ASGI application, from its parts."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from inbound.api import history, people, problems, telling
from inbound.api.desk import Desk
from inbound.api.gate import Gate
from inbound.api.limits import RateLimits
from inbound.api.observing import Observer
from inbound.api.openapi import as_text, document
from inbound.errors import RetryableError


def make_api(
    desk: Desk,
    limits: RateLimits,
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], UUID],
) -> ASGIApp:
    """Return the application. It opens nothing and needs no lifespan."""
    routes = _make_routes()
    routes.state.desk = desk
    return Observer(Gate(routes, desk.find_token, limits), clock, new_id)


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
    for module in (people, history, telling):
        app.include_router(module.router)
    made = as_text(document(app))

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(made, media_type="application/json")

    # Exception: what is answered as a defect is raised on, and logged by the observer.
    for error in (HTTPException, RequestValidationError, RetryableError, Exception):
        app.add_exception_handler(error, problems.answer)
    return app
