"""What a dialect over HTTP is, and what its routes share."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Scope

from inbound.api.addresses import ClientAddresses
from inbound.errors import RetryableError
from inbound.ingress.access import Caller
from inbound.ingress.parts import Parts

SHARE: Final = "ingress_share"
"""The account whose share a request takes, in the state of its scope."""


class Trouble(Enum):
    """Why a request got no answer of its route."""

    MALFORMED = auto()
    """It can't be read, or is too large."""
    BUSY = auto()
    """Too much goes on; nothing was done."""
    UNAVAILABLE = auto()
    """The database does not answer; messages of the request may have been placed."""
    DEFECT = auto()
    """A bug of ours."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect: its routes, and how it tells of trouble. `name` stands in ids and in logs.

    `answer` makes the answer from the scope of the request, whose body may not have arrived.
    """

    name: str
    router: APIRouter
    answer: Callable[[Trouble, Scope], Response]


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


def parts_of(request: Request) -> Parts:
    """Return what the routes work with."""
    parts: Parts = request.app.state.parts
    return parts


def address_of(request: Request) -> str | None:
    """Return the address that a request comes from."""
    addresses: ClientAddresses = request.app.state.addresses
    return addresses.address(request.scope)


def let_in(request: Request, caller: Caller) -> Caller:
    """Name the caller in the log line of this request. Raises BusyError."""
    shares: Shares = request.app.state.shares
    shares.take(caller.account)
    request.scope["state"][SHARE] = caller.account
    request.scope["state"]["principal"] = caller
    return caller
