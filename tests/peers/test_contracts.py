"""A subscriber that knows only docs/asyncapi.json, with librdkafka for its Kafka client.

It holds every record of the public topics against the published contract: channel, key, headers,
value, and the number of partitions.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer
from jsonschema import Draft7Validator, FormatChecker

from tests.fix_service import Service, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCUMENT: Final[Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "asyncapi.json").read_text("utf-8")
)
TOMBSTONE: Final = ".tombstone"
POLL_S: Final = 0.1


@dataclass(slots=True)
class Subscriber:
    """Reads the public topics in a thread. `prefix` is that of the installation's topics."""

    bootstrap: str
    prefix: str
    topics: tuple[str, ...]
    records: list[Any] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def reading(self) -> Iterator[None]:
        thread = threading.Thread(target=self._read)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _read(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"contracts-{uuid4()}",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        consumer.subscribe([f"{self.prefix}{topic}" for topic in self.topics])
        try:
            while not self._stopping.is_set():
                message = consumer.poll(POLL_S)
                if message is not None and message.error() is None:
                    self.records.append(message)
        finally:
            consumer.close()

    def types(self) -> Counter[str]:
        """Return how many records of each type it has, without the common prefix."""
        names = (type_of(record).removeprefix("ru.scserv.") for record in tuple(self.records))
        return Counter(names)


def headers_of(record: Any) -> dict[str, str]:
    headers = [(name, value.decode()) for name, value in record.headers()]
    assert len(dict(headers)) == len(headers), "a header comes twice"
    return dict(headers)


def type_of(record: Any) -> str:
    type_ = headers_of(record)["ce_type"]
    return type_ if record.value() is not None else f"{type_}{TOMBSTONE}"


def check(record: Any, prefix: str, *, of: str | None = None) -> None:
    """Hold a record against the contract of its topic, or of the topic `of`."""
    address = of or record.topic().removeprefix(prefix)
    [channel] = [each for each in DOCUMENT["channels"].values() if each["address"] == address]
    name = type_of(record)
    assert name in channel["messages"], f"{name} is not described on {address}"
    message = DOCUMENT["components"]["messages"][name]
    headers = headers_of(record)
    assert headers.keys() <= message["headers"]["properties"].keys(), headers
    value = record.value()
    payload = None if value is None else json.loads(value)
    key = message["bindings"]["kafka"]["key"]
    checked = ((headers, message["headers"]), (payload, message["payload"]))
    for part, schema in (*checked, (record.key().decode(), key)):
        Draft7Validator(schema, format_checker=FormatChecker()).validate(part)
    # What the guide says about the attributes.
    subject, _, version = headers["ce_id"].rpartition("/")
    assert version.isdecimal()
    assert record.key().decode() == subject == headers.get("ce_subject", subject)
    if payload is not None and "subject_id" in payload:
        assert (payload["subject_id"], payload["version"]) == (subject, int(version))


def order(prefix: str, bootstrap: str, recipient: dict[str, str]) -> None:
    """Order a message as the guide says."""
    [channel] = [each for each in DOCUMENT["channels"].values() if "notify" in each["address"]]
    [name] = channel["messages"]
    message = DOCUMENT["components"]["messages"][name]
    payload = {"account": "crm", "text": "Заявка 4711 выполнена.", **recipient}
    headers = {
        "ce_specversion": "1.0",
        "ce_type": name,
        "ce_source": "/crm/cases",
        "ce_id": str(uuid4()),
        "content-type": "application/json",
    }
    for part, schema in ((payload, message["payload"]), (headers, message["headers"])):
        Draft7Validator(schema, format_checker=FormatChecker()).validate(part)
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(
        f"{prefix}{channel['address']}", json.dumps(payload).encode(), b"case-4711",
        headers=[(name, value.encode()) for name, value in headers.items()],
    )  # fmt: skip
    assert producer.flush(30) == 0


async def test_every_record_fits_the_published_contract(service: Service) -> None:
    prefix = service.names.events.removesuffix("sms.events.v1")
    topics = ("sms.events.v1", "sms.subscriptions.v1", "sms.log-heads.v1")
    subscriber = Subscriber(service.bootstrap, prefix, topics)
    assert (await service.command("accounts", "create", "crm", "--grant", "send", "--grant",
                                  "kafka")).status == 0  # fmt: skip
    with subscriber.reading():
        client = service.new_client()
        stranger = service.new_numbers(1)[0]
        for count, command in enumerate(("CLIENT info", "CLIENT sms stop", "CLIENT sms start"), 1):
            await service.text(client.number, command)
            await service.completed(client.number, requests=count)
        await service.text(stranger, "CLIENT info")
        await service.completed(stranger)
        for recipient in ({"to": client.number}, {"client_id": "nobody"}):
            await asyncio.to_thread(order, prefix, service.bootstrap, recipient)
        wanted = {"order.accepted.v1", "order.refused.v1"}
        await eventually(
            lambda: wanted <= subscriber.types().keys(), lambda: str(subscriber.types())
        )
        erased = await service.command(
            "erase", "--phone", client.number, "--reason", "test", "--yes"
        )
        assert erased.status == 0, erased.err
        await eventually(
            lambda: subscriber.types()[f"subscription.v1{TOMBSTONE}"] == 1, lambda: "no tombstone"
        )
        # When it stops, the relay publishes the heads of what it has published.
        await service.stop(service.one("relay"))
        await eventually(lambda: subscriber.types()["log.head.v1"] > 0, lambda: "no heads")
        published = service.value("SELECT count(*) FROM events")
        events = f"{prefix}sms.events.v1"
        await eventually(
            lambda: sum(one.topic() == events for one in subscriber.records) >= published,
            lambda: f"{published} events",
        )
    seen = subscriber.types()
    assert {"request.accepted.v1", "request.completed.v1", "person.erased.v1"} <= seen.keys()
    assert seen["subscription.v1"] == 2
    for record in subscriber.records:
        check(record, prefix)


async def test_a_replay_fits_the_contract_of_the_events(service: Service) -> None:
    client = service.new_client()
    topic = f"history-{uuid4()}"
    if not any(one.role == "relay" for one in service.running):
        await service.start("relay")
    await service.text(client.number, "CLIENT info")
    await service.completed(client.number)
    arguments = ("replay", "publish", "--to-topic", topic, "--since", "1h", "--create")
    done = await service.command(*arguments)
    assert done.status == 0, done.err
    published = service.value("SELECT count(*) FROM events")
    subscriber = Subscriber(service.bootstrap, "", (topic,))
    with subscriber.reading():
        await eventually(lambda: len(subscriber.records) >= published, lambda: f"{published}")
    for record in subscriber.records:
        assert headers_of(record)["ce_replay"]
        check(record, "", of="sms.events.v1")
