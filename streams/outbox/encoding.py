"""Turns a message into PDUs: the only place where template, fields and secret meet."""

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from inbound.channels.port import Outgoing
from inbound.smpp import address
from inbound.smpp import alphabet as alphabets
from inbound.smpp.errors import UnencodableError
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.segmentation import Segment, reencode, split
from inbound.smpp.times import format_validity
from inbound.smpp.user_data import UDHI
from inbound.templates.catalogue import Catalogue
from schemas.messages import MobileTerminated
from schemas.reading import read_json

LONGEST_VALIDITY = timedelta(days=31)
"""The relative form of a validity period has two digits for the days (SMPP 3.4, 7.1.1)."""

RECEIPT_WANTED = 1
"""registered_delivery: a receipt of the final outcome, success or failure (SMPP 3.4, 5.2.17)."""


@dataclass(frozen=True, slots=True)
class EncodedText:
    """The parts of one message, encoded for binds of one default alphabet."""

    alphabet: str
    segments: tuple[Segment, ...] = field(repr=False)

    def __len__(self) -> int:
        """How many parts there are."""
        return len(self.segments)

    def words(self) -> Iterator[str]:
        """Yield the words of the text without punctuation around them, then what it separates.

        A template may have punctuation between two secrets, and a secret may contain it.
        """
        text = "".join(
            alphabets.decode(_body(segment), segment.data_coding, self.alphabet) or ""
            for segment in self.segments
        )
        for word in text.split():
            yield word.strip(string.punctuation)
        yield from _PIECE.findall(text)


_PIECE: Final = re.compile(r"\w+")


def _body(segment: Segment) -> bytes:
    """Return the octets of a part without its user data header."""
    octets = segment.short_message
    return octets[octets[0] + 1 :] if segment.esm_class & UDHI else octets


NOT_RENDERED: Final = EncodedText("", ())


def undivided(order_text: str) -> EncodedText:
    """Return the text of an order as one part, for a channel that takes it whole."""
    return EncodedText("", (Segment(order_text.encode(), data_coding=0, esm_class=0),))


class Encoder:
    """Renders templates and makes the PDUs. Keeps no secret after a call."""

    def __init__(self, catalogue: Catalogue, sender: str) -> None:
        self._catalogue = catalogue
        self._sender = sender
        self._sources = {sender: address.sender_to_address(sender)}
        self._constant: dict[tuple[str, str], EncodedText] = {}

    def resends_unknown(self, template: str) -> bool:
        """Whether a message of this template is sent again when its outcome is unknown.

        One whose template is missing is not: it couldn't be rendered anyway.
        """
        return template in self._catalogue and self._catalogue[template].resend_unknown

    def text(
        self,
        message: MobileTerminated,
        secret: bytes | None,
        alphabet: str,
        order_text: str | None = None,
    ) -> EncodedText:
        """Render a message and cut it into parts; `secret` is the opened vault row, JSON.

        The text of an order was rendered when it was accepted. Raises whatever a missing or faulty
        template makes the renderer raise.
        """
        if order_text is not None:
            return EncodedText(alphabet, split(order_text, message.message_id.int, alphabet))
        has_fields = bool(message.params) or secret is not None
        if not has_fields and (text := self._constant.get((message.template, alphabet))):
            return text
        fields: Mapping[str, str] = {**message.params, **(read_json(secret) if secret else {})}
        rendered = self._catalogue[message.template].render(fields)
        text = EncodedText(alphabet, split(rendered, message.message_id.int, alphabet))
        if not has_fields and len(text) == 1:
            self._constant[message.template, alphabet] = text
        return text

    def outgoing(
        self, message: MobileTerminated, address: str | None, text: EncodedText
    ) -> Outgoing:
        """Return a message of a channel that takes it whole. Raises `UnencodableError`."""
        if address is None:
            raise UnencodableError("the channel needs an address")
        return Outgoing(message.message_id, address, text.segments[0].short_message.decode())

    def submit_sm(
        self,
        number: str,
        text: EncodedText,
        part: int,
        *,
        alphabet: str,
        valid_for: timedelta,
        sender: str | None = None,
    ) -> SubmitSm:
        """Return the PDU that carries one part (counted from 0) to an E.164 number.

        `alphabet` is that of the bind. If the text was encoded for another one, characters that
        this one lacks become question marks, because the parts are already numbered. The centre
        gives up after `valid_for`, which has to be positive. `sender` None is the service's own.
        Raises `UnencodableError`, and ValueError for a sender that can't be one.
        """
        segment = text.segments[part]
        if alphabet != text.alphabet:
            segment = reencode(segment, text.alphabet, alphabet)
        destination = address.number_to_address(number)
        source = self._source_of(sender or self._sender)
        return SubmitSm(
            source_addr_ton=source.ton,
            source_addr_npi=source.npi,
            source_addr=source.addr,
            dest_addr_ton=destination.ton,
            dest_addr_npi=destination.npi,
            destination_addr=destination.addr,
            esm_class=segment.esm_class,
            validity_period=format_validity(min(valid_for, LONGEST_VALIDITY)),
            registered_delivery=RECEIPT_WANTED,
            data_coding=segment.data_coding,
            short_message=segment.short_message,
        )

    def _source_of(self, sender: str) -> address.Address:
        """Return the address of a sender. There are few: a person approves each."""
        source = self._sources.get(sender)
        if source is None:
            source = self._sources[sender] = address.sender_to_address(sender)
        return source
