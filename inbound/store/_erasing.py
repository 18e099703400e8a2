"""Erasing one person within the transaction that is open."""

from typing import Final

import psycopg
from psycopg.rows import args_row

from inbound.keys import UnsealError
from inbound.store.packing import unpack
from inbound.store.rows import DeadLetterSource, Erased, Erasure, Person
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

AT_ONCE: Final = 200

_DEAD_LETTERS_SQL: Final = statements(__package__, "dead_letters")
_PEOPLE_SQL: Final = statements(__package__, "people")
_ERASE_PERSON = _PEOPLE_SQL["erase_person"]
_LIST_UNATTRIBUTED = _DEAD_LETTERS_SQL["list_unattributed_dead_letters"]
_INSERT_ERASURE = _PEOPLE_SQL["insert_erasure"]


async def erase(conn: psycopg.AsyncConnection, person: Person, sealer: Sealer) -> Erased:
    """Remove everything of one person and return how much that was."""
    parameters = {
        "number_hash": person.number_hash,
        "subject_id": person.subject_id,
        "secrets": list(person.secrets),
        "dead_letters": await _dead_letters_about(conn, person, sealer),
    }
    cursor = conn.cursor(row_factory=args_row(Erased))
    erased = await (await cursor.execute(_ERASE_PERSON, parameters)).fetchone()
    return erased or Erased()


async def record(conn: psycopg.AsyncConnection, erasure: Erasure) -> int:
    """Write the record of an erasure, and its audit entry; return its number."""
    cursor = await conn.execute(
        _INSERT_ERASURE,
        {
            "actor": erasure.actor,
            "reason": erasure.reason,
            "subject_id": erasure.subject_id,
            "removed": erasure.removed.decode(),
        },
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def _dead_letters_about(
    conn: psycopg.AsyncConnection, person: Person, sealer: Sealer
) -> list[int]:
    """Return the garbage that nobody could read and that names this person somewhere."""
    found = []
    # On the server: there may be as many as the quota allows.
    async with conn.cursor("unattributed_dead_letters") as cursor:
        cursor.itersize = AT_ONCE
        await cursor.execute(_LIST_UNATTRIBUTED)
        async for id_, *place, sealed in cursor:
            try:
                message = unpack(sealer.open_dead_letter(sealed, DeadLetterSource(*place)))
            except UnsealError:
                continue
            if person.is_named_in(message.key, message.value, *dict(message.headers).values()):
                found.append(id_)
    return found
