"""From subjects to numbers and back, on a synchronous connection.

Nobody who is erased is found, in either direction. Who shows what was found to a person
records it first (`inbound.store.audit`).
"""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import psycopg

from inbound.store.connecting import called
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "people")
_FIND_SEALED_NUMBERS: Final = _SQL["find_sealed_numbers"]
_FIND_SUBJECTS: Final = _SQL["find_subjects"]


@called
def numbers_of(
    conn: psycopg.Connection, sealer: Sealer, subject_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Return the number (E.164) of each subject that has one."""
    rows = conn.execute(_FIND_SEALED_NUMBERS, {"subject_ids": list(subject_ids)})
    return {subject_id: sealer.open_number(sealed, subject_id) for subject_id, sealed in rows}


@called
def subjects_of(conn: psycopg.Connection, hashes: Collection[bytes]) -> dict[bytes, UUID]:
    """Return the subject of each number hash that has one."""
    return dict(conn.execute(_FIND_SUBJECTS, {"hashes": list(hashes)}).fetchall())
