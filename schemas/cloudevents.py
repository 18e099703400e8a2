"""CloudEvents 1.0 in Kafka's binary mode: attributes as headers, data as the value.

Source: CloudEvents Kafka Protocol Binding 1.0, 3.2. The W3C trace context travels in the
plain `traceparent` header, where OpenTelemetry's Kafka instrumentations look for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

Headers = list[tuple[str, bytes]]

SOURCE = "/scserv"
TYPE_PREFIX = "ru.scserv."

_FIXED: Headers = [("ce_specversion", b"1.0"), ("content-type", b"application/json")]


@dataclass(frozen=True, slots=True)
class Attributes:
    """The context attributes of one CloudEvent; `type` without the common prefix.

    The last three are extensions: the id of the replay that republished the event, its position
    in the log, and the digest of its metadata (`schemas.chain`).
    """

    id: str
    type: str
    time: datetime | None = None
    source: str = SOURCE
    subject: str | None = None
    traceparent: str | None = None
    replay: str | None = None
    position: int | None = None
    metadata_digest: bytes | None = None


def to_headers(attributes: Attributes) -> Headers:
    """Return the Kafka headers of an event with JSON data."""
    headers = [
        *_FIXED,
        ("ce_id", attributes.id.encode()),
        ("ce_source", attributes.source.encode()),
        ("ce_type", (TYPE_PREFIX + attributes.type).encode()),
    ]
    if attributes.time is not None:
        headers.append(("ce_time", attributes.time.isoformat().replace("+00:00", "Z").encode()))
    if attributes.subject is not None:
        headers.append(("ce_subject", attributes.subject.encode()))
    if attributes.replay is not None:
        headers.append(("ce_replay", attributes.replay.encode()))
    if attributes.position is not None:
        headers.append(("ce_position", b"%d" % attributes.position))
    if attributes.metadata_digest is not None:
        headers.append(("ce_metadatadigest", attributes.metadata_digest.hex().encode()))
    if attributes.traceparent is not None:
        headers.append(("traceparent", attributes.traceparent.encode()))
    return headers


def header(headers: Iterable[tuple[str, bytes]] | None, name: str) -> str | None:
    """Return the first header of that name as text, or None."""
    for key, value in headers or ():
        if key == name:
            return (value or b"").decode("utf-8", "replace")  # Kafka allows none
    return None
