"""A rotation of the vault key that is given up lets the next one begin; a retired key never seals.

OLD is the key of the database, LOST the one that was given up, THIRD the one after it.
"""

from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result

from inbound.cli import scserv
from inbound.errors import SetupError
from inbound.keys import VaultCipher, VaultKeys, fingerprint
from inbound.store.access.key_checks import check_vault_key, next_fingerprint, vault_fingerprint
from inbound.store.access.process_keys import OwnKeys
from inbound.store.sealing import Sealer
from tests.fix_store import SUBJECT_KEY, VAULT_KEY

OLD, LOST, THIRD = VAULT_KEY, bytes(range(100, 132)), bytes(range(120, 152))
NUMBER = "+79161234567"
SUBJECT = UUID(int=1)


def start(conn: psycopg.Connection, key: bytes, other: bytes | None = None) -> None:
    """Check the keys as a process does when it starts."""
    check_vault_key(conn, fingerprint(key), other=other and fingerprint(other))


def add_person(conn: psycopg.Connection, key: bytes) -> None:
    sealed = Sealer(VaultCipher(key)).number(NUMBER, SUBJECT)
    conn.execute("INSERT INTO subjects VALUES (%s, %s, %s)", [SUBJECT, b"h" * 16, sealed])


def opens(conn: psycopg.Connection, key: bytes) -> bool:
    row = conn.execute("SELECT number_sealed FROM subjects").fetchone() or ()
    return Sealer(VaultCipher(key)).open_number(row[0], SUBJECT) == NUMBER


class Shell:
    """Runs `scserv keys` with the keys of an operator's shell."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._environment = monkeypatch

    def __call__(self, command: str, key: bytes, other: bytes | None, *more: str) -> Result:
        self._environment.setenv("SCSERV_VAULT_KEY", key.hex())
        self._environment.setenv("SCSERV_OTHER_VAULT_KEY", "" if other is None else other.hex())
        return CliRunner().invoke(scserv, ["keys", command, *more])

    def refused(self, command: str, key: bytes, other: bytes | None) -> str:
        result = self(command, key, other)
        assert isinstance(result.exception, SetupError), result.output
        return str(result.exception)


@pytest.fixture
def shell(
    conn: psycopg.Connection, settings_of_the_service: None, monkeypatch: pytest.MonkeyPatch
) -> Shell:
    """An operator's shell; one process has sealed with LOST already, and has stopped."""
    del settings_of_the_service  # is before
    start(conn, OLD)
    start(conn, LOST, OLD)
    return Shell(monkeypatch)


@pytest.mark.parametrize("other", [LOST, None], ids=["known", "lost"])
def test_another_rotation_begins_after_one_was_given_up(
    conn: psycopg.Connection, shell: Shell, other: bytes | None
) -> None:
    add_person(conn, OLD)
    with pytest.raises(SetupError, match="is not the next key") as refused:
        start(conn, THIRD, OLD)
    assert fingerprint(LOST).hex() in str(refused.value)
    assert "scserv keys give-up" in str(refused.value)
    assert "a rotation was begun to: " + fingerprint(LOST).hex() in shell("show", OLD, other).output

    done = shell("give-up", OLD, other)
    assert done.exit_code == 0, done.output
    assert f"the rotation to the key with fingerprint {fingerprint(LOST).hex()}" in done.output
    again = shell("give-up", OLD, other)
    assert (again.exit_code, "there is no next key" in again.output) == (0, True)

    start(conn, OLD)
    start(conn, THIRD, OLD)
    rotated = shell("rotate", THIRD, OLD)
    assert rotated.exit_code == 0, rotated.output
    assert vault_fingerprint(conn) == fingerprint(THIRD)
    assert opens(conn, THIRD)


def test_what_the_next_key_sealed_is_sealed_again(conn: psycopg.Connection, shell: Shell) -> None:
    add_person(conn, LOST)
    without = shell("give-up", OLD, None)
    assert without.exit_code == 1
    assert "1 value in subjects.number_sealed open with neither key" in without.output
    assert "set SCSERV_OTHER_VAULT_KEY to it here, and run this again" in without.output
    done = shell("give-up", OLD, LOST)
    assert (done.exit_code, done.output.startswith("1 value sealed again, of 1")) == (0, True)
    assert opens(conn, OLD)


def test_a_rotation_is_given_up_by_no_other_command(conn: psycopg.Connection, shell: Shell) -> None:
    add_person(conn, LOST)
    refused = shell.refused("rotate", OLD, LOST)
    assert f"{fingerprint(LOST).hex()}) is the next key: swap the two here" in refused
    assert "scserv keys give-up" in refused
    assert next_fingerprint(conn) == fingerprint(LOST)
    assert shell("rotate", LOST, OLD).exit_code == 0


def test_it_is_not_given_up_while_a_process_seals_with_the_next_key(
    conn: psycopg.Connection, shell: Shell
) -> None:
    process = OwnKeys.of("worker", VaultKeys(LOST, OLD), SUBJECT_KEY)
    process.report(conn)
    assert "1 process still seals with another key:\n    worker " in shell.refused(
        "give-up", OLD, LOST
    )
    assert next_fingerprint(conn) == fingerprint(LOST)
    assert shell("give-up", OLD, LOST, "--killed", process.process).exit_code == 0

    process.report(conn)  # it was alive after all
    assert "seals with a vault key that was retired" in process.problem(conn)
    with pytest.raises(SetupError, match=f"{fingerprint(LOST).hex()} was retired at "):
        start(conn, LOST, OLD)


def test_it_is_given_up_with_the_key_of_the_database_alone(
    conn: psycopg.Connection, shell: Shell
) -> None:
    refused = shell.refused("give-up", LOST, OLD)
    assert f"the key of the database (fingerprint {fingerprint(OLD).hex()})" in refused
    assert next_fingerprint(conn) == fingerprint(LOST)


def test_a_retired_key_seals_no_more_though_the_other_one_fits(
    conn: psycopg.Connection, shell: Shell
) -> None:
    """As a process has it whose keys were never swapped, or one that was stopped for long."""
    late = OwnKeys.of("worker", VaultKeys(OLD, THIRD), SUBJECT_KEY)
    assert shell("give-up", OLD, LOST).exit_code == 0
    start(conn, THIRD, OLD)
    assert late.problem(conn) == ""
    assert shell("rotate", THIRD, OLD).exit_code == 0
    for other in (THIRD, None):
        with pytest.raises(SetupError, match=f"{fingerprint(OLD).hex()} was retired at ") as said:
            start(conn, OLD, other)
        assert f"sealed with the key with fingerprint {fingerprint(THIRD).hex()}" in str(said.value)
    assert next_fingerprint(conn) is None
    assert "was retired at" in shell.refused("rotate", OLD, THIRD)
    assert "seals with a vault key that was retired" in late.problem(conn)
    start(conn, THIRD, OLD)


def test_a_retired_key_that_an_older_release_took_for_the_next_one_is_forgotten(
    conn: psycopg.Connection, shell: Shell
) -> None:
    assert shell("rotate", LOST, OLD).exit_code == 0
    conn.execute(
        "INSERT INTO key_checks VALUES ('SCSERV_VAULT_KEY (next)', %s)", [fingerprint(OLD)]
    )
    assert shell("rotate", LOST, OLD).exit_code == 0
    start(conn, THIRD, LOST)
