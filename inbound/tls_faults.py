"""Why a server can't be reached over TLS, so that callers can name the setting to check.

The words quote neither host nor certificate, so they may be shown where a URL may not.
"""

import ssl
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from inbound.printing import printable

_LONGEST_DETAIL: Final = 200


class TlsFault(StrEnum):
    """What is wrong, in words about the server."""

    OTHER_HOST = "its certificate is for another host"
    UNTRUSTED = "its certificate is not trusted"
    EXPIRED = "its certificate, or its authority's, has expired"
    NOT_YET_VALID = "its certificate, or its authority's, is not valid yet"
    OLD = "it has no TLS 1.2 or newer"
    OUR_CERTIFICATE = "it refuses our client certificate"
    UNAGREED = "it wants a client certificate, or has no TLS cipher that we have"
    NO_TLS = "it does not answer with TLS"
    BROKEN_OFF = "it ended the TLS handshake"
    OTHER = "TLS fails"


_OF_CERTIFICATES: Final[Mapping[int, TlsFault]] = {
    9: TlsFault.NOT_YET_VALID,
    10: TlsFault.EXPIRED,
    62: TlsFault.OTHER_HOST,
    64: TlsFault.OTHER_HOST,
}
"""By the codes of OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID, CERT_HAS_EXPIRED, HOSTNAME_MISMATCH and
IP_ADDRESS_MISMATCH. It does not say whether the certificate or that of its authority is meant."""

OF_TIMES: Final[Mapping[TlsFault, str]] = {
    TlsFault.EXPIRED: "have it renewed there",
    TlsFault.NOT_YET_VALID: "compare the clocks of both machines",
}
"""What to do where no setting of ours is wrong."""

_ALERTS: Final[Mapping[str, TlsFault]] = {
    "PROTOCOL_VERSION": TlsFault.OLD,
    "INSUFFICIENT_SECURITY": TlsFault.UNAGREED,
    # Before TLS 1.3 OpenSSL refuses a client without certificate with this alert, too.
    "HANDSHAKE_FAILURE": TlsFault.UNAGREED,
    "NO_CERTIFICATE": TlsFault.OUR_CERTIFICATE,
    "CERTIFICATE_REQUIRED": TlsFault.OUR_CERTIFICATE,
    "BAD_CERTIFICATE": TlsFault.OUR_CERTIFICATE,
    "UNSUPPORTED_CERTIFICATE": TlsFault.OUR_CERTIFICATE,
    "CERTIFICATE_REVOKED": TlsFault.OUR_CERTIFICATE,
    "CERTIFICATE_EXPIRED": TlsFault.OUR_CERTIFICATE,
    "CERTIFICATE_UNKNOWN": TlsFault.OUR_CERTIFICATE,
    "UNKNOWN_CA": TlsFault.OUR_CERTIFICATE,
    "ACCESS_DENIED": TlsFault.OUR_CERTIFICATE,
    "DECRYPT_ERROR": TlsFault.OUR_CERTIFICATE,
}
"""What the server says (RFC 8446, 6.2), as OpenSSL's reasons end with."""

_OURS: Final[Mapping[str, TlsFault]] = {
    "UNSUPPORTED_PROTOCOL": TlsFault.OLD,
    "TLSV1_UNRECOGNIZED_NAME": TlsFault.OTHER_HOST,
    "WRONG_VERSION_NUMBER": TlsFault.NO_TLS,
    "RECORD_LAYER_FAILURE": TlsFault.NO_TLS,
    "PACKET_LENGTH_TOO_LONG": TlsFault.NO_TLS,
    "HTTP_REQUEST": TlsFault.NO_TLS,
    "UNEXPECTED_EOF_WHILE_READING": TlsFault.BROKEN_OFF,
}


def tls_fault(error: OSError) -> TlsFault | None:
    """Return what is wrong, None for an error that is none of TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _OF_CERTIFICATES.get(error.verify_code, TlsFault.UNTRUSTED)
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        _, is_alert, alert = reason.partition("ALERT_")
        if is_alert:
            return _ALERTS.get(alert, TlsFault.OTHER)
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return TlsFault.BROKEN_OFF
        return _OURS.get(reason, TlsFault.OTHER)
    # asyncio tells the end of a connection during the handshake by an error without a number.
    if isinstance(error, ConnectionResetError) and error.errno is None:
        return TlsFault.BROKEN_OFF
    return None


def tls_words(error: OSError, checks: Mapping[TlsFault, str] | None = None) -> str | None:
    """Return what is wrong, with what to check and OpenSSL's word for it; None as `tls_fault`."""
    fault = tls_fault(error)
    if fault is None:
        return None
    checks = {**OF_TIMES, **(checks or {})}
    check = f"; {checks[fault]}" if fault in checks else ""
    detail = printable(tls_detail(error), _LONGEST_DETAIL)
    return f"{fault}{check}" + (f" ({detail})" if detail else "")


def tls_detail(error: OSError) -> str:
    """Return OpenSSL's words for an error; they quote no host and no certificate."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "" if error.verify_code in _OF_CERTIFICATES else error.verify_message
    return (error.reason or "") if isinstance(error, ssl.SSLError) else ""
