"""Seals every value that opens with the other vault key again, with the key that seals.

Row by row, so the service runs meanwhile: a value is replaced only if it is still the one that was
read. A killed run is repeated; what is sealed with the new key already is only read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from inbound.directory.sealing import ClientSealer
from inbound.errors import SetupError
from inbound.keys import UnsealError, VaultCipher, VaultKeys, fingerprint
from inbound.rotation.running import forget_killed, refusal_of
from inbound.rotation.sealed_columns import REGISTRATIONS, SEALED_COLUMNS, SealedColumn
from inbound.store.access.key_checks import (
    adopt_vault_key,
    give_up_next_key,
    is_retired,
    next_fingerprint,
    refuse_retired,
    vault_fingerprint,
)
from inbound.store.access.process_keys import list_keys
from inbound.store.connections import raises_store_errors

_BATCH: Final = 500
_MOST_PASSES: Final = 3

# The tables are many and the statements the same, so they are made of the names.
_SELECT: Final[LiteralString] = "SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL"
_UPDATE: Final[LiteralString] = "UPDATE {table} SET {column} = %s WHERE {found} AND {column} = %s"
_UPDATE_DIGEST: Final[LiteralString] = """
    UPDATE clients SET registration_digest = %s WHERE number_hash = %s AND registration_sealed = %s
"""
_COUNT: Final[LiteralString] = "SELECT count(*) FROM {table} WHERE {column} IS NOT NULL"

OnProgress = Callable[[int, int], None]
"""Receives how many values were read, and how many there were at the beginning."""


@dataclass(slots=True)
class Pass:
    """What one pass over all tables found: values by the column that has them."""

    values: int = 0
    sealed_again: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)


class Rotated(NamedTuple):
    """All passes together. `is_complete`: the last one found nothing of the other key."""

    values: int
    sealed_again: int
    unreadable: dict[str, int]
    is_complete: bool


class GivenUp(NamedTuple):
    """What giving up did; `key` is the fingerprint of the next key, None if there was none."""

    key: bytes | None
    rotated: Rotated


class VaultRotation:
    """Rotates the vault key of one database; `reading` and `writing` are connections to it."""

    def __init__(
        self, reading: psycopg.Connection, writing: psycopg.Connection, keys: VaultKeys
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._keys = keys
        self._sealing = fingerprint(keys.sealing)
        self._other = None if keys.other is None else fingerprint(keys.other)
        self._new = VaultCipher(keys.sealing)
        self._both = VaultCipher(keys)

    def run(self, on_progress: OnProgress) -> Rotated:
        """Seal again until a pass finds nothing of the other key; then the new key is the key.

        Blocks for as long as it takes to read every sealed value twice. Raises SetupError while a
        process that runs doesn't seal with the new key, or if the other key never sealed anything,
        and RetryableError.
        """
        self.refuse_others()
        done = self._seal_all(on_progress)
        if done.is_complete:
            if not done.sealed_again:
                self._refuse_unused()
            self.refuse_others()  # one may have been started meanwhile
            adopt_vault_key(self._writing, self._sealing)
        return done

    def give_up(self, on_progress: OnProgress) -> GivenUp:
        """Seal again what the next key sealed, as `run` does; then that key is retired.

        The other key may be missing, if the next key is lost: what that one sealed is unreadable
        then. Blocks as `run`. Raises SetupError if the key that seals is not that of the database,
        or while a process that runs seals with another one, and RetryableError.
        """
        self._refuse_going_back()
        done = self._seal_all(on_progress)
        if not done.is_complete:
            return GivenUp(None, done)
        self._refuse_going_back()
        return GivenUp(give_up_next_key(self._writing, self._sealing), done)

    def _seal_all(self, on_progress: OnProgress) -> Rotated:
        again = 0
        for _ in range(_MOST_PASSES):
            done = self._pass(on_progress, seals=True)
            again += done.sealed_again
            if not done.sealed_again:
                return Rotated(done.values, again, done.unreadable, is_complete=True)
        return Rotated(done.values, again, done.unreadable, is_complete=False)

    def count(self, on_progress: OnProgress) -> Pass:
        """Count the values that only the other key opens, as `sealed_again`. Changes nothing."""
        return self._pass(on_progress, seals=False)

    def running(self) -> int:
        """Return how many processes of the service run, by their reports."""
        return len(list_keys(self._reading))

    def forget(self, killed: Sequence[str]) -> None:
        """Let processes count no more that an operator knows to be dead. As `forget_killed`."""
        forget_killed(self._writing, killed)

    def refuse_others(self) -> None:
        """Raise SetupError if a process that runs doesn't seal with the new key. Blocks.

        Also if the key that seals here is not the new one.
        """
        refuse_retired(self._reading, self._sealing)
        self._refuse_unswapped()
        others = [one for one in list_keys(self._reading) if one.sealing != self._sealing]
        if blind := [one for one in others if not one.opens(self._sealing)]:
            raise refusal_of(
                blind,
                "can't open what the new SCSERV_VAULT_KEY seals",
                "Give every process the new key as SCSERV_OTHER_VAULT_KEY first, and restart it.\n"
                "Then swap the two, restart all, and run this again.",
            )
        if others:
            raise refusal_of(
                others,
                f"still seal{'s' * (len(others) == 1)} with another key",
                "Restart every process with the new SCSERV_VAULT_KEY, and run this again.",
            )

    def _refuse_going_back(self) -> None:
        """Raise SetupError if the rotation can't be given up with the key that seals here."""
        stored = vault_fingerprint(self._reading)
        if stored is not None and stored != self._sealing:
            raise SetupError(
                "to give a rotation up, set SCSERV_VAULT_KEY to the key of the database "
                f"(fingerprint {stored.hex()}) for this command and every process"
            )
        if others := [one for one in list_keys(self._reading) if one.sealing != self._sealing]:
            raise refusal_of(
                others,
                f"still seal{'s' * (len(others) == 1)} with another key",
                "Restart every process with the key of the database as SCSERV_VAULT_KEY (and the "
                "next key as SCSERV_OTHER_VAULT_KEY, unless it is lost), and run this again.",
            )

    def _refuse_unswapped(self) -> None:
        """Raise SetupError if the other key is the next one, so that `run` would give it up."""
        following = next_fingerprint(self._reading)
        if following is not None and following == self._other:
            raise SetupError(
                f"SCSERV_OTHER_VAULT_KEY (fingerprint {following.hex()}) is the next key: swap the "
                "two here as for every process, and run this again.\n"
                "To give the rotation up instead: scserv keys give-up"
            )

    def _refuse_unused(self) -> None:
        """Raise SetupError if the two keys are not swapped yet: the other one is the new key."""
        is_stored = vault_fingerprint(self._reading) == self._sealing
        other = self._other
        if other is not None and is_stored and not is_retired(self._reading, other):
            raise SetupError(
                "there is nothing to rotate: everything is sealed with SCSERV_VAULT_KEY "
                f"(fingerprint {self._sealing.hex()}),\nand SCSERV_OTHER_VAULT_KEY "
                f"({other.hex()}) was never the key of this database.\n"
                "If that one is the new key, swap the two for every process, restart all, and run "
                "this again.\n"
                "If you don't want to rotate, take SCSERV_OTHER_VAULT_KEY away from every process."
            )

    def _pass(self, on_progress: OnProgress, *, seals: bool) -> Pass:
        result = Pass()
        total = sum(_number_of_values(self._reading, column) for column in SEALED_COLUMNS)
        for column in SEALED_COLUMNS:
            for rows in _batches(self._reading, column):
                changes = list(self._changes(column, rows, result))
                result.values += len(rows)
                result.sealed_again += len(changes)
                if seals and changes:
                    _replace(self._writing, column, changes, self._keys)
                on_progress(result.values, max(total, result.values))
        return result

    def _changes(
        self, column: SealedColumn, rows: Sequence[tuple[Any, ...]], result: Pass
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the parameters of an update for each value that the new key does not open."""
        for *key, sealed in rows:
            context = column.context(*key)
            if _opens(self._new, sealed, context):
                continue
            try:
                plaintext = self._both.open(sealed, context)
            except UnsealError:
                name = f"{column.table}.{column.column}"
                result.unreadable[name] = result.unreadable.get(name, 0) + 1
                continue
            yield self._new.seal(plaintext, context), *key, sealed


def _opens(cipher: VaultCipher, sealed: bytes, context: bytes) -> bool:
    try:
        cipher.open(sealed, context)
    except UnsealError:
        return False
    return True


@raises_store_errors
def _number_of_values(conn: psycopg.Connection, column: SealedColumn) -> int:
    row = conn.execute(_statement(_COUNT, column)).fetchone()
    return int(row[0]) if row else 0


def _batches(conn: psycopg.Connection, column: SealedColumn) -> Iterator[list[tuple[Any, ...]]]:
    with conn.transaction(), conn.cursor(name="sealed") as cursor:
        cursor.execute(_statement(_SELECT, column))
        while rows := cursor.fetchmany(_BATCH):
            yield rows


@raises_store_errors
def _replace(
    conn: psycopg.Connection,
    column: SealedColumn,
    changes: Sequence[tuple[Any, ...]],
    keys: VaultKeys,
) -> None:
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(_statement(_UPDATE, column), changes)
        if column is REGISTRATIONS:
            # The digest that tells whether a client changed is keyed with the vault key, too.
            clients = ClientSealer(keys)
            cursor.executemany(
                _UPDATE_DIGEST,
                [
                    (
                        clients.digest(clients.open_registration(sealed, number_hash), number_hash),
                        *(number_hash, sealed),
                    )
                    for sealed, number_hash, _ in changes
                ],
            )


def _statement(text: LiteralString, column: SealedColumn) -> sql.Composed:
    names = [sql.Identifier(name) for name in column.key]
    return sql.SQL(text).format(
        table=sql.Identifier(column.table),
        column=sql.Identifier(column.column),
        key=sql.SQL(", ").join(names),
        found=sql.SQL(" AND ").join(sql.SQL("{} = %s").format(name) for name in names),
    )
