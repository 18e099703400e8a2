"""Connections to PostgreSQL as this service wants them.

Always autocommit: a transaction is an explicit block, and a statement outside one (NOTIFY,
claims, cursors) commits by itself. json columns come back as the bytes that were stored.
Timeouts of the server end statements and transactions that hang, so that none holds the log
lock for long. A lost connection is opened again at the next use.
"""

import asyncio
import select
from collections.abc import Callable, Mapping
from functools import wraps
from itertools import zip_longest
from typing import Concatenate, Final, ParamSpec, TypeVar

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from inbound.errors import SetupError
from inbound.store import lists
from inbound.store.errors import StoreUnavailable, translate

CONNECT_SECONDS: Final = 5
_SESSION: Final = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "client_encoding": "UTF8",
    "statement_timeout": "30s",
    # A process that stalled within a transaction would block every append.
    "idle_in_transaction_session_timeout": "10s",
}
# Long commands (import, migration, sweep): no limit per statement, and time for the operator
# to read the output.
_LONG_SESSION: Final = _SESSION | {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "10min",
}
# For connections that use pipelines. The limit above does not end a process that stalls after a
# pipeline or in one: psycopg ends it with Sync and Flush, and PostgreSQL stops the clock of an idle
# transaction at the Flush. Longer than the one statement that may wait for the log lock.
_WHOLE_TRANSACTION: Final = {"transaction_timeout": "40s"}
_NETWORK: Final = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
_SEVERAL_HOSTS: Final = {
    "connect_timeout": 3,  # for each host: one that is gone must not keep the next from its turn
    "target_session_attrs": "read-write",  # a standby would be useless
}
_READ_ONLY: Final = ("in_hot_standby", "default_transaction_read_only")
"""Parameters that the server reports by itself."""

Params = ParamSpec("Params")
Result = TypeVar("Result")


class _RawJsonLoader(Loader):
    """json as stored: it is digested and relayed byte for byte, so it is not parsed here."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class LazyConnection:
    """One connection, opened at first use and again after it was lost.

    Uses may overlap: a call during the opening waits for it. A connection that the server closed
    while it was idle is opened again too, instead of failing its next use: after a restart of the
    server that use would look like another outage.
    """

    def __init__(self, url: str, application_name: str, *, long: bool = False) -> None:
        """Open nothing yet; raise SetupError for a URL that libpq can't read."""
        self._conninfo = conninfo(url, application_name, long=long, pipelines=True)
        self.where = describe_database(url)
        self._conn: psycopg.AsyncConnection | None = None
        self._opening = asyncio.Lock()

    async def get(self) -> psycopg.AsyncConnection:
        """Return the connection, or raise StoreUnavailable.

        Blocks for `CONNECT_SECONDS` at most, with several hosts for 3 s at most for each.
        """
        conn = self._conn
        if conn is None or self._opening.locked() or _is_suspect(conn):
            async with self._opening:
                conn = self._conn
                if conn is None or (_is_suspect(conn) and not await _works(conn)):
                    conn = self._conn = await self._open()
        return conn

    async def _open(self) -> psycopg.AsyncConnection:
        try:
            conn = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        except psycopg.Error as error:
            failure = translate(error, self.where)
        else:
            _adapt(conn)
            return conn
        raise failure

    async def close(self) -> None:
        """Close the connection; a later use opens it again."""
        if self._conn is not None:
            await self._conn.close()
            self._conn = None


def _is_suspect(conn: psycopg.AsyncConnection) -> bool:
    """Whether the connection is closed, takes no writes, or has unsolicited input.

    That is the server's farewell and the end of the stream, or something harmless like a notice.
    Never blocks.
    """
    if conn.closed:
        return True
    if conn.info.transaction_status != TransactionStatus.IDLE:
        return False
    if refuses_writes(conn):
        return True
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def _works(conn: psycopg.AsyncConnection) -> bool:
    if conn.closed:
        return False
    try:
        await conn.execute(b"")
    except psycopg.Error:
        await conn.close()
        return False
    if refuses_writes(conn):
        await conn.close()
        return False
    return True


def refuses_writes(conn: psycopg.Connection | psycopg.AsyncConnection) -> bool:
    """Whether the server of an open connection said that it is a standby, or was made read-only.

    It says so in the answer to the first statement that is refused. Such a connection never
    recovers: the primary is another server by then. Never blocks.
    """
    return any(conn.info.parameter_status(name) == "on" for name in _READ_ONLY)


def require_writable(conn: psycopg.Connection) -> None:
    """Raise StoreUnavailable if `refuses_writes`. For loops that may only read for a long time."""
    if refuses_writes(conn):
        where = _describe_connection(conn)
        raise StoreUnavailable(f"PostgreSQL at {where} is a standby now, or was made read-only")


def connect(
    url: str, application_name: str, *, long: bool = False, read_only: bool = False
) -> psycopg.Connection:
    """Open a synchronous connection (autocommit) for the relay, sweeps and the CLI.

    Blocks for at most `CONNECT_SECONDS`, with several hosts for 3 s at most for each; raises
    StoreUnavailable or SetupError. `long` lifts the time limit of a statement; in a `read_only`
    session PostgreSQL refuses every change, whatever the role is allowed to do.
    """
    text = conninfo(url, application_name, long=long, read_only=read_only)
    try:
        conn = psycopg.connect(text, autocommit=True)
    except psycopg.Error as error:
        failure = translate(error, describe_database(url))
    else:
        _adapt(conn)
        return conn
    raise failure


def raises_store_errors(
    function: Callable[Concatenate[psycopg.Connection, Params], Result],
) -> Callable[Concatenate[psycopg.Connection, Params], Result]:
    """Translate psycopg errors that a function on a synchronous connection raises."""

    @wraps(function)
    def call(conn: psycopg.Connection, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        try:
            return function(conn, *args, **kwargs)
        except psycopg.Error as error:
            failure = translate(error, _describe_connection(conn))
        raise failure

    return call


def conninfo(
    url: str,
    application_name: str,
    *,
    long: bool = False,
    read_only: bool = False,
    pipelines: bool = False,
) -> str:
    """Return the libpq conninfo for `url` with the session settings of this service.

    With `pipelines`, unless it is `long`, each transaction as a whole has a time limit.
    """
    given = _parsed(url)
    session = _LONG_SESSION if long else _SESSION
    if pipelines and not long:
        session = session | _WHOLE_TRANSACTION
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    # Options that the operator put into the URL come last and win.
    options = f"{options} {given.pop('options', '')}".rstrip()
    network = _NETWORK | (_SEVERAL_HOSTS if "," in _hosts(given) else {})
    parameters = {
        **network, "application_name": application_name, "options": options, **given,
    }  # fmt: skip
    if read_only:
        parameters["options"] += " -c default_transaction_read_only=on"
        if parameters.get("target_session_attrs") == "read-write":
            # libpq would take the session for that of a server that can't write.
            parameters["target_session_attrs"] = "primary"
    return make_conninfo("", **parameters)


def describe_database(url: str) -> str:
    """Return hosts, ports and database of a URL for messages: no user, no password."""
    given = _parsed(url)
    hosts = (_hosts(given) or "the local socket").split(",")
    ports = given.get("port", "").split(",")
    if len(ports) == 1:  # one for all hosts
        ports *= len(hosts)
    places = (
        f"{host}:{port}" if port else host for host, port in zip_longest(hosts, ports, fillvalue="")
    )
    return f"{','.join(places)}/{given.get('dbname') or given.get('user') or ''}"


def _hosts(given: Mapping[str, str]) -> str:
    """Return the hosts of a URL, separated by commas."""
    return given.get("host") or given.get("hostaddr") or ""


def _describe_connection(conn: psycopg.Connection) -> str:
    try:
        return describe_database(conn.info.dsn)
    except psycopg.OperationalError:  # closed on this side: libpq has forgotten
        return "a closed connection"


def _parsed(url: str) -> dict[str, str]:
    try:
        parsed = None if _is_split_wrongly(url) else conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parsed = None
    if parsed is None:
        # libpq's own text would repeat parts of the URL, possibly the password.
        raise SetupError(
            "SCSERV_DATABASE_URL can't be read: it has the form postgresql://user:password@host/name;"
            " in a password @ is written %40, / is %2F and % is %25"
        )
    return {name: str(value) for name, value in parsed.items() if value is not None}


def _is_split_wrongly(url: str) -> bool:
    """Whether a password contains an @ or / that is not percent-encoded.

    libpq would take the rest of it for a host or a database, and messages name those. An
    authority has one @ and ends at the first / (RFC 3986, 3.2).
    """
    scheme, _, rest = url.partition("?")[0].partition("://")
    authority, _, path = rest.partition("/")
    return scheme.isalpha() and (authority.count("@") > 1 or "@" in path)


def _adapt(conn: psycopg.Connection | psycopg.AsyncConnection) -> None:
    context: AdaptContext = conn
    context.adapters.register_loader("json", _RawJsonLoader)
    lists.register(context)
