"""Seals columns, each value in a context of its own, so that it opens in its own row only."""

from uuid import UUID

from inbound.keys import VaultCipher


class Sealer:
    """VaultCipher with the contexts of the store's columns.

    Every `open` raises `inbound.keys.UnsealError` when the value was sealed in another context
    or with another key.
    """

    __slots__ = ("_cipher",)

    def __init__(self, cipher: VaultCipher) -> None:
        self._cipher = cipher

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Seal a value in a context that its row knows (`sealing_context`)."""
        return self._cipher.seal(plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Open what `seal` sealed."""
        return self._cipher.open(sealed, context)

    def number(self, number: str, subject_id: UUID) -> bytes:
        """Seal the number of a subject."""
        return self._cipher.seal(number.encode(), b"number:" + subject_id.bytes)

    def open_number(self, sealed: bytes, subject_id: UUID) -> str:
        """Open what `number` sealed."""
        return self._cipher.open(sealed, b"number:" + subject_id.bytes).decode()

    def secret(self, plaintext: bytes, message_id: UUID) -> bytes:
        """Seal the secret that one MT needs."""
        return self._cipher.seal(plaintext, b"secret:" + message_id.bytes)

    def open_secret(self, sealed: bytes, message_id: UUID) -> bytes:
        """Open what `secret` sealed."""
        return self._cipher.open(sealed, b"secret:" + message_id.bytes)

    def order_text(self, text: str, order_id: UUID) -> bytes:
        """Seal the text of an order."""
        return self._cipher.seal(text.encode(), b"order:" + order_id.bytes)

    def open_order_text(self, sealed: bytes, order_id: UUID) -> str:
        """Open what `order_text` sealed."""
        return self._cipher.open(sealed, b"order:" + order_id.bytes).decode()

    def network_answer(self, answer: bytes, number_hash: bytes) -> bytes:
        """Seal the network's answer about the number with this hash."""
        return self._cipher.seal(answer, b"answer:" + number_hash)

    def open_network_answer(self, sealed: bytes, number_hash: bytes) -> str:
        """Open what `network_answer` sealed."""
        return self._cipher.open(sealed, b"answer:" + number_hash).decode()

    def smsc_id(self, name: str, order_id: UUID) -> bytes:
        """Seal `id:phone`, by which a program of SMSC knows an order."""
        return self._cipher.seal(name.encode(), b"smsc id:" + order_id.bytes)

    def open_smsc_id(self, sealed: bytes, order_id: UUID) -> str:
        """Open what `smsc_id` sealed."""
        return self._cipher.open(sealed, b"smsc id:" + order_id.bytes).decode()

    def order_address(self, address: str, order_id: UUID) -> bytes:
        """Seal the address to which a channel sends the message of an order."""
        return self._cipher.seal(address.encode(), b"address:" + order_id.bytes)

    def open_order_address(self, sealed: bytes, order_id: UUID) -> str:
        """Open what `order_address` sealed."""
        return self._cipher.open(sealed, b"address:" + order_id.bytes).decode()
