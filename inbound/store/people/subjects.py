"""Subjects and their numbers.

An erased person is found in neither direction. Callers that show a number to a person record
that first (`inbound.store.access.audit`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.log.rows import StoredState
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "people")
_FIND_SUBJECTS: Final = _SQL["find_subjects"]
_FIND_WITH_STATES: Final = _SQL["find_subjects_with_states"]
_ADD_SUBJECTS: Final = _SQL["add_subjects"]
_FIND_ERASED_SUBJECTS: Final = _SQL["find_erased_subjects"]
_FIND_SEALED_NUMBERS: Final = _SQL["find_sealed_numbers"]
_FIND_HASHES: Final = _SQL["find_hashes"]


async def find_subjects(
    conn: psycopg.AsyncConnection, hashes: Collection[bytes]
) -> dict[bytes, UUID]:
    """Return the subject of each number hash that has one."""
    cursor = await conn.execute(_FIND_SUBJECTS, {"hashes": list(hashes)})
    rows: Sequence[tuple[bytes, UUID]] = await cursor.fetchall()
    return dict(rows)


async def select_with_states(
    conn: psycopg.AsyncConnection, hashes: Collection[bytes]
) -> psycopg.AsyncCursor:
    """Ask for subjects and states; `with_states` reads the answer. Fits into a pipeline."""
    return await conn.execute(_FIND_WITH_STATES, {"hashes": list(hashes)})


async def with_states(
    cursor: psycopg.AsyncCursor,
) -> tuple[dict[bytes, UUID], dict[UUID, StoredState]]:
    """Return the subject of each number hash that has one, and the stored states of subjects."""
    found, states = {}, {}
    async for number_hash, subject_id, version, *state in cursor:
        found[number_hash] = subject_id
        if version is not None:
            states[subject_id] = StoredState(version, *state)
    return found, states


async def ensure_subjects(
    conn: psycopg.AsyncConnection,
    sealer: Sealer,
    new_id: Callable[[], UUID],
    numbers: Mapping[bytes, str],
) -> dict[bytes, UUID]:
    """Return the subject of each number hash; create the missing ones.

    Two round trips when there are new numbers, else one.
    """
    found = await find_subjects(conn, numbers)
    missing = {hash_: number for hash_, number in numbers.items() if hash_ not in found}
    return found | await add_subjects(conn, sealer, new_id, missing) if missing else found


async def add_subjects(
    conn: psycopg.AsyncConnection,
    sealer: Sealer,
    new_id: Callable[[], UUID],
    numbers: Mapping[bytes, str],
) -> dict[bytes, UUID]:
    """As `ensure_subjects`, for numbers that are probably new. One round trip."""
    ids = [new_id() for _ in numbers]
    sealed = [sealer.number(number, id_) for number, id_ in zip(numbers.values(), ids, strict=True)]
    parameters = {"subject_ids": ids, "hashes": list(numbers), "sealed": sealed}
    async with conn.pipeline():
        await conn.execute(_ADD_SUBJECTS, parameters)
        # Read them: another transaction may have been first with some of them.
        cursor = await conn.execute(_FIND_SUBJECTS, {"hashes": list(numbers)})
    rows: Sequence[tuple[bytes, UUID]] = await cursor.fetchall()
    return dict(rows)


async def find_numbers(
    conn: psycopg.AsyncConnection, sealer: Sealer, subject_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Return the number (E.164) of each subject that has one."""
    cursor = await conn.execute(_FIND_SEALED_NUMBERS, {"subject_ids": list(subject_ids)})
    return {id_: sealer.open_number(sealed, id_) async for id_, sealed in cursor}


@raises_store_errors
def numbers_of(
    conn: psycopg.Connection, sealer: Sealer, subject_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Return the number (E.164) of each subject that has one."""
    rows = conn.execute(_FIND_SEALED_NUMBERS, {"subject_ids": list(subject_ids)})
    return {subject_id: sealer.open_number(sealed, subject_id) for subject_id, sealed in rows}


@raises_store_errors
def subjects_of(conn: psycopg.Connection, hashes: Collection[bytes]) -> dict[bytes, UUID]:
    """Return the subject of each number hash that has one."""
    return dict(conn.execute(_FIND_SUBJECTS, {"hashes": list(hashes)}).fetchall())


@raises_store_errors
def erased_of(conn: psycopg.Connection, subject_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the subjects that were erased."""
    rows = conn.execute(_FIND_ERASED_SUBJECTS, {"subject_ids": list(subject_ids)})
    return {subject_id for (subject_id,) in rows}


@raises_store_errors
def hashes_of(conn: psycopg.Connection, subject_ids: Collection[UUID]) -> list[bytes]:
    """Return the number hash of each subject that has one, in no order."""
    rows = conn.execute(_FIND_HASHES, {"subject_ids": list(subject_ids)}).fetchall()
    return [number_hash for (number_hash,) in rows]
