"""Seals what a program wrote about one message: addresses, comment, parts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from pydantic_core import from_json, to_json

from inbound.keys import OrderHasher
from inbound.smpp.address import Address
from inbound.store.sealing import Sealer

_MOST_WORDS: Final = 100


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a submit_sm, as they were written."""

    source: Address = field(default=Address(0, 0, ""), repr=False)
    destination: Address = field(default=Address(0, 0, ""), repr=False)

    def seal(self, sealer: Sealer, message_id: int) -> bytes:
        """Seal them for the row of a message."""
        return sealer.seal(to_json([self.source, self.destination]), _context(b"to", message_id))

    @classmethod
    def open(cls, sealer: Sealer, sealed: bytes | None, message_id: int) -> Self:
        """Open what `seal` sealed; empty addresses for those of a person who was erased."""
        if sealed is None:
            return cls()
        source, destination = from_json(sealer.open(sealed, _context(b"to", message_id)))
        return cls(Address(*source), Address(*destination))


def seal_comment(sealer: Sealer, comment: str, message_id: int) -> bytes | None:
    """Seal a comment, None if there is none."""
    return sealer.seal(comment.encode(), _context(b"comment", message_id)) if comment else None


def open_comment(sealer: Sealer, sealed: bytes, message_id: int) -> str:
    """Open what `seal_comment` sealed."""
    return sealer.open(sealed, _context(b"comment", message_id)).decode()


def seal_pdu(sealer: Sealer, frame: bytes, parts_key: bytes) -> bytes:
    """Seal the submit_sm of a part."""
    return sealer.seal(frame, b"smpp part:" + parts_key)


def open_pdu(sealer: Sealer, sealed: bytes, parts_key: bytes) -> bytes:
    """Open what `seal_pdu` sealed."""
    return sealer.open(sealed, b"smpp part:" + parts_key)


def words_of(hasher: OrderHasher, account: str, text: str) -> tuple[bytes, ...]:
    """Return keyed hashes of the words of a comment, by which the account finds it."""
    words = dict.fromkeys(_split(text))
    return tuple(
        hasher.digest(b"comment", account.encode(), word.encode())
        for word in list(words)[:_MOST_WORDS]
    )


def _split(text: str) -> Iterable[str]:
    kept = "".join(character if character.isalnum() else " " for character in text.casefold())
    return kept.split()


def _context(what: bytes, message_id: int) -> bytes:
    return b"smpp " + what + b":%d" % message_id
