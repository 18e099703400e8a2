"""Kinds of poison, and a hand to put them where processes read them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from inbound.kafka.connection import KafkaConnection
from inbound.kafka.producer import Producer
from schemas.messages import MobileOriginated
from schemas.partitions import partition_of
from schemas.topics import PARTITIONS, TopicNames
from tests.fix_service import Service

Headers = list[tuple[str, bytes]]


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


TYPE = "ce_type"


def text(number: str, **fields: Any) -> bytes:
    """Return a text as the gateway would have stored it, but for `fields`."""
    mo = MobileOriginated(
        mo_id=uuid4(),
        centre="main",
        bind="main-1",
        source=number,
        destination="+79086228779",
        data_coding=0,
        esm_class=0,
        alphabet="gsm0338",
        payload=b"CLIENT info",
        arrived_at=datetime.now(UTC),
    )
    return json.dumps(json.loads(mo.to_json()) | fields).encode()


def result(key: bytes, **fields: Any) -> dict[str, Any]:
    """Return what happened to a message, as the gateway would have said it, but for `fields`."""
    return {
        "message_id": str(uuid4()),
        "subject_id": str(uuid4()),
        "request_id": str(uuid4()),
        "key": key.decode(),
        "purpose": "acknowledgement",
        "template": "acknowledgement",
        "outcome": "submitted",
        "parts": [{"status": 0, "smsc_message_id": "1"}],
        "centre": "main",
        "bind": "main-1",
        "at": datetime.now(UTC).isoformat(),
        **fields,
    }


def results(*some: Mapping[str, Any]) -> bytes:
    """Return a record of results."""
    return json.dumps({"gateway": "test", "results": some}).encode()


def long_ago() -> str:
    """Return a time from which an hour can't be taken away."""
    return (datetime.min.replace(tzinfo=UTC) + timedelta(minutes=1)).isoformat()


def put(
    service: Service,
    topic: str,
    values: Iterable[bytes | None],
    *,
    number: str,
    headers: Headers | None = None,
) -> list[Place]:
    """Store records under a number's key and in its partition; return where they stand."""
    producer, key = Producer(KafkaConnection(service.bootstrap)), service.key_of(number)
    partition = partition_of(key, PARTITIONS)
    sent = [
        producer.send(topic, value, key=key, headers=headers, partition=partition)
        for value in values
    ]
    producer.flush()
    producer.close()
    assert not [one.error for one in sent if one.error is not None]
    return [Place(topic, one.partition, one.offset) for one in sent]


def with_canaries(
    names: TopicNames, number: str, secrets: tuple[str, str, str]
) -> Iterator[tuple[str, bytes, Headers | None]]:
    """Yield topic, value and headers of records that nobody can process, canaries all over."""
    code, login, password = secrets
    headers = [(TYPE, f"{password} {number}".encode()), (login, password.encode())]
    # Any single word may be the name of a template or an alphabet, and is shown.
    words = f"{password} {number}"
    request = json.dumps(
        {"template": words, "purpose": password, "params": {login: number}, number: code}
    )
    half = {"reference": 1, "total": 2, "sequence": 1}
    values = {
        names.mo: (
            f'{{"source": "{number}", "payload": "{password}'.encode(),
            text(number, data_coding=password),
            text(f"{number} {password}"),
            text(number, alphabet=words),
            text(number, centre=f"\0{login}", part=half),  # PostgreSQL refuses it
            text(number, part={"reference": code, password: number}),
            text(number, arrived_at=password, **{password: number}),
        ),
        names.receipts: (
            f"{number} {password}".encode(),
            results({login: password, "key": number, "outcome": code}),
        ),
        names.mt_urgent: (f"{number} {password}".encode(), request.encode()),
        names.mt_normal: (request.encode("utf-16-be"),),
    }
    for topic, some in values.items():
        for value in some:
            yield topic, value, None
        yield topic, some[0], headers
