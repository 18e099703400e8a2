"""`scserv keys rotate-subject`: the key that opens changes, and no hash does."""

import psycopg
import pytest
from click.testing import CliRunner, Result

from inbound.cli import scserv
from inbound.errors import SetupError
from inbound.keys import IndexKey, VaultKeys, fingerprint
from inbound.store.access.index_keys import load_index_key, opening_keys
from inbound.store.access.key_checks import check_vault_key
from inbound.store.access.process_keys import OwnKeys
from inbound.store.connections import connect
from tests.fix_store import VAULT_KEY
from tests.keys import SUBJECT_KEY, begin_anew

OLD, NEW, THIRD = bytes(SUBJECT_KEY), bytes(range(100, 132)), bytes(range(70, 102))
STAYS = "a retired key is the index key of this database"
NEEDED = f"need the key with fingerprint {fingerprint(NEW).hex()}"


@pytest.fixture
def index_key(
    database_url: str, settings_of_the_service: None, conn: psycopg.Connection
) -> IndexKey:
    """The key of a new database, which a process with the old subject key has begun."""
    del settings_of_the_service  # is before
    begin_anew(database_url)
    check_vault_key(conn, fingerprint(VAULT_KEY))
    return load_index_key(conn, OLD)


def rotate(*arguments: str, new: bytes = NEW, old: bytes | None = OLD) -> Result:
    environment = {
        "SCSERV_SUBJECT_KEY": new.hex(),
        "SCSERV_OTHER_SUBJECT_KEY": None if old is None else old.hex(),
    }
    return CliRunner().invoke(scserv, ["keys", "rotate-subject", *arguments], env=environment)


def refusal(*arguments: str, new: bytes = NEW, old: bytes | None = OLD) -> str:
    """Return why it did not end, which the command prints with exit status 2."""
    result = rotate(*arguments, new=new, old=old)
    assert isinstance(result.exception, SetupError), result.output
    for key in (OLD, NEW, THIRD):
        assert key.hex() not in f"{result.output}{result.exception}"
    return str(result.exception)


def process(conn: psycopg.Connection, role: str, subject_key: bytes) -> OwnKeys:
    """Start a process: it loads the index key and reports its keys."""
    load_index_key(conn, subject_key)
    own = OwnKeys.of(role, VaultKeys(VAULT_KEY), subject_key)
    own.report(conn)
    return own


def opening(conn: psycopg.Connection) -> list[bytes]:
    return [one.fingerprint for one in opening_keys(conn)]


def test_it_waits_for_every_process_and_changes_no_hash(
    conn: psycopg.Connection, index_key: IndexKey
) -> None:
    worker, relay = (process(conn, role, OLD) for role in ("worker", "relay"))
    first = rotate()
    assert isinstance(first.exception, SetupError)
    new = fingerprint(NEW).hex()
    assert first.output.splitlines() == [
        f"1 of 3: the key with fingerprint {new} opens the database",
        "2 of 3: 0 of 2 running processes have it as SCSERV_SUBJECT_KEY",
    ]
    assert worker.process in str(first.exception)
    assert relay.process in str(first.exception)
    assert load_index_key(conn, NEW) == load_index_key(conn, OLD) == index_key

    process(conn, "worker", NEW)
    again = rotate(old=None)  # the old key was needed for the first step alone
    assert "opens the database already" in again.output
    assert "1 of 2 running processes have it" in again.output
    assert worker.process not in str(again.exception)
    assert relay.process in str(again.exception)

    process(conn, "relay", NEW)
    done = rotate()
    assert done.exit_code == 0, done.output
    assert f"no other subject key opens the database any more ({fingerprint(OLD).hex()})" in (
        done.output
    )
    assert "index key of this database" not in done.output
    assert load_index_key(conn, NEW) == index_key
    with pytest.raises(SetupError, match="was rotated away at") as caught:
        load_index_key(conn, OLD)
    assert f"has needed the key with fingerprint {new} since" in str(caught.value)
    assert "new, empty database" not in str(caught.value)

    repeated = rotate()
    assert (repeated.exit_code, "nothing was left to retire" in repeated.output) == (0, True)


def test_a_database_of_an_older_release_is_told_what_stays(
    database_url: str, settings_of_the_service: None, conn: psycopg.Connection
) -> None:
    done = rotate()
    assert done.exit_code == 0, done.output  # nothing runs, so one run does everything
    assert STAYS in done.output
    assert STAYS in rotate().output
    assert load_index_key(conn, NEW) == SUBJECT_KEY
    with pytest.raises(SetupError, match="was rotated away at"):
        load_index_key(conn, OLD)


def test_a_process_of_an_older_release_lacks_the_new_key(
    conn: psycopg.Connection, index_key: IndexKey
) -> None:
    old = process(conn, "worker", NEW) if rotate().exit_code == 0 else pytest.fail("not done")
    conn.execute("UPDATE process_keys SET subject_fingerprint = NULL")
    assert old.process in refusal(old=None)


def test_a_killed_process_is_named(conn: psycopg.Connection, index_key: IndexKey) -> None:
    worker = process(conn, "worker", OLD)
    assert f"--killed '{worker.process}'" in refusal()
    assert "no process 'worker' has reported" in refusal("--killed", "worker")
    assert rotate("--killed", worker.process).exit_code == 0


def test_nothing_of_a_retired_key_stays_in_the_table(
    database_url: str, conn: psycopg.Connection, index_key: IndexKey
) -> None:
    [sealed] = conn.execute("SELECT sealed FROM index_keys").fetchone() or ()
    with connect(database_url, "report") as reader, reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT FROM clients")  # may see what the table had until now
        assert rotate().exit_code == 0
    conn.execute("CHECKPOINT")
    file = conn.execute("SELECT pg_read_binary_file(pg_relation_filepath('index_keys'))").fetchone()
    assert file is not None
    assert sealed not in file[0]
    assert fingerprint(OLD) in file[0]  # it is the table that was read


def test_a_long_reader_delays_it_and_it_is_repeated(
    database_url: str, conn: psycopg.Connection, index_key: IndexKey
) -> None:
    with connect(database_url, "pg_dump") as reader, reader.transaction():
        reader.execute("SELECT FROM index_keys")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "inbound.store.access.index_keys._LIMIT_WAIT", b"SET LOCAL lock_timeout = '9ms'"
            )
            delayed = refusal()
    assert "A backup that runs (pg_dump) holds the table index_keys: wait for its end" in delayed
    assert opening(conn) == [fingerprint(NEW)]
    assert rotate().exit_code == 0


def test_what_stays_is_told_although_a_long_reader_delayed_it(
    database_url: str, settings_of_the_service: None, conn: psycopg.Connection
) -> None:
    """The first run has retired the key, and the second one finds nothing to retire."""
    with connect(database_url, "pg_dump") as reader, reader.transaction():
        reader.execute("SELECT FROM index_keys")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "inbound.store.access.index_keys._LIMIT_WAIT", b"SET LOCAL lock_timeout = '9ms'"
            )
            refusal()
    repeated = rotate()
    assert "nothing was left to retire" in repeated.output
    assert STAYS in repeated.output


@pytest.mark.parametrize("is_finished", [False, True])
def test_a_rotated_key_does_not_come_back_by_mistake(
    conn: psycopg.Connection, index_key: IndexKey, *, is_finished: bool
) -> None:
    """The two keys are swapped, or the shell still has the old one."""
    if not is_finished:
        process(conn, "worker", OLD)
    rotate()
    before = opening(conn)
    if is_finished:
        assert "SCSERV_SUBJECT_KEY was rotated away before" in refusal(new=OLD, old=NEW)
        assert "SCSERV_OTHER_SUBJECT_KEY is not set" in refusal(new=OLD, old=None)
    else:
        assert "a newer key was added" in refusal(new=OLD, old=None)
    assert opening(conn) == before


def test_a_rotation_can_be_given_up(conn: psycopg.Connection, index_key: IndexKey) -> None:
    process(conn, "worker", OLD)
    refusal()
    given_up = rotate(new=OLD, old=NEW)
    assert given_up.exit_code == 0, given_up.output
    assert opening(conn) == [fingerprint(OLD)]
    assert "rotated away before" in refusal()  # the new key may be known by now
    assert opening(conn) == [fingerprint(OLD)]


def test_a_lost_new_key_is_replaced_by_another(
    conn: psycopg.Connection, index_key: IndexKey
) -> None:
    worker = process(conn, "worker", OLD)
    refusal()
    refusal(new=THIRD)
    worker.withdraw(conn)
    assert rotate(new=THIRD).exit_code == 0
    assert opening(conn) == [fingerprint(THIRD)]
    assert load_index_key(conn, THIRD) == index_key


def test_keys_that_do_not_fit_change_nothing(conn: psycopg.Connection, index_key: IndexKey) -> None:
    assert "SCSERV_OTHER_SUBJECT_KEY does not fit this database" in refusal(old=THIRD)
    assert "SCSERV_OTHER_SUBJECT_KEY is not set" in refusal(old=None)
    assert "are the same key" in refusal(new=OLD)
    assert opening(conn) == [fingerprint(OLD)]


def test_both_keys_are_rotated_in_either_order(
    conn: psycopg.Connection, index_key: IndexKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the vault key is between its steps, the subject key goes through all of its own."""
    monkeypatch.setenv("SCSERV_VAULT_KEY", THIRD.hex())
    monkeypatch.setenv("SCSERV_OTHER_VAULT_KEY", VAULT_KEY.hex())
    assert rotate().exit_code == 0
    monkeypatch.setenv("SCSERV_SUBJECT_KEY", NEW.hex())
    vault = CliRunner().invoke(scserv, ["keys", "rotate"])
    assert vault.exit_code == 0, f"{vault.output}{vault.exception}"
    monkeypatch.delenv("SCSERV_OTHER_VAULT_KEY")
    assert rotate(new=THIRD, old=NEW).exit_code == 0
    assert load_index_key(conn, THIRD) == index_key
