"""Watches the database from one process: its clock, its certificate, its disk, its keys.

A thread asks once a minute, on a new connection each time: an idle one would cost the server more.
After a failure it asks again sooner, so that no process seems silent after an outage. A step of
this machine's clock is noticed without asking.
"""

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import psycopg

from inbound.clock import database_clock, machine_skew_s
from inbound.errors import ScservError
from inbound.ops import certificates, metrics
from inbound.ops.ending import at_end
from inbound.ops.health import Health
from inbound.plurals import counted
from inbound.reasons import in_words
from inbound.store.access.process_keys import REPORT_EVERY, OwnKeys
from inbound.store.connections import connect, raises_store_errors
from inbound.store.statements import statements

log = logging.getLogger(__name__)

APPLICATION_NAME: Final = "scserv watch"
CHECK: Final = "clock"
KEY_CHECK: Final = "vault key"
SUBJECT_KEY: Final = "subject key"
"""What `GET /health` says of it: that the process can be started again with it, or why not."""
LOOK_EVERY_S: Final = 1.0
ASK_EVERY_S: Final = REPORT_EVERY.total_seconds()
ASK_AGAIN_S: Final = 10.0
"""After a failure."""
CERTIFICATE_EVERY_S: Final = 3600.0
READINGS: Final = 5
"""The database's clock is read this often, because the quickest answer is the most exact."""

_REQUEST_TLS: Final = bytes.fromhex("0000000804d2162f")
"""SSLRequest (PostgreSQL manual, 54.7): the answer is one octet, S for yes."""

_SQL: Final = statements(__package__, "database_watch")
_DATABASE_TIME: Final = _SQL["database_time"]
_DATABASE_SIZE: Final = _SQL["database_size"]
_DATA_FOLDER: Final = _SQL["data_folder"]


@dataclass(slots=True)
class DatabaseWatch:
    """Sets `inbound.clock.database_clock`, metrics, and the health condition `clock`.

    The process is not ready while its machine's clock is more than `skew_max_s` seconds off.
    `with_disk`: measure size and disk, too; one process of the service does.
    `keys`: report them, and don't be ready while they don't open what is sealed now.
    """

    url: str
    health: Health
    skew_max_s: float
    with_disk: bool = False
    keys: OwnKeys | None = None
    _is_off: bool = field(init=False, default=False)
    _ask_at: float = field(init=False, default=0.0)
    _certificate_at: float = field(init=False, default=-CERTIFICATE_EVERY_S)
    _reporting: threading.Lock = field(init=False, default_factory=threading.Lock)
    _is_reported: bool = field(init=False, default=False)
    _ends: bool = field(init=False, default=False)
    _warned_of: str = field(init=False, default="")

    def start(self) -> None:
        """Read the clock, then watch in a daemon thread. Blocks for some seconds at most."""
        metrics.CLOCK_SKEW.set(machine_skew_s, {"clock": "machine"})
        self.ask()
        self.judge()
        at_end(self.withdraw)
        threading.Thread(target=self._watch, name="watch database", daemon=True).start()

    def _watch(self) -> None:
        pause, skew_s = threading.Event(), machine_skew_s()
        while True:
            pause.wait(LOOK_EVERY_S)
            before, skew_s = skew_s, machine_skew_s()
            is_stepped = abs(skew_s - before) > LOOK_EVERY_S
            if is_stepped or time.monotonic() >= self._ask_at:
                self.ask()
            self.judge()

    def ask(self) -> None:
        """Read the database's clock and measure. Blocks; an outage is left to others to report."""
        began = time.monotonic()
        has_answered = self._ask()
        self._ask_at = began + ASK_EVERY_S if has_answered else time.monotonic() + ASK_AGAIN_S

    def _ask(self) -> bool:
        try:
            with connect(self.url, APPLICATION_NAME) as conn:
                read_clock(conn)
                if self.keys is not None:
                    self._report_keys(conn, self.keys)
                if self.with_disk:
                    measure_disk(conn)
                self._look_at_certificate(conn)
        except (ScservError, psycopg.Error) as error:
            log.debug("the database is not watched: %s", in_words(error))
            return False
        return True

    def _report_keys(self, conn: psycopg.Connection, keys: OwnKeys) -> None:
        with self._reporting:
            self._is_reported = False
            if self._ends:
                return
            keys.report(conn)
            self._is_reported = True
        reason = keys.problem(conn)
        if reason and self.health.passes(KEY_CHECK):
            log.error("%s", reason)
        self.health.set(KEY_CHECK, ok=not reason, reason=reason)
        self._warn(keys.warning(conn))

    def _warn(self, warning: str) -> None:
        """Tell of a process that works, and so is ready, but could not be started again."""
        if warning and warning != self._warned_of:
            log.warning("%s", warning)
        self._warned_of = warning
        self.health.describe(SUBJECT_KEY, warning or "ok")

    def withdraw(self) -> None:
        """Delete the report of the keys, because the process ends. Blocks for 5 s at most.

        A report that stays, as that of a killed process, counts for `process_keys.ALIVE`.
        """
        with self._reporting:
            self._ends = True
            if self.keys is None or not self._is_reported:
                return
            self._is_reported = False
        try:
            with connect(self.url, APPLICATION_NAME) as conn:
                self.keys.withdraw(conn)
        except (ScservError, psycopg.Error) as error:
            log.debug("the report of the keys stays: %s", in_words(error))

    def judge(self) -> None:
        """Report to the health port whether this machine's clock is right enough."""
        skew_s = machine_skew_s()
        is_off = abs(skew_s) > self.skew_max_s
        way = "ahead of" if skew_s > 0 else "behind"
        reason = (
            f"the clock of this machine is {counted(round(abs(skew_s)), 'second')} {way} the"
            " database's: start NTP on the machine whose clock is wrong. Meanwhile times are told"
            " by the database's clock"
        )
        self.health.set(CHECK, ok=not is_off, reason=reason)
        if is_off and not self._is_off:
            log.warning("%s", reason)
        elif self._is_off and not is_off:
            log.info("the clock of this machine agrees with the database's again")
        self._is_off = is_off

    def _look_at_certificate(self, conn: psycopg.Connection) -> None:
        now = time.monotonic()
        if not conn.pgconn.ssl_in_use or now < self._certificate_at + CERTIFICATE_EVERY_S:
            return
        self._certificate_at = now
        address = conn.info.hostaddr or conn.info.host, conn.info.port
        try:
            certificates.ask_server(
                f"PostgreSQL at {conn.info.host}", address, prepare=_request_tls
            )
        except OSError as error:
            log.debug("the certificate of PostgreSQL is not watched: %s", error)


@raises_store_errors
def read_clock(conn: psycopg.Connection) -> None:
    """Read the database's clock a few times."""
    for _ in range(READINGS):
        asked = time.monotonic()
        row = conn.execute(_DATABASE_TIME).fetchone()
        answered = time.monotonic()
        if row is not None:
            read: datetime = row[0]
            database_clock.note(read, asked, answered)


@raises_store_errors
def measure_disk(conn: psycopg.Connection) -> None:
    """Export the size of the database, and how full its disk is if it is this machine's."""
    row = conn.execute(_DATABASE_SIZE).fetchone()
    if row is not None:
        metrics.DATABASE_SIZE.set(row[0])
    folder = conn.execute(_DATA_FOLDER).fetchone()
    if folder is None or not _is_here(conn):
        return
    try:
        disk = os.statvfs(folder[0])
    except OSError:
        return
    metrics.DISK_FREE.set(disk.f_bavail / (disk.f_blocks or 1), {"server": "postgresql"})


def _is_here(conn: psycopg.Connection) -> bool:
    host = conn.info.hostaddr or conn.info.host
    return host.startswith(("/", "127.")) or host in {"::1", "localhost", ""}


def _request_tls(plain: socket.socket) -> None:
    plain.sendall(_REQUEST_TLS)
    if plain.recv(1) != b"S":
        raise ConnectionError("no TLS there")
