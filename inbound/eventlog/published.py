"""An event as a subscriber of `sms.events.v1` has it, for holding the log against it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from inbound.store.log.copy_format import StoredEvent
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
class Published:
    """What a record tells; the fields have the names and units of `StoredEvent`."""

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
        """Yield what of the stored event is not as it was published."""
        for name, told in _COMPARED:
            if getattr(self, name) != getattr(stored, name):
                yield told
        if self.metadata_digest != metadata_digest(stored.metadata):
            yield "metadata"


def read_published(record: Any) -> Published | None:  # noqa: ANN401 — kafka-python has no types
    """Return what a record says; None for one that has no digest: older, or an older form.

    Raises ValueError for one that the relay did not write.
    """
    headers = record.headers
    position = header(headers, "ce_position")
    metadata = header(headers, "ce_metadatadigest")
    if position is None or metadata is None:
        return None
    subject, _, version = (header(headers, "ce_id") or "").partition("/")
    name = (header(headers, "ce_type") or "").removeprefix(TYPE_PREFIX)
    type_, _, schema_version = name.rpartition(".v")
    return Published(
        int(position),
        UUID(subject).bytes,
        int(version),
        type_,
        int(schema_version),
        microseconds(datetime.fromisoformat(header(headers, "ce_time") or "")),
        record.value or b"",
        bytes.fromhex(metadata),
    )
