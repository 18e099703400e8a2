"""An event as published on `sms.events.v1`, for comparison with the log. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from inbound.store.log.copy_format import StoredEvent
from inbound.store.log.metadata import trace_metadata
from schemas.chain import metadata_digest, microseconds
from schemas.cloudevents import TYPE_PREFIX, header

_COMPARED: Final = (
    ("stream", "stream"),
    ("version", "version"),
    ("type", "type"),
    ("schema_version", "version of its type"),
    ("recorded_us", "time"),
    ("data", "data"),
)


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """The content of a record; the fields have the names and units of `StoredEvent`."""

    position: int
    stream: bytes
    version: int
    type: str
    schema_version: int
    recorded_us: int
    data: bytes
    metadata_digest: bytes

    @property
    def stream_id(self) -> UUID:
        """The subject."""
        return UUID(bytes=self.stream)

    def differences(self, stored: StoredEvent) -> Iterator[str]:
        """Yield the parts of the stored event that differ."""
        for name, label in _COMPARED:
            if getattr(self, name) != getattr(stored, name):
                yield label
        if self.metadata_digest != metadata_digest(stored.metadata):
            yield "metadata"


def read_published(record: Any) -> PublishedEvent | None:  # noqa: ANN401 — kafka-python has no types
    """Return the content of a record; None for an older one without a digest.

    Raises ValueError for a record that the relay did not write.
    """
    headers = record.headers
    position = header(headers, "ce_position")
    metadata = header(headers, "ce_metadatadigest")
    if position is None or metadata is None:
        return None
    subject, _, version = (header(headers, "ce_id") or "").partition("/")
    name = (header(headers, "ce_type") or "").removeprefix(TYPE_PREFIX)
    type_, _, schema_version = name.rpartition(".v")
    return PublishedEvent(
        int(position),
        UUID(subject).bytes,
        int(version),
        type_,
        int(schema_version),
        microseconds(datetime.fromisoformat(header(headers, "ce_time") or "")),
        record.value or b"",
        bytes.fromhex(metadata),
    )


def published_metadata(record: Any, event: PublishedEvent) -> bytes | None:  # noqa: ANN401 — kafka-python has no types
    """Return the metadata of a published event, rebuilt from its trace.

    None if it differs from that in the log, as the digest in the record shows.
    """
    metadata = trace_metadata(header(record.headers, "traceparent"))
    return metadata if metadata_digest(metadata) == event.metadata_digest else None
