"""Imports a log from a file into an empty database, in one transaction.

Derived data is not in the file: states are folded again when needed, projections are rebuilt.
Personal data is not either: subjects have no numbers afterwards. Nothing is published: the
cursor of the event feed is set to the end.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import psycopg
from pydantic_core import from_json

from inbound.errors import SetupError
from inbound.eventlog.archive import ArchiveReader, Trailer
from inbound.eventlog.checker import Checker
from inbound.store.connections import describe_database as place_of
from inbound.store.errors import translate
from inbound.store.log.copy_format import (
    SIGNATURE,
    TRAILER,
    StoredEvent,
    encode_position,
    encode_position_without_chain,
    encode_stored,
)
from inbound.store.log.positions import last_position
from inbound.store.outbox import feeds
from inbound.store.statements import statements
from schemas.chain import Chains

_LOG_SQL: Final = statements("inbound.store.log", "log")
_SQL: Final = statements(__package__, "eventlog")
_LOCK_LOG: Final = _LOG_SQL["lock_log"]
_APPEND_EVENTS: Final = _LOG_SQL["append_events"]
_MOVE_HEADS: Final = _LOG_SQL["move_heads"]
_ALLOW_IMPORT: Final = _SQL["allow_import"]
_ANALYZE: Final = _SQL["analyze"]
_BLOCK: Final = 1 << 18
_STEP: Final = 5_000


def import_log(
    conn: psycopg.Connection, file: BinaryIO, name: str, on_progress: Callable[[int, int], None]
) -> Trailer:
    """Load a file and return its trailer; `name` names the file in errors.

    Appends wait meanwhile. Memory stays flat. `on_progress` gets the position and the last
    one. Raises SetupError when there are events already, and its subclass ArchiveError when
    the file is damaged, truncated, or has a wrong digest: then nothing was written.
    """
    where = place_of(conn.info.dsn)
    try:
        with conn.transaction():
            conn.execute(_LOCK_LOG)
            if last_position(conn):
                raise SetupError(
                    f"the database at {where} has events already: import into a database fresh "
                    "from `scserv migrate`"
                )
            trailer = _load(conn, ArchiveReader(file, name), on_progress)
        conn.execute(_ANALYZE)
    except psycopg.Error as error:
        failure = translate(error, where)
    else:
        return trailer
    raise failure


def _load(
    conn: psycopg.Connection, reader: ArchiveReader, on_progress: Callable[[int, int], None]
) -> Trailer:
    header = reader.header()
    checker = Checker(Chains(), schemas=False)
    conn.execute(_ALLOW_IMPORT)
    with conn.cursor() as cursor, cursor.copy(_APPEND_EVENTS) as copy:
        block = bytearray(SIGNATURE)
        for event in _checked(reader, checker):
            block += _row(event)
            if len(block) > _BLOCK:
                copy.write(bytes(block))
                block.clear()
            if not event.position % _STEP:
                on_progress(event.position, header.last_position)
        trailer = Trailer.of(checker.events, checker.position, checker.chains.heads())
        reader.finish(header, trailer)
        copy.write(bytes(block) + TRAILER)
    chains = checker.chains
    parameters = {"positions": chains.positions, "digests": chains.digests}
    conn.execute(_MOVE_HEADS, parameters)
    feeds.advance_cursors(conn, {feeds.LOG: checker.position})
    return trailer


def _checked(reader: ArchiveReader, checker: Checker) -> Iterator[StoredEvent]:
    for event in reader.events():
        for problem in checker.check((event,)):
            raise reader.error(str(problem))
        if event.digest is None:
            try:  # no digest covers these
                from_json(event.data), from_json(event.metadata)
            except ValueError as error:
                raise reader.error(f"data or metadata is not JSON: {error}") from error
        yield event


def _row(event: StoredEvent) -> bytes:
    columns = encode_stored(
        event.stream,
        event.version,
        event.type,
        event.schema_version,
        event.data,
        event.metadata,
    )
    if event.chain is None or event.digest is None:
        return encode_position_without_chain(event.position, event.recorded_us) + columns
    return encode_position(event.position, event.recorded_us, event.chain, event.digest) + columns
