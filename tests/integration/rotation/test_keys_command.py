"""`scserv keys` as an operator runs it, beside processes that run, and one that was killed."""

import re
from collections.abc import Sequence

import psycopg
import pytest
from click.testing import CliRunner, Result

from inbound.cli import scserv
from inbound.errors import SetupError
from inbound.keys import VaultKeys, fingerprint
from inbound.store.access.index_keys import load_index_key
from inbound.store.access.key_checks import check_vault_key, vault_fingerprint
from inbound.store.access.process_keys import OwnKeys, list_keys
from tests.fix_store import SUBJECT_KEY, VAULT_KEY

pytestmark = pytest.mark.usefixtures("swapped")

NEW = bytes(range(100, 132))
OLD_ONLY, BEFORE, AFTER = VaultKeys(VAULT_KEY), VaultKeys(VAULT_KEY, NEW), VaultKeys(NEW, VAULT_KEY)


def keys(*arguments: str) -> Result:
    return CliRunner().invoke(scserv, ["keys", *arguments])


def refusal(*arguments: str) -> str:
    """Return why a command did nothing, which it prints with exit status 2."""
    result = keys(*arguments)
    assert isinstance(result.exception, SetupError), result.output
    return str(result.exception)


@pytest.fixture
def swapped(
    conn: psycopg.Connection, settings_of_the_service: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step 2 of the guide: the database knows both keys, and these settings seal with the new."""
    del settings_of_the_service  # is before
    check_vault_key(conn, fingerprint(VAULT_KEY), other=fingerprint(NEW))
    monkeypatch.setenv("SCSERV_OTHER_VAULT_KEY", VAULT_KEY.hex())
    monkeypatch.setenv("SCSERV_VAULT_KEY", NEW.hex())


def report(conn: psycopg.Connection, seconds_ago: int, **processes: VaultKeys) -> Sequence[str]:
    """Report keys as those processes did some seconds ago; return the names of the processes."""
    owned = [OwnKeys.of(role, of, SUBJECT_KEY) for role, of in processes.items()]
    for own in owned:
        own.report(conn)
        conn.execute(
            "UPDATE process_keys SET seen_at = now() - make_interval(secs => %s)"
            " WHERE process = %s",
            [seconds_ago, own.process],
        )
    return [own.process for own in owned]


def test_show_prints_whose_key_is_which(conn: psycopg.Connection) -> None:
    gateway, relay = report(conn, 20, gateway=OLD_ONLY, relay=BEFORE)
    old, new = fingerprint(VAULT_KEY).hex(), fingerprint(NEW).hex()
    load_index_key(conn, SUBJECT_KEY)  # as these processes did when they started
    subject, both = fingerprint(SUBJECT_KEY).hex(), f"opens with {new}, too"
    shown = keys("show")
    assert shown.exit_code == 0, shown.output
    assert re.sub(r"\d+ s ago", "a while ago", shown.output).splitlines() == [
        f"SCSERV_VAULT_KEY here: {new}",
        f"SCSERV_OTHER_VAULT_KEY here: {old}",
        f"SCSERV_SUBJECT_KEY here: {subject}",
        f"the database is sealed with: {old}",
        f"the database opens with the subject key: {subject}",
        f"{gateway} (reported a while ago): seals with {old}; subject key {subject}",
        f"{relay} (reported a while ago): seals with {old}, {both}; subject key {subject}",
    ]
    assert VAULT_KEY.hex() not in shown.output
    assert SUBJECT_KEY.hex() not in shown.output


def test_a_killed_process_holds_the_rotation_up_until_the_operator_names_it(
    conn: psycopg.Connection,
) -> None:
    worker, relay = report(conn, 20, worker=OLD_ONLY, relay=AFTER)
    refused = refusal("rotate")
    assert re.search(r"it counts for another 1\d\d s, or until you say so", refused)
    what, named, todo, *_, option = refused.split("\n")
    assert what == "1 process can't open what the new SCSERV_VAULT_KEY seals:"
    assert named.startswith(f"    {worker} (reported ")
    assert todo.startswith("Give every process the new key as SCSERV_OTHER_VAULT_KEY first")
    assert option == f"    --killed '{worker}'"

    mistaken = refusal("rotate", "--killed", worker, "--killed", "worker")
    assert "no process 'worker' has reported its keys in the last minutes" in mistaken
    assert [one.process for one in list_keys(conn)] == [relay, worker]

    done = keys("rotate", "--killed", worker)
    assert done.exit_code == 0, done.output
    assert "1 running process has the new key" in done.output


def test_a_process_that_was_called_killed_and_lives_is_noticed(conn: psycopg.Connection) -> None:
    worker, scheduler = report(conn, 20, worker=BEFORE, scheduler=BEFORE)
    refused = refusal("rotate", "--killed", worker)
    assert f"\n    {scheduler} (reported" in refused
    report(conn, 0, worker=BEFORE)  # as it does within a minute
    again = refusal("rotate", "--killed", scheduler)
    assert f"\n    {worker} (reported" in again


def test_a_rotation_before_the_keys_are_swapped_calls_no_key_the_old_one(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(conn, 0, worker=BEFORE)
    monkeypatch.setenv("SCSERV_VAULT_KEY", VAULT_KEY.hex())
    monkeypatch.setenv("SCSERV_OTHER_VAULT_KEY", NEW.hex())
    refused = refusal("rotate")
    assert f"SCSERV_OTHER_VAULT_KEY ({fingerprint(NEW).hex()}) was never the key" in refused
    assert "swap the two for every process" in refused
    assert vault_fingerprint(conn) == fingerprint(VAULT_KEY)


def test_a_rotation_that_is_done_says_so_again(conn: psycopg.Connection) -> None:
    report(conn, 0, worker=AFTER)
    assert keys("rotate").exit_code == 0
    again = keys("rotate")
    assert again.exit_code == 0, again.output
    assert "nothing is sealed with SCSERV_OTHER_VAULT_KEY any more" in again.output
