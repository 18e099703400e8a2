"""What a dialect over HTTP is, and what its routes share."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Scope

from inbound.api.addresses import ClientAddresses
from inbound.ingress.access import Caller
from inbound.ingress.parts import Parts


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


def parts_of(request: Request) -> Parts:
    """Return what the routes work with."""
    parts: Parts = request.app.state.parts
    return parts


def address_of(request: Request) -> str | None:
    """Return the address that a request comes from."""
    addresses: ClientAddresses = request.app.state.addresses
    return addresses.address(request.scope)


def let_in(request: Request, caller: Caller) -> Caller:
    """Name the caller in the log line of this request."""
    request.scope["state"]["principal"] = caller
    return caller
