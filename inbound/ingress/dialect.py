"""What a dialect over HTTP is, and what its routes share."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from inbound.api.addresses import ClientAddresses
from inbound.errors import RetryableError
from inbound.ingress.access import Caller
from inbound.ingress.parts import Parts

SHARE: Final = "ingress_share"
"""The account whose share a request takes, in the state of its scope."""


CONTEXT: Final = "ingress"
"""The `Context` of a request, in the state of its scope."""

RouteHandler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """A path with the methods that a handler serves. `{name}` stands for a part of the path."""

    path: str
    handler: RouteHandler
    methods: frozenset[str]

    @property
    def path_format(self) -> str:
        """What log and metrics call it."""
        return self.path


def route(path: str, handler: RouteHandler, *methods: str) -> Route:
    """Return a route. HEAD is no GET: it must not send."""
    return Route(path, handler, frozenset(methods))


class Trouble(Enum):
    """Why a request got no answer of its route."""

    MALFORMED = auto()
    """It can't be read, or is too large."""
    NO_PATH = auto()
    """Its path is none of the dialect's, but begins like them."""
    BUSY = auto()
    """Too much goes on; nothing was done."""
    UNAVAILABLE = auto()
    """The database does not answer; messages of the request may have been placed."""
    DEFECT = auto()
    """A bug of ours."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect: its routes, and how it tells of trouble. `name` stands in ids and in logs.

    `answer` makes the answer from the scope of the request, whose body may not have arrived. Of a
    request that is no HTTP, the scope has `path` and `query_string` only. Paths that begin with one
    of `prefixes` and are no routes are answered by the dialect, too.
    """

    name: str
    routes: tuple[Route, ...]
    answer: Callable[[Trouble, Scope], Response]
    prefixes: tuple[str, ...]


class BusyError(RetryableError):
    """Too many requests run; nothing was done."""


class Shares:
    """Counts the running requests of each account, so that none takes all capacity."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: Counter[str] = Counter()

    def take(self, account: str) -> None:
        """Make room for a request. Raises BusyError if the account has no more."""
        if self._running[account] >= self._most:
            raise BusyError("too many requests of this account run at once")
        self._running[account] += 1

    def release(self, account: str) -> None:
        """The request has been answered."""
        self._running[account] -= 1
        if not self._running[account]:
            del self._running[account]


@dataclass(frozen=True, slots=True)
class Context:
    """What the routes of an application share."""

    parts: Parts
    shares: Shares
    addresses: ClientAddresses


def _context_of(request: Request) -> Context:
    context: Context = request.scope["state"][CONTEXT]
    return context


def parts_of(request: Request) -> Parts:
    """Return what the routes work with."""
    return _context_of(request).parts


def address_of(request: Request) -> str | None:
    """Return the address that a request comes from."""
    return _context_of(request).addresses.address(request.scope)


def let_in(request: Request, caller: Caller) -> Caller:
    """Name the caller in the log line of this request. Raises BusyError."""
    _context_of(request).shares.take(caller.account)
    request.scope["state"][SHARE] = caller.account
    request.scope["state"]["principal"] = caller
    return caller
