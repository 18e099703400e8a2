"""Which processes run, and with which keys, as each of them reports every minute.

Without it a rotation could not know that a process still seals with the old key, or can't open
what the new one seals. Keys are never stored: their fingerprints (`inbound.keys.fingerprint`) are.
"""

import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import psycopg

from inbound.keys import VaultKeys, fingerprint
from inbound.store.access.index_keys import opening_keys
from inbound.store.access.key_checks import is_retired, vault_fingerprint
from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements

REPORT_EVERY: Final = timedelta(seconds=60)
OVERDUE: Final = timedelta(seconds=75)
"""A process that has not reported for so long is silent. A report takes well under a second; the
rest is for machines that are busy, or slow."""
ALIVE: Final = timedelta(seconds=150)
"""A process that has not reported for so long is gone: two reports may fail."""

_SQL: Final = statements(__package__, "process_keys")
_REPORT: Final = _SQL["report_keys"]
_SWEEP: Final = _SQL["sweep_keys"]
_WITHDRAW: Final = _SQL["withdraw_keys"]
_LIST: Final = _SQL["list_keys"]


@dataclass(frozen=True, slots=True)
class ReportedKeys:
    """The fingerprints of a process's keys, reported `age_s` seconds ago.

    `subject` is None for a release that does not report it.
    """

    process: str
    sealing: bytes
    other: bytes | None
    subject: bytes | None
    age_s: float

    def opens(self, sealed_with: bytes) -> bool:
        """Whether the process opens what the key with this fingerprint seals."""
        return sealed_with in {self.sealing, self.other}

    @property
    def counts_for_s(self) -> float:
        """Seconds until it does not count any more, unless it reports again."""
        return max(0.0, ALIVE.total_seconds() - self.age_s)

    def __str__(self) -> str:
        return f"{self.process} (reported {self.age_s:.0f} s ago)"


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The keys of this process, to be reported under its name."""

    process: str
    sealing: bytes
    other: bytes | None
    subject: bytes

    @classmethod
    def of(cls, role: str, keys: VaultKeys, subject_key: bytes) -> "OwnKeys":
        """Name this process by its role, machine and process id."""
        other = None if keys.other is None else fingerprint(keys.other)
        name = f"{role} {socket.gethostname()}-{os.getpid()}"
        return cls(name, fingerprint(keys.sealing), other, fingerprint(subject_key))

    def report(self, conn: psycopg.Connection) -> None:
        """Report the keys, and forget processes that are long gone. Blocks on the database."""
        _report(conn, self)

    def withdraw(self, conn: psycopg.Connection) -> None:
        """Delete the report: the process ends. Blocks on the database."""
        _withdraw(conn, self.process)

    def warning(self, conn: psycopg.Connection) -> str:
        """Say that this process could not be started again with its subject key; empty if it could.

        Blocks on the database.
        """
        opening = [one.fingerprint for one in opening_keys(conn)]
        if not opening or self.subject in opening:
            return ""
        return (
            "the subject key was rotated, and this process has an old one: it works on, but can't"
            " be started again. Set SCSERV_SUBJECT_KEY to the key with fingerprint"
            f" {opening[-1].hex()} and restart it"
        )

    def problem(self, conn: psycopg.Connection) -> str:
        """Say why this process can't open everything that is sealed now, or must not seal.

        Empty if its keys are right. Blocks on the database.
        """
        stored = vault_fingerprint(conn)
        if stored is not None and stored not in {self.sealing, self.other}:
            return (
                "the vault key was rotated, and this process has only an old one: set"
                f" SCSERV_VAULT_KEY to the key with fingerprint {stored.hex()} and restart it"
            )
        if stored not in {None, self.sealing} and is_retired(conn, self.sealing):
            return (
                "this process seals with a vault key that was retired: set SCSERV_VAULT_KEY to the"
                f" key with fingerprint {(stored or b'').hex()} and restart it"
            )
        for one in list_keys(conn):
            if one.sealing not in {self.sealing, self.other}:
                return (
                    f"{one.process} seals with a vault key that this process lacks: restart this"
                    f" one with the key with fingerprint {one.sealing.hex()}, as SCSERV_VAULT_KEY"
                    " or SCSERV_OTHER_VAULT_KEY"
                )
        return ""


@raises_store_errors
def list_keys(conn: psycopg.Connection) -> list[ReportedKeys]:
    """Return the keys of the processes that run. Blocks on the database."""
    return fetch_rows(conn, ReportedKeys, _LIST, {"alive": ALIVE})


@raises_store_errors
def forget(conn: psycopg.Connection, process: str) -> None:
    """Delete the report of a process that was killed. Blocks on the database.

    If it lives after all, it reports again within a minute.
    """
    _withdraw(conn, process)


@raises_store_errors
def _report(conn: psycopg.Connection, own: OwnKeys) -> None:
    parameters = {
        "process": own.process,
        "fingerprint": own.sealing,
        "other": own.other,
        "subject": own.subject,
    }
    conn.execute(_REPORT, parameters)
    conn.execute(_SWEEP)


@raises_store_errors
def _withdraw(conn: psycopg.Connection, process: str) -> None:
    conn.execute(_WITHDRAW, {"process": process})
