"""Lets another subject key open the index key, and then no other one any more.

Hashes are made with the index key, which stays the same. So nothing but one row changes, and the
service runs meanwhile. Each step is one transaction; a killed rotation is repeated.
"""

from typing import NamedTuple

import psycopg

from inbound.errors import RetryableError, SetupError
from inbound.keys import fingerprint
from inbound.rotation.running import refusal_of
from inbound.store.access.index_keys import (
    OTHER_SUBJECT_KEY,
    SUBJECT_KEY,
    OpeningKey,
    add_subject_key,
    has_retired_index_key,
    opening_keys,
    retire_other_keys,
    rewrite_table,
)
from inbound.store.access.process_keys import ReportedKeys, list_keys


class Reports(NamedTuple):
    """The processes that run: how many in all, and those without the new key."""

    running: int
    lacking: list[ReportedKeys]


class Retired(NamedTuple):
    """Fingerprints of the keys that were retired now.

    `has_index_key`: one that was retired, now or before, is the index key itself, as the first one
    of an older release is.
    """

    fingerprints: list[bytes]
    has_index_key: bool


class SubjectRotation:
    """Rotates the subject key of one database. `old` may be None once `new` was added."""

    def __init__(self, conn: psycopg.Connection, new: bytes, old: bytes | None) -> None:
        self._conn = conn
        self._new, self._old = new, old
        self.fingerprint = fingerprint(new)

    def add(self) -> bool:
        """Let the new key open the index key; False if it does already. Blocks on the database.

        Raises SetupError if that needs the old key, or if the old one does not open it.
        """
        keys = opening_keys(self._conn)
        if self.fingerprint in {one.fingerprint for one in keys}:
            self._refuse_going_back(keys)
            return False
        if self._old is None:
            raise SetupError(
                f"{OTHER_SUBJECT_KEY} is not set: set it to the subject key that the processes "
                f"have, and {SUBJECT_KEY} to the new one, both for this command alone"
            )
        add_subject_key(self._conn, self._new, self._old)
        return True

    def reports(self) -> Reports:
        """Return which processes run, and which of them lack the new key. Blocks."""
        running = list_keys(self._conn)
        return Reports(len(running), [one for one in running if one.subject != self.fingerprint])

    def refuse_lacking(self) -> None:
        """Raise SetupError if a process that runs lacks the new key. Blocks."""
        if lacking := self.reports().lacking:
            raise refusal_of(
                lacking,
                "can't be restarted without the old subject key",
                f"Restart every process with the new key (fingerprint {self.fingerprint.hex()}) as "
                f"{SUBJECT_KEY}, and run this again.",
            )

    def retire(self) -> Retired:
        """Let no other key open the index key any more. Blocks on the database.

        Raises SetupError while a process that runs lacks the new key; then nothing was changed. And
        while somebody else uses the table: then a repetition does the rest.
        """
        self.refuse_lacking()
        retired = retire_other_keys(self._conn, self._new)
        try:
            rewrite_table(self._conn)
        except RetryableError as error:
            raise SetupError(
                "no other subject key opens the database any more, but a copy of its files may "
                f"still have what the old one opens ({error}). A backup that runs (pg_dump) holds "
                "the table index_keys: wait for its end, and run this again"
            ) from error
        return Retired(retired, has_retired_index_key(self._conn))

    def _refuse_going_back(self, keys: list[OpeningKey]) -> None:
        """Refuse to retire a key that was added later, unless it is named as the old one."""
        newest = keys[-1].fingerprint
        named = None if self._old is None else fingerprint(self._old)
        if newest not in {self.fingerprint, named}:
            raise SetupError(
                f"a newer key was added, with fingerprint {newest.hex()}: set {SUBJECT_KEY} to it. "
                f"To give it up instead, set {OTHER_SUBJECT_KEY} to it, for this command alone. "
                f"If it is lost, set {SUBJECT_KEY} to another new key and {OTHER_SUBJECT_KEY} to "
                "one that the processes have, both for this command alone: the last step retires "
                "all others"
            )
