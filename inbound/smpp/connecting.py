"""Says in words why a connection to an SMS centre failed."""

import errno
import socket
from collections.abc import Mapping
from typing import Final

from inbound.printing import printable
from inbound.tls_faults import OF_TIMES, TlsFault, tls_words

_REASON_CHARS: Final = 200

NOTHING_LISTENS: Final = "nothing listens there; check host and port"
UNKNOWN_HOST: Final = "the host name is unknown; check host"

CHECKS: Final[Mapping[TlsFault, str]] = {
    TlsFault.OTHER_HOST: "check host",
    TlsFault.UNTRUSTED: "check tls_ca",
    **OF_TIMES,
    TlsFault.OLD: "have its operator offer it",
    TlsFault.OUR_CERTIFICATE: "check tls_cert",
    TlsFault.UNAGREED: "check tls_cert",
    TlsFault.NO_TLS: "check tls and port",
    TlsFault.BROKEN_OFF: "check tls, port and tls_cert",
    TlsFault.OTHER: "check tls and port",
}


def why_not_connected(error: OSError) -> str:
    """Return what is wrong and which setting of the bind to check."""
    words = tls_words(error, CHECKS)
    if words is not None:
        return words
    if isinstance(error, socket.gaierror):
        return UNKNOWN_HOST
    if error.errno == errno.ECONNREFUSED:
        return NOTHING_LISTENS
    return printable(str(error), _REASON_CHARS)
