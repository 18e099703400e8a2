"""Which context each sealed column has. One place, so that what one adapter seals another opens."""

from uuid import UUID

from inbound.keys import VaultCipher
from inbound.store.rows import KAFKA_FEED, DeadLetterSource, PartsKey


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

    def dead_letter(self, payload: bytes, place: DeadLetterSource) -> bytes:
        """Seal a dead letter."""
        return self._cipher.seal(payload, _dead_letter_context(place))

    def open_dead_letter(self, sealed: bytes, place: DeadLetterSource) -> bytes:
        """Open what `dead_letter` sealed."""
        return self._cipher.open(sealed, _dead_letter_context(place))


def _part_context(key: PartsKey, sequence: int) -> bytes:
    return b"part:" + key.number_hash + f"{key.reference}/{key.total}/{sequence}".encode()


def _dead_letter_context(place: DeadLetterSource) -> bytes:
    # The first word and the short form are those of the first release: its rows still open.
    feed = "" if place.feed == KAFKA_FEED else f"{place.feed}:"
    part = f"/{place.part}" if place.part else ""
    return f"parked:{feed}{place.topic}/{place.partition}/{place.kafka_offset}{part}".encode()
