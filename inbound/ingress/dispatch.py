"""Finds the route of a request over HTTP, and answers it in the form of its dialect.

A router that tries route after route, and reads parameters for every one, costs more than all else
that happens to a request before its order is placed. Here a path is looked up.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from inbound.api.addresses import ClientAddresses
from inbound.api.problems import ProblemKind, Refusal
from inbound.errors import RetryableError
from inbound.ingress.dialect import CONTEXT, BusyError, Context, Dialect, Route, Shares, Trouble
from inbound.ingress.parts import Parts
from inbound.orders.batching import TooManyWaitingError

_STATUS: Final[Mapping[Trouble, int]] = {
    Trouble.MALFORMED: 400,
    Trouble.NO_PATH: 404,
    Trouble.BUSY: 503,
    Trouble.UNAVAILABLE: 503,
    Trouble.DEFECT: 500,
}
_PLAIN: Final[Mapping[Trouble, str]] = {
    Trouble.MALFORMED: "the request can't be read",
    Trouble.NO_PATH: "there is no such path",
    Trouble.BUSY: "too many requests; try again",
    Trouble.UNAVAILABLE: "the service can't answer now",
    Trouble.DEFECT: "internal error",
}


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """What a path leads to: the dialect in whose form it is answered, and its routes."""

    dialect: Dialect | None = None
    routes: Sequence[Route] = ()
    parameters: Mapping[str, str] | None = None


_NOWHERE: Final = RouteMatch()
_ENCODED_SLASH: Final = re.compile(b"%2f", re.IGNORECASE)


class Paths:
    """The paths of some dialects."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._exact: dict[str, RouteMatch] = {}
        self._patterns: list[tuple[re.Pattern[str], RouteMatch]] = []
        self._beginnings = [(one.prefixes, RouteMatch(one)) for one in dialects]
        for dialect in dialects:
            for path in dict.fromkeys(route.path for route in dialect.routes):
                routes = [route for route in dialect.routes if route.path == path]
                if "{" in path:
                    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
                    self._patterns.append((re.compile(pattern), RouteMatch(dialect, routes)))
                else:
                    self._exact[path] = RouteMatch(dialect, routes)

    def find(self, path: str) -> RouteMatch:
        """Return what a path leads to; of what only begins like one, the dialect."""
        if (found := self._exact.get(path)) is not None:
            return found
        for pattern, of_pattern in self._patterns:
            if match := pattern.fullmatch(path):
                return RouteMatch(of_pattern.dialect, of_pattern.routes, match.groupdict())
        beginning = (found for prefixes, found in self._beginnings if path.startswith(prefixes))
        return next(beginning, _NOWHERE)

    def find_route(self, scope: Scope) -> RouteMatch:
        """Return what the path of a request leads to, and note its route for log and metrics.

        An encoded slash is not a separator, or a path could pass a proxy that lets only others
        through: such a path is unknown, and answered by the dialect that it looks like.
        """
        found = self.find(scope["path"])
        if _ENCODED_SLASH.search(scope.get("raw_path") or b""):
            return RouteMatch(found.dialect)
        for route in found.routes:
            if scope["method"] in route.methods:
                scope["route"] = route
        return found

    def answer(self, error: Exception, scope: Scope) -> Response:
        """Return the answer to an error, in the form of the dialect whose path it is."""
        dialect, trouble = self.find(scope["path"]).dialect, _trouble_of(error)
        if dialect is None:
            response: Response = PlainTextResponse(_PLAIN[trouble], _STATUS[trouble])
        else:
            response = dialect.answer(trouble, scope)
        if isinstance(error, Refusal) and (headers := error.headers):
            response.headers.update(headers)  # such as the end of the connection
        return response


class Dispatch:
    """The ASGI application of some dialects. Defects are left to what is outside of it."""

    def __init__(
        self, paths: Paths, parts: Parts, shares: Shares, addresses: ClientAddresses
    ) -> None:
        self._paths = paths
        self._context = Context(parts, shares, addresses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        found = self._paths.find_route(scope)
        scope["state"][CONTEXT] = self._context
        scope["path_params"] = found.parameters or {}
        try:
            response = await self._answer(found, Request(scope, receive))
        except ClientDisconnect:
            return  # nobody is there to be answered
        except (HTTPException, RetryableError) as error:
            response = self._paths.answer(error, scope)
        await response(scope, receive, send)

    async def _answer(self, found: RouteMatch, request: Request) -> Response:
        if not found.routes:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        route: Route | None = request.scope.get("route")
        if route is None:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
        return await route.handler(request)


def _trouble_of(error: Exception) -> Trouble:
    match error:
        case Refusal(kind=ProblemKind.DEFECT):
            return Trouble.DEFECT
        case Refusal(kind=ProblemKind.UNAVAILABLE) | TooManyWaitingError() | BusyError():
            return Trouble.BUSY
        case HTTPException(status_code=HTTPStatus.NOT_FOUND):
            return Trouble.NO_PATH
        case HTTPException():
            return Trouble.MALFORMED
        case RetryableError():
            return Trouble.UNAVAILABLE
    return Trouble.DEFECT
