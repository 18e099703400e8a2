"""`scserv log recover` beside a service that runs: it names the processes and does nothing."""

import psycopg
import pytest
from click.testing import CliRunner

from inbound.cli import _log_recovery, scserv
from inbound.errors import SetupError
from inbound.keys import VaultKeys
from inbound.store.access.process_keys import OwnKeys
from inbound.store.connections import connect
from tests.fix_store import (  # noqa: F401  fixtures
    SUBJECT_KEY,
    VAULT_KEY,
    conn,
    database_url,
    migrated_template,
    settings_of_the_service,
)

NOWHERE = "127.0.0.1:1"
"""It refuses before it asks Kafka."""


@pytest.mark.usefixtures("settings_of_the_service")
def test_it_refuses_while_a_process_runs_and_names_it(
    conn: psycopg.Connection,  # noqa: F811
    database_url: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCSERV_KAFKA_BOOTSTRAP_SERVERS", NOWHERE)
    # Not at once: the command's first session may still be ending.
    monkeypatch.setattr(_log_recovery, "_ENDS_WITHIN_S", 1.0)
    worker = OwnKeys.of("worker", VaultKeys(VAULT_KEY), SUBJECT_KEY)
    worker.report(conn)
    arguments = ["log", "recover", "--reason", "the disk broke", "--yes"]
    with connect(database_url, "scserv worker"):
        refused = CliRunner().invoke(scserv, arguments)
    assert isinstance(refused.exception, SetupError)
    first, connected, reported, last = str(refused.exception).split("\n")
    assert first == "the service is not stopped, and nothing was changed. These run:"
    assert connected.startswith("    scserv worker")
    assert connected.endswith(", connected to the database")
    assert reported.startswith(f"    {worker.process} (reported ")
    assert last.startswith("Stop every process but PostgreSQL and Kafka")
