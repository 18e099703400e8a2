"""TLS of the simulator."""

import ssl
from pathlib import Path

from inbound.errors import SetupError


def server_context(cert: Path, key: Path | None, client_ca: Path | None) -> ssl.SSLContext:
    """Return a TLS context with a certificate; the key may be in the same file.

    With `client_ca`, clients need a certificate that it signed. Blocks. Raises `SetupError`
    that names the file.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise SetupError(f"--cert {cert}{f', --key {key}' if key else ''}: {_why(error)}") from None
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ssl.SSLError) as error:
            raise SetupError(f"--client-ca {client_ca}: {_why(error)}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"not a valid PEM file ({error.reason or 'no PEM'})"
    return error.strerror or str(error)
