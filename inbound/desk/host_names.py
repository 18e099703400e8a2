"""The names by which browsers may reach the desk, and the origins that may send it forms.

A page elsewhere could make its own name lead to the desk's address (DNS rebinding) and would then
be of one origin with it. A page of another origin that has learned a form's token still may not
send the form.
"""

import ipaddress
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from inbound.desk.problems import ErrorPage, stale_form
from inbound.desk.visitors import language_of
from inbound.errors import SetupError

SETTING: Final = "SCSERV_DESK__HOSTS"
_READS: Final = frozenset({"GET", "HEAD"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_PORTS: Final = {"http": 80, "https": 443}
_WILDCARDS: Final = {"", "0.0.0.0", "::"}  # noqa: S104  they are compared with


class HostNames:
    """Names of the desk: those of loopback, and others."""

    def __init__(self, others: Iterable[str] = (), address: str = "") -> None:
        """`address` is the desk's own, if it is known; its host is not yet a name."""
        self._others = frozenset(others)
        self._own = _origin_of(address)

    def has(self, header: str) -> bool:
        """Whether a Host header has one of the names; its port does not count."""
        name = _host_of(header)
        return name is not None and (name in self._others or _is_loopback(name))

    def has_origin(self, origin: str, header: str) -> bool:
        """Whether an Origin header is of a page of the desk, asked by this Host header.

        The port of a configured name does not count, because a proxy may leave it out of the Host
        header. That of a loopback name does, since other services listen on this host: it is the
        Host header's, or that of the desk's address.
        """
        found = _origin_of(origin)
        if found is None or origin != f"{found.scheme}://{found.netloc}":
            return False
        if found.hostname in self._others and not _is_loopback(str(found.hostname)):
            return True
        same = _origin_of(f"{found.scheme}://{header}")
        return any(own is not None and _place(own) == _place(found) for own in (same, self._own))


def parse_hosts(text: str, *, listens_on: str, address: str) -> HostNames:
    """Return the names of the settings, with the host of an address. Raises SetupError.

    `listens_on` is a name, too, unless it stands for all addresses.
    """
    names = [one.strip().lower() for one in text.split(",") if one.strip()]
    for name in names:
        if _host_of(name) != name.strip("[]"):
            raise SetupError(f"{SETTING}: {name!r} is no host name; leave out scheme and port")
    if address:
        own = _origin_of(address)
        if own is None:
            raise SetupError(
                "SCSERV_DESK__ADDRESS: write https://HOST, with a port if it needs one"
            )
        names.append(str(own.hostname))
    if listens_on not in _WILDCARDS:
        names.append(listens_on.lower())
    return HostNames((name.strip("[]") for name in names), address)


class HostMiddleware:
    """Refuses requests for another name with 421 (RFC 9110, 15.5.20).

    Puts `is_foreign` into the state of the others, which `own_origin` reads.
    """

    def __init__(
        self, app: ASGIApp, names: HostNames, render: Callable[[Exception, Scope], Response]
    ) -> None:
        """`render` turns a refusal into a page."""
        self._app = app
        self._names = names
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        state = scope.setdefault("state", {})
        if len(hosts) == 1 and self._names.has(hosts[0]):
            state["is_foreign"] = self._is_foreign(headers, hosts[0])
            await self._app(scope, receive, send)
            return
        state["language"] = language_of(Request(scope))
        await self._render(unknown_name(), scope)(scope, receive, send)

    def _is_foreign(self, headers: Headers, host: str) -> bool:
        """Whether a browser says that a request comes from a page of another origin."""
        if any(one not in _OWN_SITES for one in headers.getlist("sec-fetch-site")):
            return True
        return not all(self._names.has_origin(one, host) for one in headers.getlist("origin"))


def own_origin(request: Request) -> None:
    """Raise ErrorPage for a form of a page of another origin; a dependency of every route."""
    if request.method not in _READS and request.state.is_foreign:
        raise stale_form()


def unknown_name() -> ErrorPage:
    """Refuse a request for a name that is not the desk's."""
    return ErrorPage(
        421,
        "The desk is not known by this name.",
        "Use the address that you were given. An operator adds names in the setting "
        "SCSERV_DESK__HOSTS.",
    )


def _host_of(header: str) -> str | None:
    """Return the host of a header, without brackets and port; None if it is none."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return None
    if "@" in header or parts.path or parts.query or parts.fragment:
        return None
    return parts.hostname


def _origin_of(address: str) -> SplitResult | None:
    """Return the parts of an address with scheme and host; None if it is none."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in _PORTS and parts.hostname and "@" not in address else None


def _place(origin: SplitResult) -> tuple[str, str | None, int]:
    return origin.scheme, origin.hostname, origin.port or _PORTS[origin.scheme]


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
