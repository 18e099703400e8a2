"""The index key: made once, opened by the subject key, never replaced by another one."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from inbound.errors import SetupError
from inbound.keys import (
    CredentialHasher,
    IndexKey,
    OrderHasher,
    SubjectHasher,
    fingerprint,
    seal_index_key,
)
from inbound.store.access.index_keys import SUBJECT_KEY as NAME
from inbound.store.access.index_keys import load_index_key, opening_keys
from inbound.store.access.key_checks import remember_key, stored_fingerprint
from inbound.store.connections import connect
from tests.fix_store import somebody_waits
from tests.keys import SUBJECT_KEY, begin_anew
from tests.patience import PATIENCE_S

NUMBER, OTHER = "+79161234567", bytes(32)
ADD = "INSERT INTO index_keys (subject_fingerprint, sealed) VALUES (%s, %s)"


@pytest.fixture
def new(database_url: str) -> str:
    """A new database, in which no process has ever started."""
    begin_anew(database_url)
    return database_url


def load(url: str, subject_key: bytes = SUBJECT_KEY) -> IndexKey:
    with connect(url, "tests") as conn:
        return load_index_key(conn, subject_key)


def hashes(index_key: IndexKey) -> tuple[bytes, UUID, UUID, bytes]:
    orders = OrderHasher(index_key)
    return (
        SubjectHasher(index_key).hash(NUMBER),
        orders.order_id("shop", "case-1"),
        orders.broadcast_id("shop", "spring"),
        CredentialHasher(index_key).verifier("smpp", "shop", "password"),
    )


# -- a new database ---------------------------------------------------------------------------


def test_a_new_database_gets_a_random_key_for_ever(new: str) -> None:
    key = load(new)
    assert key != SUBJECT_KEY
    assert load(new) == key
    assert hashes(load(new)) == hashes(key) != hashes(SUBJECT_KEY)


def test_the_database_has_the_key_sealed_alone(new: str, conn: psycopg.Connection) -> None:
    key = load(new)
    tables = ("index_keys", "key_checks")
    rows = [row for table in tables for row in conn.execute(f"TABLE {table}")]
    stored = b"".join(value for row in rows for value in row if isinstance(value, bytes))
    assert len(stored) > len(key)
    assert bytes(key) not in stored
    assert stored_fingerprint(conn, NAME) == fingerprint(key)


def test_processes_that_start_at_once_agree(new: str, conn: psycopg.Connection) -> None:
    """The first makes a key while the second waits for it."""

    def start(number: int) -> IndexKey:
        def random(count: int) -> bytes:
            deadline = time.monotonic() + PATIENCE_S
            while not somebody_waits(conn):
                assert time.monotonic() < deadline, "the other one does not wait"
            return bytes([number]) * count

        with connect(new, "tests") as own:
            return load_index_key(own, SUBJECT_KEY, random=random)

    with ThreadPoolExecutor() as threads:
        first, second = threads.map(start, (1, 2))
    assert first == second
    assert load(new) == first


def test_a_process_of_an_older_release_may_start_first(new: str, conn: psycopg.Connection) -> None:
    def random(count: int) -> bytes:
        # It stores the fingerprint of its subject key between our look and our INSERT.
        with connect(new, "an older release") as older:
            remember_key(older, NAME, fingerprint(SUBJECT_KEY))
        return bytes(count)

    assert load_index_key(conn, SUBJECT_KEY, random=random) == SUBJECT_KEY


def test_an_older_release_refuses_a_new_database(new: str, conn: psycopg.Connection) -> None:
    """It compares this row with the fingerprint of its subject key, and does not start."""
    load(new)
    assert remember_key(conn, NAME, fingerprint(SUBJECT_KEY)) != fingerprint(SUBJECT_KEY)


def test_people_without_their_key_are_refused(new: str, conn: psycopg.Connection) -> None:
    conn.execute(
        "INSERT INTO subjects (subject_id, number_hash, number_sealed) VALUES (%s, 'h', 's')",
        [UUID(int=1)],
    )
    with pytest.raises(SetupError, match="copy the table index_keys as well"):
        load(new)
    assert opening_keys(conn) == []
    assert stored_fingerprint(conn, NAME) is None


def test_people_copied_with_their_key_are_found(new: str, conn: psycopg.Connection) -> None:
    key = IndexKey(b"i" * 32)
    conn.execute(ADD, [fingerprint(SUBJECT_KEY), seal_index_key(key, SUBJECT_KEY)])
    conn.execute(
        "INSERT INTO subjects (subject_id, number_hash, number_sealed) VALUES (%s, %s, 's')",
        [UUID(int=1), SubjectHasher(key).hash(NUMBER)],
    )
    assert load(new) == key
    assert stored_fingerprint(conn, NAME) == fingerprint(key)


# -- the database of an older release ---------------------------------------------------------


def test_a_database_of_an_older_release_keeps_its_hashes(
    database_url: str, conn: psycopg.Connection
) -> None:
    key = load(database_url)
    assert hashes(key) == hashes(SUBJECT_KEY)
    assert stored_fingerprint(conn, NAME) == fingerprint(SUBJECT_KEY)  # the older release goes on
    assert [one.fingerprint for one in opening_keys(conn)] == [fingerprint(SUBJECT_KEY)]


# -- keys that don't fit ----------------------------------------------------------------------


@pytest.mark.parametrize("is_new", [True, False])
def test_another_subject_key_is_refused(
    database_url: str, conn: psycopg.Connection, *, is_new: bool
) -> None:
    if is_new:
        begin_anew(database_url)
        load(database_url)
    needed, given = fingerprint(SUBJECT_KEY).hex(), fingerprint(OTHER).hex()
    with pytest.raises(SetupError, match="SCSERV_SUBJECT_KEY does not fit this database") as caught:
        load(database_url, OTHER)
    assert f"need the key with fingerprint {needed}, and this one has {given}" in str(caught.value)
    assert OTHER.hex() not in str(caught.value)
    assert len(opening_keys(conn)) == is_new  # nothing was added


def test_a_damaged_key_stops_the_start(new: str, conn: psycopg.Connection) -> None:
    load(new)
    conn.execute("UPDATE index_keys SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)")
    with pytest.raises(SetupError, match=r"the index key of this database .* is damaged"):
        load(new)


def test_the_key_of_another_database_stops_the_start(new: str, conn: psycopg.Connection) -> None:
    load(new)
    sealed = seal_index_key(IndexKey(b"i" * 32), SUBJECT_KEY)
    conn.execute("UPDATE index_keys SET sealed = %s", [sealed])
    with pytest.raises(SetupError, match="is that of another database than this one"):
        load(new)
