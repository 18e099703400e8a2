"""Subjects and their numbers.

An erased person is found in neither direction. Callers that show a number to a person record
that first (`inbound.store.access.audit`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "people")
_FIND_SUBJECTS: Final = _SQL["find_subjects"]
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


async def ensure_subjects(
    conn: psycopg.AsyncConnection,
    sealer: Sealer,
    new_id: Callable[[], UUID],
    numbers: Mapping[bytes, str],
) -> dict[bytes, UUID]:
    """Return the subject of each number hash; create the missing ones.

    Three round trips when there are new numbers, else one.
    """
    found = await find_subjects(conn, numbers)
    missing = [number_hash for number_hash in numbers if number_hash not in found]
    if not missing:
        return found
    ids = [new_id() for _ in missing]
    sealed = [sealer.number(numbers[h], i) for h, i in zip(missing, ids, strict=True)]
    await conn.execute(_ADD_SUBJECTS, {"subject_ids": ids, "hashes": missing, "sealed": sealed})
    # Read again: another transaction may have been first with some of them.
    return found | await find_subjects(conn, missing)


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
