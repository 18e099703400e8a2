"""Exports when TLS certificates expire, so that an alert can precede it."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from inbound.ops.metrics import CERTIFICATE_EXPIRY

ANSWER_S: Final = 5.0


def note_own(called: str, file: Path | None) -> None:
    """Export when the certificates in our own file expire.

    `called` says whose it is. Call it where the file is loaded, so that the certificate that the
    process presents is exported, even after somebody has changed the file. Does nothing without a
    file, or with one that can't be read: its loader reports that.
    """
    if file is None:
        return
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        return
    _export(called, min(one.not_valid_after_utc for one in found))


def note_peer(called: str, encrypted: "ssl.SSLSocket | ssl.SSLObject") -> None:
    """Export when the certificate of the other side of a connection expires."""
    shown = encrypted.getpeercert(binary_form=True)
    if shown is None:
        return
    with suppress(ValueError):  # OpenSSL reads more than this library
        _export(called, x509.load_der_x509_certificate(shown).not_valid_after_utc)


def ask_server(
    called: str,
    address: tuple[str, int],
    context: ssl.SSLContext | None = None,
    prepare: Callable[[socket.socket], None] | None = None,
) -> None:
    """Connect to a server, begin TLS and export when its certificate expires.

    `prepare` asks for TLS first where a protocol wants that. Without a context nothing is
    verified: the clients that use the server do that. Blocks for some seconds at most; raises
    OSError.
    """
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(address, timeout=ANSWER_S) as plain:
        if prepare is not None:
            prepare(plain)
        with context.wrap_socket(plain, server_hostname=address[0]) as encrypted:
            note_peer(called, encrypted)


def _export(called: str, expires_at: datetime) -> None:
    CERTIFICATE_EXPIRY.set(expires_at.timestamp(), {"certificate": called})
