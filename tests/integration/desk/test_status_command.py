"""`scserv status` says what the desk's status page says."""

import asyncio
import json
import os
import re
import socket
import subprocess

import pytest
from click.testing import CliRunner, Result

from inbound.cli.status import status
from inbound.desk.status.bounded_reading import BoundedReading
from inbound.errors import MissingSettingError
from inbound.local.spawning import SCSERV
from inbound.store.connections import connect
from inbound.store.errors import StoreUnavailable
from tests.fix_store import BOUND, SUBJECT_KEY, VAULT_KEY
from tests.patience import PATIENCE_S

NOWHERE = "127.0.0.1:9"


def run(database_url: str, *arguments: str, **kafka: str) -> Result:
    env = {
        "SCSERV_DATABASE_URL": database_url,
        "SCSERV_KAFKA_BOOTSTRAP_SERVERS": NOWHERE,
        "SCSERV_SUBJECT_KEY": SUBJECT_KEY.hex(),
        "SCSERV_VAULT_KEY": VAULT_KEY.hex(),
        "LC_ALL": "C.UTF-8",
        **kafka,
    }
    return CliRunner().invoke(status, arguments, env=env)


def test_what_clients_notice_comes_first_and_ends_with_status_1(own_desk_url: str) -> None:
    with connect(own_desk_url, "tests") as conn:
        conn.execute(BOUND)
    ran = run(own_desk_url)
    assert ran.exit_code == 1, ran.output
    lines = ran.output.splitlines()
    assert lines[0] == "CLIENTS NOTICE: Kafka does not answer."
    assert f"why: no Kafka at {NOWHERE}: Connection refused" in lines
    assert "nothing is lost" in lines[1]
    assert "to do: No projector is running: the look-up tables are not kept up to date." in lines
    russian = run(own_desk_url, "--lang", "ru").output.splitlines()
    assert russian[0].startswith("ЗАМЕТНО КЛИЕНТАМ: Kafka не отвечает")
    told = json.loads(run(own_desk_url, "--json").output)
    assert told["well"] is False
    assert told["alarms"][0]["noticed_by_clients"]


def test_a_kafka_that_is_slow_is_no_outage(
    own_desk_url: str, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting takes seconds on a busy machine: a question that is late says nothing."""
    monkeypatch.setattr("inbound.cli._sources.COLD_WITHIN_S", 0.001)
    output = run(own_desk_url, SCSERV_KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap).output
    assert "Kafka" not in output
    assert "not known now: what waits for the workers" in output


def test_a_refusal_of_kafka_is_told_with_its_reason(
    own_desk_url: str, kafka_bootstrap: str
) -> None:
    kafka = {
        "SCSERV_KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "SCSERV_KAFKA_SECURITY_PROTOCOL": "SSL",
    }
    lines = run(own_desk_url, **kafka).output.splitlines()
    refused = "Kafka can't be used: it refuses this service, or is not trusted."
    assert f"CLIENTS NOTICE: {refused}" in lines
    assert any(line.startswith("why: Kafka at ") and "no TLS there" in line for line in lines)


def test_it_counts_the_processes_and_misses_one_that_was_killed(own_desk_url: str) -> None:
    with connect(own_desk_url, "tests") as conn:
        conn.execute(
            "INSERT INTO process_keys (process, fingerprint, seen_at) VALUES"
            " ('api a-1', 'x', now()), ('api a-2', 'x', now()),"
            " ('desk a-3', 'x', now() - interval '10 min')"
        )
    lines = run(own_desk_url).output.splitlines()
    assert "to do: No desk is running: the last one reported 10 min ago." in lines
    assert (
        "processes that reported within the last minutes: api 2, desk 0 (the last 10 min ago)"
        in lines
    )
    assert not any("No api" in line for line in lines)
    told = json.loads(run(own_desk_url, "--json").output)
    assert [(one["role"], one["running"]) for one in told["processes"]] == [("api", 2), ("desk", 0)]


def test_a_process_whose_report_is_overdue_does_not_count_as_running(own_desk_url: str) -> None:
    """A report comes every 60 s. One that is 70 s old may come from a slow machine."""
    with connect(own_desk_url, "tests") as conn:
        conn.execute(
            "INSERT INTO process_keys (process, fingerprint, seen_at) VALUES"
            " ('worker a-1', 'x', now() - interval '70 s'),"
            " ('worker a-2', 'x', now() - interval '80 s'),"
            " ('api a-3', 'x', now() - interval '140 s'),"
            " ('worker a-4', 'x', now() - interval '160 s')"
        )
    lines = run(own_desk_url).output.splitlines()
    silent = [line for line in lines if "not been heard from" in line]
    assert [re.sub(r"\d+(?= s)", "N", line) for line in silent] == [
        "to do: api a-3 has not been heard from for N s.",
        "to do: worker a-2 has not been heard from for N s.",
    ]
    assert "processes that reported within the last minutes: api 0, worker 1" in lines
    assert not any("No api" in line for line in lines)
    told = json.loads(run(own_desk_url, "--json").output)
    assert [one["process"] for one in told["silent"]] == ["api a-3", "worker a-2"]
    russian = run(own_desk_url, "--lang", "ru").output
    assert "worker a-2 не сообщает о себе уже" in russian


def test_it_answers_without_a_database() -> None:
    ran = run(f"postgresql://scserv@{NOWHERE}/scserv")
    assert ran.exit_code == 1
    assert "CLIENTS NOTICE: PostgreSQL does not answer." in ran.output


def test_it_says_what_it_does_not_know_while_the_database_hangs() -> None:
    """A server that accepts connections and says nothing, as a PostgreSQL that was stopped."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # It would wait 3 s for each of three addresses.
        port = silent.getsockname()[1]
        hosts = ",".join([f"127.0.0.1:{port}"] * 3)
        url = f"postgresql://scserv@{hosts}/scserv"
        ran = subprocess.run(
            [*SCSERV, "status"],
            env={
                **os.environ,
                "SCSERV_DATABASE_URL": url,
                "SCSERV_KAFKA_BOOTSTRAP_SERVERS": NOWHERE,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    assert ran.returncode == 1, ran.stderr
    lines = ran.stdout.splitlines()
    assert "CLIENTS NOTICE: PostgreSQL does not answer." in lines
    (why,) = [line for line in lines if line.startswith("why: PostgreSQL ")]
    assert f"127.0.0.1:{port}" in why
    assert "has not answered within 6 s" in why
    (unknown,) = [line for line in lines if line.startswith("not known now: ")]
    for name in "what waits for the workers", "binds", "dead letters", "the last hour":
        assert name in unknown


async def test_readings_of_a_source_that_hangs_do_not_pile_up() -> None:
    answer, begun = asyncio.Event(), []

    async def read() -> int:
        begun.append(True)
        await answer.wait()
        return len(begun)

    bounded = BoundedReading("db/scserv", 0.01)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="db/scserv has not answered within"):
            await bounded.read(read)
    assert len(begun) == 1
    answer.set()
    await asyncio.sleep(0)  # the first reading ends
    assert await bounded.read(read) == 2


def test_it_says_why_the_database_is_unavailable(own_desk_url: str) -> None:
    wrong = own_desk_url.replace("?", "_that_is_missing?")
    lines = run(wrong).output.splitlines()
    (why,) = [line for line in lines if line.startswith("why: PostgreSQL ")]
    assert "has no database of this name" in why
    assert "has no database of this name" in json.loads(run(wrong, "--json").output)["database"]


def test_a_shell_that_does_not_name_kafka_raises_no_alarm(own_desk_url: str) -> None:
    env = {"SCSERV_DATABASE_URL": own_desk_url, "SCSERV_KAFKA_BOOTSTRAP_SERVERS": ""}
    ran = CliRunner().invoke(status, env=env)
    assert isinstance(ran.exception, MissingSettingError)
    assert "SCSERV_KAFKA_BOOTSTRAP_SERVERS" in str(ran.exception)
    assert "CLIENTS NOTICE" not in ran.output
