"""Second factors of the desk's users: a sealed secret, and hashes of recovery codes.

A code counts once: of concurrent attempts with one code, one succeeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_row
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "second_factors")
_FIND_FACTOR: Final = _SQL["find_factor"]
_SET_FACTOR: Final = _SQL["set_factor"]
_USE_STEP: Final = _SQL["use_step"]
_REMOVE_FACTOR: Final = _SQL["remove_factor"]
_FORGET_CODES: Final = _SQL["forget_codes"]
_ADD_CODES: Final = _SQL["add_codes"]
_USE_CODE: Final = _SQL["use_code"]


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A user's second factor. `secret` is sealed; `codes` recovery codes are left."""

    secret: bytes = field(repr=False)
    last_step: int
    set_at: datetime
    codes: int


@raises_store_errors
def find_factor(conn: psycopg.Connection, user_id: UUID) -> SecondFactor | None:
    """Return the second factor of a user, None without one."""
    return fetch_row(conn, SecondFactor, _FIND_FACTOR, {"user_id": user_id})


@raises_store_errors
def set_factor(
    conn: psycopg.Connection, user_id: UUID, secret: bytes, step: int, now: datetime
) -> bool:
    """Store a sealed secret; False if the user has one. `step` is that of the code they gave."""
    parameters = {"user_id": user_id, "secret": secret, "step": step, "now": now}
    return conn.execute(_SET_FACTOR, parameters).rowcount == 1


@raises_store_errors
def use_step(conn: psycopg.Connection, user_id: UUID, step: int) -> bool:
    """Accept the code of a time step; False if it, or a later one, was accepted before."""
    return conn.execute(_USE_STEP, {"user_id": user_id, "step": step}).rowcount == 1


@raises_store_errors
def remove_factor(conn: psycopg.Connection, user_id: UUID) -> bool:
    """Delete a second factor with its recovery codes; False if there is none."""
    return conn.execute(_REMOVE_FACTOR, {"user_id": user_id}).rowcount == 1


@raises_store_errors
def replace_codes(conn: psycopg.Connection, user_id: UUID, digests: Sequence[bytes]) -> None:
    """Replace all recovery codes of a user who has a second factor."""
    conn.execute(_FORGET_CODES, {"user_id": user_id})
    conn.execute(_ADD_CODES, {"user_id": user_id, "digests": list(digests)})


@raises_store_errors
def use_code(conn: psycopg.Connection, user_id: UUID, digest: bytes) -> bool:
    """Use a recovery code up; False if there is none like it."""
    return conn.execute(_USE_CODE, {"user_id": user_id, "digest": digest}).rowcount == 1
