"""The past of a running service: decided again, and handed to a new subscriber."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from schemas.cloudevents import header
from tests.fix_service import Service
from tests.integration.replay.reading import read_all
from tests.unit.templates.test_catalogue import BUILT_IN

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def scserv(service: Service, *arguments: object) -> tuple[int, str]:
    """Run a command as the operator of this service would; return its status and output."""
    ran = await service.command(*map(str, arguments))
    assert ran.err == ""
    return ran.status, ran.out


async def history(service: Service) -> None:
    """Two clients and a stranger, three commands each; all requests completed."""
    clients = [service.new_client().number for _ in range(2)]
    numbers = [*clients, *service.new_numbers(1)]
    for text in ("CLIENT info", "CLIENT sms stop", "CLIENT sms start"):
        await asyncio.gather(*(service.text(number, text) for number in numbers))
    await service.completed(*numbers, requests=3)


async def test_replay_diff_reports_a_changed_policy(service: Service, tmp_path: Path) -> None:
    await history(service)
    requests = service.value("SELECT count(*) FROM events WHERE type = 'request.accepted'")
    status, out = await scserv(service, "replay", "diff", "--since", "1h", "--json")
    same = json.loads(out)
    assert (status, same["kinds"]) == (0, {})
    assert (same["commands"], same["results"]) == (requests, 2 * requests)

    rules, texts = tmp_path / "rules.toml", tmp_path / "texts.toml"
    rules.write_text('[policies]\nunknown_number = "silent"\ncommands_per_hour = 2\n', "utf-8")
    texts.write_text(
        BUILT_IN.read_text("utf-8").replace("СМС-оповещения включены", "Включено"),
        "utf-8",
    )
    status, out = await scserv(
        service,
        *("replay", "diff", "--since", "1h", "--json"),
        *("--settings", rules, "--templates", texts),
    )
    assert status == 1
    assert json.loads(out)["kinds"] == {"limited": 2, "silent": 3, "text": 2}


async def test_replay_publish_feeds_a_new_subscriber(service: Service) -> None:
    await history(service)
    topic = f"history-of-{service.names.events.removesuffix('sms.events.v1')}new"
    status, out = await scserv(
        service,
        *("replay", "publish", "--to-topic", topic, "--since", "1h", "--create"),
        *("--replay-id", "for-a-newcomer"),
    )
    assert status == 0, out
    replayed = await asyncio.to_thread(read_all, service.bootstrap, topic)
    live = await asyncio.to_thread(published, service, len(replayed))
    await asyncio.to_thread(admin.delete, KafkaConnection(service.bootstrap), [topic])
    assert {header(record.headers, "ce_replay") for record in replayed} == {"for-a-newcomer"}
    assert sorted(map(alike, replayed)) == sorted(map(alike, live))
    # One key has one partition here and there, and its events are in the same order.
    for partition in {record.partition for record in replayed}:
        here, there = (
            [alike(record) for record in records if record.partition == partition]
            for records in (replayed, live)
        )
        assert here == there


def published(service: Service, at_least: int) -> list[Any]:
    """The live topic; the relay may be a moment behind."""
    return read_all(service.bootstrap, service.names.events, at_least)


def alike(record: Any) -> tuple[object, ...]:
    """Everything of a record that a replay leaves as it was."""
    headers = [pair for pair in record.headers if pair[0] != "ce_replay"]
    return record.key, record.value, tuple(headers)
