"""Why a connection to PostgreSQL failed, and what to do, from libpq's text.

libpq gives no SQLSTATE for a connection that was never made, only the text of the server (in its
own `lc_messages`: English or Russian here) and its own. Nothing of that text is repeated: it has
names of users. What tells most comes first, because one text may be about several addresses.
"""

import re
from typing import Final

_URL: Final = "SCSERV_DATABASE_URL"

_CAUSES: Final[tuple[tuple[str, str], ...]] = (
    (
        r"password authentication failed|не прош[её]л проверку подлинности",
        f"refuses this user with this password: correct the user or the password in {_URL}",
    ),
    (
        r"no password supplied|password retrieval failed",
        f"wants a password, and {_URL} has none",
    ),
    (
        r"database .* does not exist|база данных .* не существует",
        f"has no database of this name: create it (CREATE DATABASE), or correct {_URL}",
    ),
    (
        r"cannot connect to invalid database|DROP DATABASE .*(interrupted|прерван)",
        "is what an interrupted DROP DATABASE has left: restore a backup",
    ),
    (
        r"role .* does not exist|роль .* не существует",
        f"has no user of this name: create it (CREATE ROLE ... LOGIN), or correct {_URL}",
    ),
    (
        (
            r"no pg_hba.conf entry .*(no encryption|SSL off)"
            r"|pg_hba.conf rejects .*(no encryption|SSL off)|pg_hba.conf.*без шифрования"
        ),
        (
            "lets nobody in from here without TLS, or not at all: add sslmode=verify-full to"
            f" {_URL}, or a line for this user, database and address to its pg_hba.conf"
        ),
    ),
    (
        r"pg_hba.conf",
        (
            "does not let this user in from here: add a line for this user, database and address to"
            " its pg_hba.conf"
        ),
    ),
    (
        r"server does not support SSL",
        f"has no TLS: switch `ssl` on there, or correct sslmode in {_URL}",
    ),
    (
        r"certificate verify failed|certificate is not yet valid|certificate has expired",
        (
            "shows a certificate that is not trusted, or has expired: renew it there if it has, or"
            f" else let sslrootcert in {_URL} name the file of its authority"
        ),
    ),
    (
        r"server certificate for .* does not match host name",
        f"shows a certificate for another host: correct the host in {_URL}, or the certificate",
    ),
    (
        r"root certificate file",
        f"can't be verified, because the file of sslrootcert in {_URL} can't be read",
    ),
    (
        (
            r"requires? a valid client certificate|certificate authentication failed"
            r"|SSL error: .*alert|certificate file .* does not exist|private key file"
        ),
        f"wants a client certificate, another one perhaps: correct sslcert and sslkey in {_URL}",
    ),
    (
        r"too many clients|connection slots are reserved|too many connections",
        "has too many connections: end some, or raise its max_connections",
    ),
    (
        (
            r"is starting up|is shutting down|in recovery mode|not yet accepting connections"
            r"|not accepting connections"
        ),
        "is starting or stopping",
    ),
    (
        r"session is (read-only|not read-only)|server is (not )?in hot standby mode",
        f"has no server of the wanted kind (target_session_attrs in {_URL}): promote a standby",
    ),
    (
        r"invalid response to SSL negotiation|expected authentication request",
        f"does not answer like PostgreSQL: correct host and port in {_URL}",
    ),
    (
        r"failed to resolve host|could not translate host name|Name or service not known",
        f"has an unknown host name: correct the host in {_URL}, or the name server",
    ),
    (
        r"Connection refused|No such file or directory",
        f"can't be reached, nothing listens there: start it, or correct host and port in {_URL}",
    ),
    (
        r"timeout expired|timed out|No route to host|Network is unreachable",
        (
            "can't be reached, no answer comes from there: its machine or the network is down, or a"
            f" firewall is between; or correct the host in {_URL}"
        ),
    ),
    (
        (
            r"closed the connection|connection is closed|consuming input failed|SSL SYSCALL error"
            r"|connection (not open|is lost|reset)|Connection reset"
        ),
        "closed the connection",
    ),
    (r"(FATAL|ВАЖНО): ", "refuses the connection: its own log says why"),
)
_COMPILED: Final = tuple((re.compile(pattern, re.IGNORECASE), words) for pattern, words in _CAUSES)


def why(text: str) -> str:
    """Return what is the case and what to do, to follow "PostgreSQL at HOST/DATABASE"."""
    return next(
        (words for pattern, words in _COMPILED if pattern.search(text)),
        "can't be reached or closed the connection",
    )
