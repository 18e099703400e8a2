"""Seals what a program wrote about one message: addresses, comment, parts."""

from dataclasses import dataclass, field
from typing import Self

from pydantic_core import from_json, to_json

from inbound.smpp.address import Address
from inbound.store.sealing import Sealer


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


def seal_pdu(sealer: Sealer, frame: bytes, parts_key: bytes) -> bytes:
    """Seal the submit_sm of a part."""
    return sealer.seal(frame, b"smpp part:" + parts_key)


def open_pdu(sealer: Sealer, sealed: bytes, parts_key: bytes) -> bytes:
    """Open what `seal_pdu` sealed."""
    return sealer.open(sealed, b"smpp part:" + parts_key)


def _context(what: bytes, message_id: int) -> bytes:
    return b"smpp " + what + b":%d" % message_id
