"""Identifies clients for limits: by their address, or by what a trusted proxy says it is.

Every host of an IPv6 /64 is one client, because a single customer has at least that many.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from inbound.errors import SetupError

UNKNOWN: Final = "unknown"
_IPV6_CUSTOMER: Final = 64

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(text: str, variable: str = "SCSERV_API__TRUSTED_PROXIES") -> tuple[Network, ...]:
    """Parse addresses and networks with commas between them. Raises `SetupError`."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SetupError(
            f"{variable}: {error}; use addresses like 10.0.0.7 and networks like "
            "10.0.0.0/24, separated by commas"
        ) from None


def client_of(host: str) -> str:
    """Return the client that an address belongs to; UNKNOWN for no valid address."""
    address = _parse(host)
    if address is None:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _IPV6_CUSTOMER), strict=False))
    return str(address)


class ClientAddresses:
    """Finds the client of a request behind proxies that the operator trusts."""

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        self._proxies = proxies

    def is_proxy(self, host: str) -> bool:
        """Whether an address is that of a trusted proxy."""
        address = _parse(host)
        return address is not None and any(
            address in proxy for proxy in self._proxies if proxy.version == address.version
        )

    def client(self, scope: Scope) -> str:
        """Return the client of a request."""
        return client_of(self.host(scope))

    def address(self, scope: Scope) -> str | None:
        """Return the address that a request comes from; None if it is unknown."""
        address = _parse(self.host(scope))
        return None if address is None else str(address)

    def host(self, scope: Scope) -> str:
        """Return the client's address as text, in the form in which it was given.

        X-Forwarded-For is read from its end, where trusted proxies write; anything before the
        first address that isn't one of theirs was sent by a client.
        """
        host: str = scope["client"][0] if scope.get("client") else ""
        if not self.is_proxy(host):
            return host
        forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
        for hop in reversed(forwarded.split(",")):
            if not self.is_proxy(hop):
                return host if _parse(hop) is None else hop
        return host


@lru_cache(maxsize=1024)
def _parse(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    text = host.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
