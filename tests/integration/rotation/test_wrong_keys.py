"""A command that needs a key refuses a wrong one at once: nothing is read, printed or changed."""

from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.errors import SetupError
from inbound.keys import fingerprint
from inbound.store.access.index_keys import load_index_key
from inbound.store.access.key_checks import check_vault_key
from tests.fix_store import SUBJECT_KEY, VAULT_KEY

WRONG = bytes(range(200, 232))
URL = "https://example.org/sms"
BROADCAST = str(UUID(int=1))
SEALING = (
    ("clients", "import", "clients.csv", "--yes"),
    ("clients", "addresses", "addresses.csv", "--channel", "mail"),
    ("callbacks", "set", "default", URL),
    ("callbacks", "rotate", "default"),
    ("notify", "--phone", "+79161234567", "--text", "x"),
    ("timeline", "--phone", "+79161234567"),
    ("deadletters", "list"),
)
OPENING = (
    ("messages", "--account", "default"),
    ("registrations", "list"),
    ("broadcast", "show", BROADCAST),
    ("broadcast", "excluded", BROADCAST),
    ("broadcast", "recipients", BROADCAST),
    ("keys", "status"),
    ("keys", "rotate"),
    ("keys", "give-up"),
)
HASHING = (("users", "password", "anna"), ("accounts", "credentials", "default"))


@pytest.fixture(autouse=True)
def used(
    settings_of_the_service: None,
    conn: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A database that was used with its own keys, and files to import."""
    del settings_of_the_service  # is before
    check_vault_key(conn, fingerprint(VAULT_KEY))
    load_index_key(conn, SUBJECT_KEY)
    monkeypatch.chdir(tmp_path)
    header = "msisdn,client_id,personal_code,login,password"
    Path("clients.csv").write_text(f"{header}\n+79161234567,C-1,1234,ivanov,secret1\n")
    Path("addresses.csv").write_text("client_id,address\nC-1,ivanov@example.org\n")
    monkeypatch.setenv("SCSERV_OTHER_VAULT_KEY", bytes(range(100, 132)).hex())


def refused(words: tuple[str, ...], key: str) -> None:
    ran = CliRunner().invoke(scserv, words)
    assert isinstance(ran.exception, SetupError), ran.output
    assert str(ran.exception).startswith(f"{key} does not fit this database")
    assert ran.output == ""


@pytest.mark.parametrize("words", SEALING + HASHING, ids=" ".join)
def test_a_wrong_subject_key_is_refused_at_once(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCSERV_SUBJECT_KEY", WRONG.hex())
    refused(words, "SCSERV_SUBJECT_KEY")


@pytest.mark.parametrize("words", SEALING + OPENING, ids=" ".join)
def test_a_wrong_vault_key_is_refused_at_once(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCSERV_VAULT_KEY", WRONG.hex())
    refused(words, "SCSERV_VAULT_KEY")
