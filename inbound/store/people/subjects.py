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
from inbound.store.people.rows import KnownSenders
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "people")
_FIND_SUBJECTS: Final = _SQL["find_subjects"]
_FIND_SENDERS: Final = _SQL["find_senders"]
_FIND_RECIPIENTS: Final = _SQL["find_recipients"]
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


async def select_senders(
    conn: psycopg.AsyncConnection, mo_ids: Collection[UUID], hashes: Collection[bytes]
) -> psycopg.AsyncCursor:
    """Ask for what is known of MOs and senders; `senders_of` reads it. Fits into a pipeline."""
    return await conn.execute(_FIND_SENDERS, {"mo_ids": list(mo_ids), "hashes": list(hashes)})


async def senders_of(cursor: psycopg.AsyncCursor) -> KnownSenders:
    """Return the content of an answer."""
    known = KnownSenders(set(), {}, {}, wants_command_callbacks=False)
    async for mo_id, number_hash, subject_id, version, *state, account in cursor:
        if mo_id is not None:
            known.seen.add(mo_id)
        elif account is not None:
            known.wants_command_callbacks = True
        else:
            known.subjects[number_hash] = subject_id
            if version is not None:
                known.states[subject_id] = StoredState(version, *state)
    return known


async def select_recipients(
    conn: psycopg.AsyncConnection, subject_ids: Collection[UUID], hashes: Collection[bytes]
) -> psycopg.AsyncCursor:
    """Ask for subjects and states; `recipients_of` reads the answer. Fits into a pipeline."""
    parameters = {"subject_ids": list(subject_ids), "hashes": list(hashes)}
    return await conn.execute(_FIND_RECIPIENTS, parameters)


async def recipients_of(
    cursor: psycopg.AsyncCursor,
) -> tuple[dict[bytes, UUID], dict[UUID, StoredState]]:
    """Return the subject of each number hash that has one, and the stored states of subjects."""
    found, states = {}, {}
    async for number_hash, subject_id, version, *state in cursor:
        if number_hash is not None:
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
    """As `ensure_subjects`, for numbers that are probably new: then it is one round trip."""
    ids = [new_id() for _ in numbers]
    sealed = [sealer.number(number, id_) for number, id_ in zip(numbers.values(), ids, strict=True)]
    parameters = {"subject_ids": ids, "hashes": list(numbers), "sealed": sealed}
    cursor = await conn.execute(_ADD_SUBJECTS, parameters)
    rows: Sequence[tuple[bytes, UUID]] = await cursor.fetchall()
    added = dict(rows)
    # Another transaction may have been first with some of them.
    others = numbers.keys() - added.keys()
    return added | await find_subjects(conn, others) if others else added


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
    """Return which of the subjects were erased."""
    rows = conn.execute(_FIND_ERASED_SUBJECTS, {"subject_ids": list(subject_ids)})
    return {subject_id for (subject_id,) in rows}


@raises_store_errors
def hashes_of(conn: psycopg.Connection, subject_ids: Collection[UUID]) -> list[bytes]:
    """Return the number hash of each subject that has one, in no order."""
    rows = conn.execute(_FIND_HASHES, {"subject_ids": list(subject_ids)}).fetchall()
    return [number_hash for (number_hash,) in rows]
