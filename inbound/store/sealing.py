"""Which context each sealed column has. One place, so that what one adapter seals another opens."""

from uuid import UUID

from inbound.keys import VaultCipher
from inbound.store.rows import KAFKA_FEED, ParkedPlace, PartsKey


class Sealer:
    """VaultCipher with the contexts of the store's columns."""

    __slots__ = ("_cipher",)

    def __init__(self, cipher: VaultCipher) -> None:
        self._cipher = cipher

    def number(self, number: str, subject_id: UUID) -> bytes:
        """Seal the number of a subject."""
        return self._cipher.seal(number.encode(), b"number:" + subject_id.bytes)

    def open_number(self, sealed: bytes, subject_id: UUID) -> str:
        """Open what `number` sealed."""
        return self._cipher.open(sealed, b"number:" + subject_id.bytes).decode()

    def secret(self, plaintext: bytes, message_id: UUID) -> bytes:
        """Seal what one outgoing message needs."""
        return self._cipher.seal(plaintext, b"secret:" + message_id.bytes)

    def open_secret(self, sealed: bytes, message_id: UUID) -> bytes:
        """Open what `secret` sealed."""
        return self._cipher.open(sealed, b"secret:" + message_id.bytes)

    def part(self, payload: bytes, key: PartsKey, sequence: int) -> bytes:
        """Seal one part of a message."""
        return self._cipher.seal(payload, _part_context(key, sequence))

    def open_part(self, sealed: bytes, key: PartsKey, sequence: int) -> bytes:
        """Open what `part` sealed."""
        return self._cipher.open(sealed, _part_context(key, sequence))

    def parked(self, payload: bytes, place: ParkedPlace) -> bytes:
        """Seal a message that is put aside."""
        return self._cipher.seal(payload, _parked_context(place))

    def open_parked(self, sealed: bytes, place: ParkedPlace) -> bytes:
        """Open what `parked` sealed."""
        return self._cipher.open(sealed, _parked_context(place))


def _part_context(key: PartsKey, sequence: int) -> bytes:
    return b"part:" + key.number_hash + f"{key.reference}/{key.total}/{sequence}".encode()


def _parked_context(place: ParkedPlace) -> bytes:
    # A whole record from Kafka is the first form there was; rows of that time still open.
    feed = "" if place.feed == KAFKA_FEED else f"{place.feed}:"
    part = f"/{place.part}" if place.part else ""
    return f"parked:{feed}{place.topic}/{place.partition}/{place.kafka_offset}{part}".encode()
