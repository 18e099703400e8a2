"""The errors of the store, and the only place where a psycopg error becomes one of them.

PostgreSQL puts values of rows into the text, DETAIL and CONTEXT of its errors, so neither a
psycopg error nor its text leaves this package: callers get the SQLSTATE, what it means, and the
names of table and constraint. The decorators also cut `__cause__` and `__context__`, because
error reporters print those.
"""

import re
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import psycopg
from psycopg import errors as pg

from inbound.errors import RetryableError, ScservError, SetupError
from inbound.store.unreachable import why


class StoreUnavailable(RetryableError):  # noqa: N818  says what is the case
    """The database could not be reached, went away, or lacked a resource."""


class Conflict(RetryableError):  # noqa: N818  says what is the case
    """Another transaction was first: read, decide and write again."""


class DeadLettersFull(RetryableError):  # noqa: N818  says what is the case
    """The quota for dead letters is used up: an operator has to make room."""


class StoreDefect(ScservError):  # noqa: N818  says what is the case
    """The database refused a statement because of its content: a defect; do not repeat it."""


class StoreFault(StoreDefect):
    """A defect that no value in a row explains: a permission, damage, a wrong statement."""


# Classes of SQLSTATE (PostgreSQL manual, appendix A) after which the same call may succeed:
# connection, resources, operator intervention (including timeouts), system error.
_PASSING_CLASSES = frozenset({"08", "53", "57", "58"})
_PASSING_STATES = frozenset(
    {
        pg.LockNotAvailable.sqlstate,
        pg.IdleInTransactionSessionTimeout.sqlstate,
        pg.TransactionTimeout.sqlstate,
        pg.ReadOnlySqlTransaction.sqlstate,  # a standby that has not been promoted yet
    }
)
# Classes that values in a row may cause: cardinality, data, integrity, a limit of the program
# (an index entry that is too long), a trigger that refuses.
_DATA_CLASSES = frozenset({"21", "22", "23", "54", "P0"})
_WORDS = {
    pg.AdminShutdown.sqlstate: "it is shutting down",
    pg.CrashShutdown.sqlstate: "one of its processes crashed",
    pg.CannotConnectNow.sqlstate: "it is starting or stopping",
    pg.QueryCanceled.sqlstate: "the statement took too long",
    pg.TooManyConnections.sqlstate: "it has too many connections",
    pg.DiskFull.sqlstate: "its disk is full",
    pg.OutOfMemory.sqlstate: "it is out of memory",
    pg.LockNotAvailable.sqlstate: "a lock was not free in time",
    pg.IdleInTransactionSessionTimeout.sqlstate: "the transaction stood still",
    pg.TransactionTimeout.sqlstate: "the transaction took too long",
    pg.ReadOnlySqlTransaction.sqlstate: "it is a standby",
    pg.SerializationFailure.sqlstate: "both changed the same",
    pg.DeadlockDetected.sqlstate: "both waited for each other",
    pg.UniqueViolation.sqlstate: "both wrote the same",
    pg.UndefinedTable.sqlstate: "a table is missing",
    pg.UndefinedColumn.sqlstate: "a column is missing",
    pg.UndefinedFunction.sqlstate: "a function is missing",
    pg.InsufficientPrivilege.sqlstate: "a right is missing",
    pg.CheckViolation.sqlstate: "a value breaks a rule of the table",
    pg.NotNullViolation.sqlstate: "a value is missing",
    pg.ForeignKeyViolation.sqlstate: "it refers to a row that is not there",
    pg.SyntaxError.sqlstate: "its syntax",
}
"""What a SQLSTATE means, to follow "PostgreSQL refused"."""

_CAPITAL = re.compile("(?<=[a-z])(?=[A-Z])")

_RACES = (pg.SerializationFailure, pg.DeadlockDetected, pg.UniqueViolation)
_MISSING_SCHEMA = (pg.UndefinedTable, pg.UndefinedColumn, pg.UndefinedFunction)


def translate(error: psycopg.Error, where: str) -> ScservError:
    """Return our error for a psycopg error; `where` names host and database."""
    state = error.sqlstate
    if state is None:
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return StoreUnavailable(f"PostgreSQL at {where} {why(str(error))}")
        kind = StoreDefect if isinstance(error, psycopg.DataError) else StoreFault
        return kind(f"psycopg refused a call ({type(error).__name__})")
    what = f"{_words_of(state)}SQLSTATE {state}"
    if isinstance(error, _RACES):
        object_name = error.diag.constraint_name or error.diag.table_name
        return Conflict(
            f"another transaction was first ({what}{f', {object_name}' if object_name else ''})"
        )
    if state[:2] in _PASSING_CLASSES or state in _PASSING_STATES:
        return StoreUnavailable(f"PostgreSQL at {where} refused for now ({what})")
    if isinstance(error, _MISSING_SCHEMA):
        return SetupError(
            f"the database at {where} does not fit this version ({what}): run `scserv migrate`"
        )
    if state.startswith("42"):
        # Syntax and names: the text quotes the statement, and values are never part of one.
        what = f"{what}: {error.diag.message_primary}"
    names = (error.diag.table_name, error.diag.column_name, error.diag.constraint_name)
    named = "".join(f", {name}" for name in names if name)
    kind = StoreDefect if state[:2] in _DATA_CLASSES else StoreFault
    return kind(f"PostgreSQL refused a statement ({what}{named})")


class NamesDatabase(Protocol):
    """An object that uses one database and can name it."""

    @property
    def where(self) -> str:
        """Host, port and database: never a password."""
        ...


Owner = TypeVar("Owner", bound=NamesDatabase)
Params = ParamSpec("Params")
Result = TypeVar("Result")


def raises_store_errors_async(
    method: Callable[Concatenate[Owner, Params], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate[Owner, Params], Coroutine[Any, Any, Result]]:
    """Translate psycopg errors that a method raises into errors of this module."""

    @wraps(method)
    async def call(self: Owner, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        try:
            return await method(self, *args, **kwargs)
        except psycopg.Error as error:
            failure = translate(error, self.where)
        raise failure

    return call


def _words_of(state: str) -> str:
    """Return what a SQLSTATE means, or PostgreSQL's name of it, with a comma behind it."""
    if words := _WORDS.get(state):
        return f"{words}, "
    try:
        name = pg.lookup(state).__name__
    except KeyError:
        return ""
    return f"{_CAPITAL.sub('_', name).lower()}, "
