"""`scserv replay publish` to a real Kafka."""

import asyncio
import json
import secrets
import shlex
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.records import of_event
from inbound.store.connections import connect
from inbound.store.log import replay_inputs
from inbound.store.transactions.postgres import PostgresStore
from schemas.cloudevents import header
from schemas.topics import PARTITIONS, TopicSpec
from tests import forks
from tests.fix_orders import intake_on, order
from tests.integration.replay.conftest import ROOT, Scserv
from tests.integration.replay.reading import read_all
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.usefixtures("answered")


@pytest.fixture
def topic(kafka_bootstrap: str) -> Iterator[str]:
    """A name of this test alone; nothing is created."""
    name = f"history-{secrets.token_hex(6)}"
    yield name
    admin.delete(KafkaConnection(kafka_bootstrap), [name])


@pytest.fixture
def publish(scserv: Scserv, kafka_bootstrap: str, topic: str) -> Scserv:
    """Run `scserv replay publish` of the last hour."""

    def run(*arguments: object) -> forks.Ran:
        return scserv(
            *("replay", "publish", "--to-topic", topic, "--since", "1h", *arguments),
            SCSERV_KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap,
        )

    return run


def spec(topic: str, **config: str) -> TopicSpec:
    named = {name.replace("_", "."): value for name, value in config.items()}
    return TopicSpec(topic, 3, named, internal=False, what="")


def versions(records: list[Any]) -> dict[str, list[int]]:
    by_subject = defaultdict(list)
    for record in records:
        subject, version = str(header(record.headers, "ce_id")).split("/")
        assert record.key == subject.encode()
        by_subject[subject].append(int(version))
    return by_subject


def test_a_new_subscriber_gets_all_of_it_as_it_was_but_for_the_mark(
    publish: Scserv, kafka_bootstrap: str, topic: str, database_url: str
) -> None:
    done = publish("--create", "--replay-id", "first-fill")
    assert (done.status, done.err) == (0, "")
    with connect(database_url, "tests") as conn:
        span = replay_inputs.find_span(conn, replay_inputs.EARLIEST, replay_inputs.LATEST)
        recorded = replay_inputs.read_events_between(conn, span, 1000)
    created, published = done.out.splitlines()
    assert created == f"created {topic}"
    assert published == (
        f"published {len(recorded)} events to {topic}, up to position {len(recorded)}; "
        "replay first-fill"
    )
    records = read_all(kafka_bootstrap, topic)
    assert {record.partition for record in records} <= set(range(PARTITIONS))
    by_id = {header(record.headers, "ce_id"): record for record in records}
    assert len(by_id) == len(records) == len(recorded)
    for event in recorded:
        record = by_id[f"{event.stream_id}/{event.version}"]
        expected = of_event(event, topic)
        headers = [pair for pair in record.headers if pair[0] != "ce_replay"]
        assert headers == expected["headers"]
        assert (record.key, record.value) == (expected["key"], expected["value"])
        assert header(record.headers, "ce_replay") == "first-fill"
    assert all(one == sorted(one) for one in versions(records).values())


def test_only_the_types_that_are_wanted(publish: Scserv, kafka_bootstrap: str, topic: str) -> None:
    assert publish("--create", "--types", "request.accepted, request.completed").status == 0
    types = [str(header(r.headers, "ce_type")) for r in read_all(kafka_bootstrap, topic)]
    assert set(types) == {"ru.scserv.request.accepted.v1", "ru.scserv.request.completed.v1"}
    assert len(types) == 12
    done = publish("--types", "request.acepted")
    assert done.status == 2
    assert "'request.acepted' is not an event type; did you mean request.accepted?" in done.err


async def test_orders_are_published_as_any_event(
    publish: Scserv, kafka_bootstrap: str, topic: str, postgres_store: PostgresStore
) -> None:
    placed = await intake_on(postgres_store).place([order(), order(client_id="c-404")])
    done = await asyncio.to_thread(
        publish, "--create", "--since", "2001-01-01", "--types", "order.accepted, order.refused"
    )
    assert done.status == 0, done.err
    records = read_all(kafka_bootstrap, topic)
    assert {str(header(record.headers, "ce_type")) for record in records} == {
        "ru.scserv.order.accepted.v1",
        "ru.scserv.order.refused.v1",
    }
    ids = {json.loads(record.value)["order_id"] for record in records}
    assert ids == {str(one.order_id) for one in placed}


def test_topic_is_created_only_with_the_option(
    publish: Scserv, kafka_bootstrap: str, topic: str
) -> None:
    done = publish()
    assert (done.status, done.out) == (2, "")
    assert "the topic does not exist; create it, or use --create" in done.err
    # One that its owner made is taken as it is.
    admin.apply(KafkaConnection(kafka_bootstrap), [spec(topic, retention_ms="1000000")], 1)
    taken = publish("--create")
    assert taken.out.startswith("published")
    assert f"{topic} has 3 partitions, sms.events.v1 has {PARTITIONS}" in taken.err
    assert (
        admin.check(KafkaConnection(kafka_bootstrap), [spec(topic, retention_ms="1000000")]) == []
    )


def test_a_compacted_topic_would_lose_history(
    publish: Scserv, kafka_bootstrap: str, topic: str
) -> None:
    admin.apply(KafkaConnection(kafka_bootstrap), [spec(topic, cleanup_policy="compact")], 1)
    done = publish()
    assert done.status == 2
    assert "its cleanup.policy is compact, which keeps only the last event" in done.err
    assert read_all(kafka_bootstrap, topic) == []


def test_a_live_topic_is_refused_before_anything_is_asked(scserv: Scserv) -> None:
    done = scserv("replay", "publish", "--to-topic", "x.sms.mt.bulk.v1", "--since", "1h")
    assert done.status == 2
    assert "sms.mt.bulk.v1 is a live topic" in done.err


def test_stopped_by_ctrl_c_it_says_how_to_go_on_and_nothing_is_missing(
    kafka_bootstrap: str, topic: str, database_url: str, tmp_path: Path, scserv: Scserv
) -> None:
    admin.apply(KafkaConnection(kafka_bootstrap), [spec(topic)], 1)
    environment = {
        "PYTHONPATH": str(ROOT),
        "SCSERV_DATABASE_URL": database_url,
        "SCSERV_KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
    }
    command = [sys.executable, "-m", "inbound.cli", "replay", "publish"]
    command += ["--to-topic", topic, "--since", "1h", "--rate", "1"]
    command += ["--data-dir", str(tmp_path / "some where")]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as first:
        read_all(kafka_bootstrap, topic, at_least=2)
        first.send_signal(signal.SIGINT)
        out, _ = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 130
    how = out.decode().splitlines()
    begun = read_all(kafka_bootstrap, topic)
    position = len(begun)
    assert f"up to position {position}; resume with:" in how[0]
    assert how[0].startswith(f"published {position} event")
    assert how[1].startswith(f"scserv replay publish --to-topic {topic} --since ")
    assert "--rate 1" in how[1]
    again = shlex.split(how[1])[1:]
    assert again[-2:] == ["--data-dir", str(tmp_path / "some where")]
    at = again.index("--rate")
    done = scserv(*again[:at], *again[at + 2 :], SCSERV_KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap)
    assert done.status == 0, done.err
    assert "has 3 partitions" in done.err, "the test's topic has fewer than the log's"
    records = read_all(kafka_bootstrap, topic)
    for subject, found in versions(records).items():
        assert found == list(range(1, len(found) + 1)), subject
    assert len({header(record.headers, "ce_replay") for record in records}) == 1


def test_a_broker_that_is_not_there_is_one_line(scserv: Scserv, topic: str) -> None:
    done = scserv(
        *("replay", "publish", "--to-topic", topic, "--since", "1h"),
        SCSERV_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
    )
    assert done.status == 2
    assert "no Kafka at 127.0.0.1:1" in done.err
    assert (
        "SCSERV_KAFKA_BOOTSTRAP_SERVERS is not set"
        in scserv("replay", "publish", "--to-topic", topic, "--since", "1h").err
    )


def test_publish_loads_no_sender_and_reads_no_key(
    kafka_bootstrap: str, topic: str, database_url: str, tmp_path: Path, conn: psycopg.Connection
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("never-read", "utf-8")
    report = tmp_path / "report.json"
    subprocess.run(
        [
            *(sys.executable, "-m", "tests.integration.replay.watched", report),
            *("replay", "publish", "--to-topic", topic, "--since", "1h", "--create"),
        ],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(ROOT),
            "SCSERV_DATABASE_URL": database_url,
            "SCSERV_KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
            "SCSERV_VAULT_KEY_FILE": str(secret),
            "SCSERV_SMPP__PASSWORD_FILE": str(secret),
        },
        check=True,
        timeout=PATIENCE_S,
    )
    seen = json.loads(report.read_text("utf-8"))
    assert seen["status"] == 0
    assert str(secret) not in seen["opened"]
    rooms = {".".join(name.split(".")[:2]) for name in seen["modules"]}
    assert not rooms & {"inbound.outbox", "inbound.local", "inbound.templates"}
    sending = "esme", "session", "listener", "_connection", "_window", "_answering"
    assert not {f"inbound.smpp.{name}" for name in sending} & set(seen["modules"])
    assert not {name.split(".")[0] for name in seen["modules"]} & {"streams", "faust", "aiokafka"}
