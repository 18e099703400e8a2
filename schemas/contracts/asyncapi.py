"""Makes the AsyncAPI 3.1 document of the public topics from the released record.

Source: AsyncAPI Specification 3.1.0, and its Kafka bindings 0.5.0. Payloads are Schema
Objects, a superset of JSON Schema draft 7; the published schemas use nothing newer.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from schemas.chain import metadata_digest
from schemas.cloudevents import TYPE_PREFIX, Attributes, to_headers
from schemas.contracts.catalogue import CHANNELS, CONTRACTS, Flow, PublicTopic
from schemas.contracts.examples import METADATA, NOON, POSITION, SUBJECT, TRACEPARENT
from schemas.contracts.published import FLOW, TOPICS, Schema
from schemas.contracts.released import ReleaseRecord
from schemas.contracts.rules import split

Json = dict[str, Any]

VERSION: Final = "3.1.0"
TOMBSTONE: Final = ".tombstone"
"""The end of the name of a message that is a record without a value."""

BINDING: Final = "0.5.0"

_NOT_IN_A_PAYLOAD: Final = {"$schema", "$id", FLOW, TOPICS, "examples"}
_NUMBERS: Final = {
    "retention.ms",
    "retention.bytes",
    "delete.retention.ms",
    "max.compaction.lag.ms",
    "segment.ms",
    "segment.bytes",
}

_ABOUT: Final = """\
Everything that happens to a text message sent to the service, as CloudEvents 1.0 in Kafka's \
binary mode: attributes are headers, the value is JSON.

* A record can arrive twice. The events of a subject are numbered: keep the last `ce_id` of each \
subject and skip records that are not newer.
* Ignore fields and types that you don't know, because releases add both. Lists of known values \
are open: expect unknown values.
* An optional field may be missing and is never `null`. If it has a default, a missing field \
means that default.
* A subject is a random id. No record that the service publishes has a number, a text or a secret.
* On `sms.notify.v1` other services order messages; its headers are those of their own CloudEvents.

docs/SUBSCRIBERS.md is the guide, with the JSON Schemas of all types."""

_HEADERS: Final[Mapping[str, Json]] = {
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_id": {
        "type": "string",
        "description": "the subject and the version of its stream: `SUBJECT/VERSION`; of a log "
        "head `CHAIN/POSITION`. A redelivered record has the same id",
    },
    "ce_source": {"type": "string", "description": "one for each topic"},
    "ce_type": {"type": "string", "description": "type and version; one JSON Schema each"},
    "ce_time": {
        "type": "string",
        "format": "date-time",
        "description": "when it was recorded in the event log, in UTC",
    },
    "ce_subject": {
        "type": "string",
        "format": "uuid",
        "description": "the subject, as in the key; a log head has none",
    },
    "ce_replay": {
        "type": "string",
        "description": "only in a replay: its id. What history was asked for, not news",
    },
    "ce_position": {
        "type": "string",
        "pattern": "^[1-9][0-9]*$",
        "description": "of an event in the version it was written in: its place in the event log, "
        "which counts all events from 1 without a gap",
    },
    "ce_metadatadigest": {
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
        "description": "beside `ce_position`: SHA-256 of the metadata that the log keeps with "
        "the event; with it the event's digest can be computed",
    },
    "traceparent": {
        "type": "string",
        "description": "W3C Trace Context of the request; under this name OpenTelemetry's "
        "Kafka instrumentations look for it",
    },
    "content-type": {"type": "string", "const": "application/json"},
}
_OF_WRITERS: Final[Mapping[str, Json]] = {
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_id": {
        "type": "string",
        "description": "unique together with `ce_source`: a record with the same two is the same "
        "order. If it is a random UUID, the order's id can be computed from it "
        "(docs/SUBSCRIBERS.md)",
    },
    "ce_source": {"type": "string", "description": "names your service"},
    "ce_type": _HEADERS["ce_type"],
    "traceparent": _HEADERS["traceparent"],
    "content-type": _HEADERS["content-type"],
}
_OPTIONAL: Final = {"ce_replay", "ce_position", "ce_metadatadigest", "traceparent"}
_EXAMPLE_ID: Final = "1f0c0a2e-6f7b-4c1d-8a35-9e2b7c4d5f60"
_NOT_EVERYWHERE: Final = {"ce_subject", *_OPTIONAL}


def document(record: ReleaseRecord) -> Json:
    """Return the whole document as a JSON object."""
    channels = [channel for channel in CHANNELS if channel.topic in record.topics]
    return {
        "asyncapi": VERSION,
        "id": "urn:scserv",
        "info": {"title": "Topics of SCSERV", "version": "1", "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "The Kafka of the installation; its operators give you the "
                "bootstrap servers, access, and the prefix of the topics if there is one "
                "(`SCSERV_TOPIC_PREFIX`). docs/SUBSCRIBERS.md has the TLS settings and ACLs.",
                "variables": {"bootstrap": {"default": "localhost:9092"}},
            }
        },
        "channels": {channel.name: _channel(channel, record) for channel in channels},
        "operations": {
            operation: body for channel in channels for operation, body in _operation(channel)
        },
        "components": {
            "messages": {
                name: message
                for channel in channels
                for name, message in _messages(channel, record)
            }
        },
    }


def _types_on(topic: str, record: ReleaseRecord) -> dict[str, Schema]:
    """Return the public types of a topic, in the usual order of a request."""
    order = {split(contract.name)[0]: place for place, contract in enumerate(CONTRACTS)}

    def place(name: str) -> tuple[int, int]:
        type_, version = split(name)
        return order.get(type_, len(order)), -version

    return {
        name: record.types[name]
        for name in sorted(record.types, key=place)
        if topic in record.types[name][TOPICS] and record.types[name][FLOW] != Flow.INTERNAL
    }


def _channel(channel: PublicTopic, record: ReleaseRecord) -> Json:
    spec = record.topics[channel.topic]
    configuration = {
        key: int(value) if key in _NUMBERS else value for key, value in spec["config"].items()
    }
    configuration["cleanup.policy"] = spec["config"]["cleanup.policy"].split(",")
    return {
        "address": channel.topic,
        "title": channel.title,
        "description": channel.what,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"}
            for name, _ in _messages(channel, record)
        },
        "bindings": {
            "kafka": {
                "topic": channel.topic,
                "partitions": spec["partitions"],
                "topicConfiguration": configuration,
                "bindingVersion": BINDING,
            }
        },
    }


def _operation(channel: PublicTopic) -> list[tuple[str, Json]]:
    is_read = channel.source is None
    body = {
        "action": "receive" if is_read else "send",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": f"The service {'reads' if is_read else 'publishes to'} {channel.topic}.",
    }
    return [(f"{'read' if is_read else 'publish'}-{channel.name}", body)]


def _messages(channel: PublicTopic, record: ReleaseRecord) -> Iterator[tuple[str, Json]]:
    for name, schema in _types_on(channel.topic, record).items():
        yield name, _message(name, schema, channel)
        if name == channel.tombstones_of:
            yield f"{name}{TOMBSTONE}", _tombstone(name, schema, channel)


def _tombstone(name: str, schema: Schema, channel: PublicTopic) -> Json:
    """Describe a record without a value; its headers are those of the type."""
    message = _message(name, schema, channel)
    (example,) = message["examples"]
    return {
        **message,
        "name": f"{name}{TOMBSTONE}",
        "title": f"{message['title']}: tombstone",
        "summary": "The person was erased: do not text this subject. The record has no value.",
        "description": "Kafka keeps it for a day. Its `ce_id` has the version of `person.erased`; "
        "no record of this subject follows.",
        "payload": {"type": "null"},
        "examples": [{"headers": example["headers"], "payload": None}],
    }


def _message(name: str, schema: Schema, channel: PublicTopic) -> Json:
    type_, version = split(name)
    summary, _, more = schema["description"].partition("\n\n")
    properties = {
        key: dict(value)
        for key, value in (_OF_WRITERS if channel.source is None else _HEADERS).items()
        if key not in _NOT_EVERYWHERE or key in channel.headers
    }
    key = {"type": "string", "format": channel.key_format, "description": channel.key}
    if channel.source is not None:
        properties["ce_source"]["const"] = channel.source
    properties["ce_type"]["const"] = name
    payload = {key: value for key, value in schema.items() if key not in _NOT_IN_A_PAYLOAD}
    return {
        "name": name,
        "title": f"{type_}, version {version}",
        "summary": " ".join(summary.split()),
        **({"description": " ".join(more.split())} if more else {}),
        "headers": {
            "type": "object",
            "properties": properties,
            "required": [key for key in properties if key not in _OPTIONAL],
        },
        "payload": payload,
        "bindings": {
            "kafka": {
                "key": {name: value for name, value in key.items() if value is not None},
                "bindingVersion": BINDING,
            }
        },
        "examples": [
            {"headers": _example_headers(name, channel, example), "payload": example}
            for example in schema.get("examples", ())
        ],
    }


def _example_headers(name: str, channel: PublicTopic, payload: Json) -> Json:
    type_ = name.removeprefix(TYPE_PREFIX)
    if channel.source is None:
        attributes = Attributes(
            id=_EXAMPLE_ID, type=type_, source="/crm/cases", traceparent=TRACEPARENT
        )
    elif "ce_subject" in channel.headers:
        digested = "ce_position" in channel.headers
        attributes = Attributes(
            id=f"{SUBJECT}/2",
            type=type_,
            time=NOON,
            source=channel.source,
            subject=str(SUBJECT),
            traceparent=TRACEPARENT,
            position=POSITION if digested else None,
            metadata_digest=metadata_digest(METADATA) if digested else None,
        )
    else:
        attributes = Attributes(
            id=f"{payload['chain']}/{payload['position']}",
            type=type_,
            time=datetime.fromisoformat(payload["recorded_at"]),
            source=channel.source,
        )
    return {key: value.decode() for key, value in to_headers(attributes)}
