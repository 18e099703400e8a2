"""Every sealed value is opened by the new key alone in the end, and no column is forgotten."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from inbound.directory.port import Registration
from inbound.directory.sealing import ClientSealer
from inbound.errors import SetupError
from inbound.keys import UnsealError, VaultCipher, VaultKeys, fingerprint
from inbound.rotation.sealed_columns import SEALED_COLUMNS
from inbound.rotation.vault_rotation import VaultRotation
from inbound.store.access.key_checks import check_vault_key
from inbound.store.access.process_keys import OwnKeys
from inbound.store.connections import connect
from inbound.store.sealing import Sealer
from tests.keys import SUBJECT_KEY

OLD, NEW, THIRD = b"o" * 32, b"n" * 32, b"t" * 32
KEYS = VaultKeys(NEW, OLD)
PEOPLE = 1_200
"""More than two batches."""

NOT_SEALED = {
    *("number_hash", "digest", "fingerprint", "content_digest", "text_digest", "key_digest"),
    *("registration_digest", "stranger_hash", "browser", "key", "parts_key", "other_fingerprint"),
    *("password_verifier", "key_verifier", "service_verifier", "subject_fingerprint"),
}
"""Hashes, which need no key to be opened, and keys of rows."""

NOT_SEALED_IN = {
    ("outbox", "value"),
    ("smpp_messages", "words"),
    ("client_addresses", "hash"),
    ("index_keys", "sealed"),  # with the subject key
}


@pytest.fixture
def other(database_url: str) -> Iterator[psycopg.Connection]:
    with connect(database_url, "tests") as conn:
        yield conn


def subject(n: int) -> UUID:
    return UUID(int=n)


def add_people(conn: psycopg.Connection, first: int, many: int, key: bytes) -> None:
    sealer = Sealer(VaultCipher(key))
    rows = [
        (subject(n), b"%016d" % n, sealer.number(f"+7916{n:07d}", subject(n)))
        for n in range(first, first + many)
    ]
    with conn.cursor() as cursor:
        cursor.executemany("INSERT INTO subjects VALUES (%s, %s, %s)", rows)


def add_client(conn: psycopg.Connection, key: bytes) -> None:
    clients, number_hash = ClientSealer(key), b"h" * 16
    registration = Registration("c-1", "1234", "ivanov", "1a2b")
    conn.execute(
        "INSERT INTO clients (number_hash, client_id, number_sealed, registration_sealed,"
        " registration_digest) VALUES (%s, 'c-1', %s, %s, %s)",
        [
            number_hash,
            clients.seal_number("+79161234567", number_hash),
            clients.seal_registration(registration, number_hash),
            clients.digest(registration, number_hash),
        ],
    )


def rotation(conn: psycopg.Connection, other: psycopg.Connection) -> VaultRotation:
    return VaultRotation(conn, other, KEYS)


def test_everything_opens_with_the_new_key_alone(
    conn: psycopg.Connection, other: psycopg.Connection
) -> None:
    check_vault_key(conn, fingerprint(OLD))
    add_people(conn, 0, PEOPLE, OLD)
    add_people(conn, PEOPLE, 10, NEW)
    add_client(conn, OLD)
    assert rotation(conn, other).count(lambda *_: None).sealed_again == PEOPLE + 2
    seen = []
    done = rotation(conn, other).run(lambda *progress: seen.append(progress))
    assert (done.sealed_again, done.is_complete, done.unreadable) == (PEOPLE + 2, True, {})
    assert seen[-1] == (PEOPLE + 12, PEOPLE + 12)
    opener = Sealer(VaultCipher(NEW))
    for subject_id, sealed in conn.execute("SELECT subject_id, number_sealed FROM subjects"):
        assert opener.open_number(sealed, subject_id) == f"+7916{subject_id.int:07d}"
    query = "SELECT number_hash, registration_sealed, registration_digest FROM clients"
    number_hash, sealed, digest = conn.execute(query).fetchone() or ()
    clients = ClientSealer(NEW)
    registration = clients.open_registration(sealed, number_hash)
    assert registration.login == "ivanov"
    assert clients.digest(registration, number_hash) == digest, "imports would see a change"
    check_vault_key(conn, fingerprint(NEW))
    with pytest.raises(SetupError, match=f"{fingerprint(OLD).hex()} was retired at ") as old:
        check_vault_key(conn, fingerprint(OLD))
    assert fingerprint(NEW).hex() in str(old.value)
    assert "new, empty database" not in str(old.value)
    with pytest.raises(SetupError, match="Only if that key is lost for good"):
        check_vault_key(conn, fingerprint(THIRD))


def test_interrupted_rotation_goes_on(conn: psycopg.Connection, other: psycopg.Connection) -> None:
    check_vault_key(conn, fingerprint(OLD))
    add_people(conn, 0, PEOPLE, OLD)

    def interrupt(done: int, _: int) -> None:
        if done >= 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotation(conn, other).run(interrupt)
    left = rotation(conn, other).count(lambda *_: None).sealed_again
    assert 0 < left < PEOPLE
    assert rotation(conn, other).run(lambda *_: None).sealed_again == left


def test_process_that_seals_with_the_old_key_is_noticed(
    conn: psycopg.Connection, other: psycopg.Connection, database_url: str
) -> None:
    check_vault_key(conn, fingerprint(OLD))
    add_people(conn, 0, 1, OLD)
    with connect(database_url, "a process") as process:
        added = iter(range(1, 1_000))
        done = rotation(conn, other).run(lambda *_: add_people(process, next(added), 1, OLD))
    assert not done.is_complete
    check_vault_key(conn, fingerprint(OLD))  # still the key of the database


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (VaultKeys(OLD), "can't open what the new SCSERV_VAULT_KEY seals"),
        (VaultKeys(OLD, NEW), "still seals with another key"),
    ],
)
def test_nothing_is_rotated_while_a_process_has_other_keys(
    conn: psycopg.Connection, other: psycopg.Connection, keys: VaultKeys, words: str
) -> None:
    check_vault_key(conn, fingerprint(OLD))
    add_people(conn, 0, 1, OLD)
    OwnKeys.of("worker", keys, SUBJECT_KEY).report(conn)
    OwnKeys.of("relay", KEYS, SUBJECT_KEY).report(conn)
    with pytest.raises(SetupError, match=rf"^1 process {words}:\n    worker "):
        rotation(conn, other).run(lambda *_: None)
    assert rotation(conn, other).count(lambda *_: None).sealed_again == 1
    check_vault_key(conn, fingerprint(OLD))

    OwnKeys.of("worker", keys, SUBJECT_KEY).withdraw(conn)
    assert rotation(conn, other).running() == 1
    assert rotation(conn, other).run(lambda *_: None).is_complete


def test_process_started_during_the_rotation_keeps_the_key_of_the_database(
    conn: psycopg.Connection, other: psycopg.Connection, database_url: str
) -> None:
    check_vault_key(conn, fingerprint(OLD))
    add_people(conn, 0, 1, OLD)
    late = OwnKeys.of("worker", VaultKeys(OLD, NEW), SUBJECT_KEY)
    with connect(database_url, "a process") as process, pytest.raises(SetupError, match="worker"):
        rotation(conn, other).run(lambda *_: late.report(process))
    check_vault_key(conn, fingerprint(OLD))


def test_process_that_was_killed_counts_for_minutes_alone(
    conn: psycopg.Connection, other: psycopg.Connection
) -> None:
    check_vault_key(conn, fingerprint(OLD))
    OwnKeys.of("worker", VaultKeys(OLD), SUBJECT_KEY).report(conn)
    conn.execute("UPDATE process_keys SET seen_at = now() - interval '151 seconds'")
    assert rotation(conn, other).run(lambda *_: None).is_complete


def test_value_of_a_third_key_is_counted_and_left(
    conn: psycopg.Connection, other: psycopg.Connection
) -> None:
    check_vault_key(conn, fingerprint(OLD))
    add_people(conn, 0, 1, THIRD)
    add_people(conn, 1, 1, OLD)
    done = rotation(conn, other).run(lambda *_: None)
    assert (done.sealed_again, done.unreadable) == (1, {"subjects.number_sealed": 1})


def test_every_column_of_octets_is_known(conn: psycopg.Connection) -> None:
    """A new sealed column has to be added, or its values would be lost with the old key."""
    query = """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type IN ('bytea', 'ARRAY')
          AND (data_type = 'bytea' OR udt_name = '_bytea')
          AND table_name !~ '^outbox_' AND table_name NOT IN ('events', 'log_heads')
    """
    known = {(column.table, column.column) for column in SEALED_COLUMNS} | NOT_SEALED_IN
    found = {row for row in conn.execute(query) if row[1] not in NOT_SEALED}
    assert found == known


def test_every_context_is_made_of_columns_that_exist(conn: psycopg.Connection) -> None:
    for column in SEALED_COLUMNS:
        names = map(sql.Identifier, (*column.key, column.column))
        table = sql.Identifier(column.table)
        conn.execute(sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(names), table))


# -- the checks at the start -----------------------------------------------------------------


def test_both_keys_are_accepted_in_each_phase(conn: psycopg.Connection) -> None:
    old, new, third = map(fingerprint, (OLD, NEW, THIRD))
    check_vault_key(conn, old)
    check_vault_key(conn, old, other=new)  # the next one is added
    check_vault_key(conn, new, other=old)  # it seals
    with pytest.raises(SetupError, match="is not the next key"):
        check_vault_key(conn, third, other=old)
    with pytest.raises(SetupError, match="does not fit"):
        check_vault_key(conn, new)  # what the old key sealed is still there


def test_a_cipher_opens_with_both_and_seals_with_one() -> None:
    both, context = VaultCipher(KEYS), b"context"
    assert both.open(VaultCipher(OLD).seal(b"secret", context), context) == b"secret"
    sealed = both.seal(b"secret", context)
    assert VaultCipher(NEW).open(sealed, context) == b"secret"
    with pytest.raises(UnsealError):
        VaultCipher(OLD).open(sealed, context)
    assert "n" * 8 not in repr(KEYS)
