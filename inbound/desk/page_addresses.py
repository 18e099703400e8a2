"""The address of the page that somebody looks at, to show it again in another language. Pure."""

from collections.abc import Collection

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request

_FIRST_PAGE = "/"
_READS = frozenset({"GET", "HEAD"})


def page_address(request: Request) -> str:
    """Return the address of this page, or of the one whose form was sent; "/" without either.

    The answer to a form may have no page at its own address: then the nearest page above it.
    """
    path, query = request.url.path, request.url.query
    if request.method in _READS:
        return f"{path}?{query}" if query else path
    route, app = request.scope.get("route"), request.scope.get("app")
    if route is None or app is None:  # an outage, before there was a route
        return _FIRST_PAGE
    pattern: str = route.path
    while pattern and pattern not in app.state.page_paths:
        pattern, path = pattern.rpartition("/")[0], path.rpartition("/")[0]
    if not pattern:
        return _FIRST_PAGE
    return f"{path}?{query}" if query else path  # a form has the query of its page


def page_paths(routers: Collection[APIRouter]) -> frozenset[str]:
    """Return the paths of pages, as their routes write them: what `page_address` looks up."""
    routes = (route for router in routers for route in router.routes)
    return frozenset(
        route.path
        for route in routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    )
