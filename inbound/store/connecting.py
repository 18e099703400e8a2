"""Connections to PostgreSQL as this service wants them.

Always autocommit: a transaction is an explicit block, and what stands outside one (NOTIFY,
claims, cursors) commits by itself. json columns come back as the bytes that were stored.
Whatever hangs ends by a timeout of the server, so nobody holds the log for long; and what
is lost is opened again at the next use.
"""

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec, TypeVar

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from inbound.errors import SetupError
from inbound.store.errors import translate

CONNECT_SECONDS: Final = 5
_SESSION: Final = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "client_encoding": "UTF8",
    "statement_timeout": "30s",
    # A process that stops within a transaction would hold back everyone who appends.
    "idle_in_transaction_session_timeout": "10s",
}
# Long work of the operator (import, migration, sweep): no limit for one statement, and time
# to read what it prints.
_LONG_SESSION: Final = _SESSION | {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "10min",
}
_NETWORK: Final = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}


Params = ParamSpec("Params")
Result = TypeVar("Result")


class _RawJsonLoader(Loader):
    """json as stored: it is digested and relayed byte for byte, so nobody parses it here."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class AsyncLink:
    """One connection that is opened at first use and again after it was lost.

    Uses may overlap: whoever comes while it is being opened waits for that.
    """

    def __init__(self, url: str, application_name: str, *, long: bool = False) -> None:
        """Open nothing yet; raise SetupError for a URL that libpq can't read."""
        self._conninfo = conninfo(url, application_name, long=long)
        self.where = place(url)
        self._conn: psycopg.AsyncConnection | None = None
        self._opening = asyncio.Lock()

    async def connection(self) -> psycopg.AsyncConnection:
        """Return the connection, at most `CONNECT_SECONDS` later, or raise StoreUnavailable."""
        if self._conn is None or self._conn.closed:
            async with self._opening:
                if self._conn is None or self._conn.closed:
                    self._conn = await self._open()
        return self._conn

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
        """Close what is open; a later use opens it again."""
        if self._conn is not None:
            await self._conn.close()
            self._conn = None


def connect(
    url: str, application_name: str, *, long: bool = False, read_only: bool = False
) -> psycopg.Connection:
    """Open a synchronous connection (autocommit) for the relay, sweeps and the CLI.

    Blocks for at most `CONNECT_SECONDS`; raises StoreUnavailable or SetupError. `long` lifts
    the limit on the time of one statement; in a `read_only` session PostgreSQL refuses every
    change, whatever the role may do.
    """
    text = conninfo(url, application_name, long=long, read_only=read_only)
    try:
        conn = psycopg.connect(text, autocommit=True)
    except psycopg.Error as error:
        failure = translate(error, place(url))
    else:
        _adapt(conn)
        return conn
    raise failure


def called(
    function: Callable[Concatenate[psycopg.Connection, Params], Result],
) -> Callable[Concatenate[psycopg.Connection, Params], Result]:
    """Let only errors of this service out of a function on a synchronous connection."""

    @wraps(function)
    def call(conn: psycopg.Connection, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        try:
            return function(conn, *args, **kwargs)
        except psycopg.Error as error:
            failure = translate(error, _place_of(conn))
        raise failure

    return call


def conninfo(
    url: str, application_name: str, *, long: bool = False, read_only: bool = False
) -> str:
    """Return the libpq conninfo for `url` with the session settings of this service."""
    given = _parsed(url)
    session = _LONG_SESSION if long else _SESSION
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    # What the operator wrote into the URL comes last and wins.
    options = f"{options} {given.pop('options', '')}".rstrip()
    if read_only:
        options += " -c default_transaction_read_only=on"
    return make_conninfo("", **{
        **_NETWORK, "application_name": application_name, "options": options, **given,
    })  # fmt: skip


def place(url: str) -> str:
    """Name host, port and database of a URL for messages: no user, no password."""
    given = _parsed(url)
    host = given.get("host") or given.get("hostaddr") or "the local socket"
    port = f":{given['port']}" if "port" in given else ""
    return f"{host}{port}/{given.get('dbname') or given.get('user') or ''}"


def _place_of(conn: psycopg.Connection) -> str:
    try:
        return place(conn.info.dsn)
    except psycopg.OperationalError:  # closed on this side: libpq has forgotten
        return "a closed connection"


def _parsed(url: str) -> dict[str, str]:
    try:
        parsed = None if _is_split_wrongly(url) else conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parsed = None
    if parsed is None:
        # libpq's own text would repeat parts of the URL, and a password is one of them.
        raise SetupError(
            "the database URL can't be read: it has the form postgresql://user:password@host/name;"
            " in a password @ is written %40, / is %2F and % is %25"
        )
    return {name: str(value) for name, value in parsed.items() if value is not None}


def _is_split_wrongly(url: str) -> bool:
    """Whether an @ or / of a password stands there as it is.

    Then libpq takes the rest of it for a host or a database, and their names are told. An
    authority has one @ and ends at the first / (RFC 3986, 3.2).
    """
    scheme, _, rest = url.partition("?")[0].partition("://")
    authority, _, path = rest.partition("/")
    return scheme.isalpha() and (authority.count("@") > 1 or "@" in path)


def _adapt(conn: psycopg.Connection | psycopg.AsyncConnection) -> None:
    context: AdaptContext = conn
    context.adapters.register_loader("json", _RawJsonLoader)
