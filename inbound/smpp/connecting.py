"""Says in words why a connection to an SMS centre failed."""

import errno
import socket
import ssl
from typing import Final

from inbound.printing import printable

_REASON_CHARS: Final = 200
_OTHER_HOST: Final = {62, 64}
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

NOTHING_LISTENS: Final = "nothing listens there; check host and port"
UNKNOWN_HOST: Final = "the host name is unknown; check host"
OTHER_HOST: Final = "its certificate is for another host; check host"
NO_TLS: Final = "it does not answer with TLS; check tls and port"
CLIENT_CERTIFICATE: Final = "it refuses our client certificate; check tls_cert"
UNTRUSTED: Final = "its certificate is not trusted; check tls_ca"


def why_not_connected(error: OSError) -> str:
    """Return what is wrong and which setting of the bind to check."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_HOST:
            return OTHER_HOST
        return f"{UNTRUSTED} ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return CLIENT_CERTIFICATE if "ALERT" in (error.reason or "") else NO_TLS
    if isinstance(error, socket.gaierror):
        return UNKNOWN_HOST
    if error.errno == errno.ECONNREFUSED:
        return NOTHING_LISTENS
    return printable(str(error), _REASON_CHARS)
