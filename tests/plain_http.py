"""HTTP clients for addresses without TLS."""

import ssl
from typing import Any, Final

import httpx

# By default each client reads all certificate authorities of the machine, which takes 20 ms of CPU.
_NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def plain_client(**options: Any) -> httpx.AsyncClient:
    """Return a client that trusts no server with TLS."""
    return httpx.AsyncClient(verify=_NO_AUTHORITIES, **options)
