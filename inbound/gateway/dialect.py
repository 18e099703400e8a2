"""Reads what one bind delivers, in the dialect of its SMS centre.

The centre's habits are settings of the bind; the rest is as specified. What deviates is read
anyway if its meaning is certain, and noted as a leniency. With `strict` it is left unread.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from inbound.smpp import alphabet as alphabets
from inbound.smpp import receipts
from inbound.smpp.leniency import Leniency
from inbound.smpp.message_ids import IdForm
from inbound.smpp.pdu import DataSm, DeliverSm
from inbound.smpp.receipts import Receipt
from inbound.smpp.segmentation import ConcatenatedPart, UserData, user_data_of
from inbound.smpp.subscriber import RUSSIA, parse_subscriber

Delivered = DeliverSm | DataSm
Note = Callable[[Leniency, Delivered], None]


def _note_nothing(_leniency: Leniency, _pdu: Delivered) -> None:
    pass


class MoText(NamedTuple):
    """The text of an MO: its sender (E.164; None if it can't be answered) and octets."""

    source: str | None
    data_coding: int
    payload: bytes
    part: ConcatenatedPart | None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one SMS centre writes texts, receipts and numbers.

    `alphabet` is the meaning of data_coding 0; `data_codings` maps the values that mean another
    one; `receipt_ids` is how receipts write message ids; `country` is the country of national
    numbers. `note` gets each leniency, with its PDU.
    """

    alphabet: str = alphabets.GSM_0338
    data_codings: Mapping[int, int] = field(default_factory=dict)
    receipt_ids: IdForm = IdForm.ANY
    country: str = RUSSIA
    strict: bool = False
    note: Note = _note_nothing

    def read_text(self, pdu: Delivered) -> MoText:
        """Return the text of an MO. Never raises; an unread text is empty."""
        data_coding = self.data_codings.get(pdu.data_coding, pdu.data_coding)
        data = user_data_of(pdu, data_coding)
        if data.has_malformed_header:
            self.note(Leniency.USER_DATA_HEADER, pdu)
            if self.strict:
                data = UserData(b"", None)
        payload = data.body if self.strict else self._without_padding(pdu, data, data_coding)
        if alphabets.has_undefined_escape(payload, data_coding, self.alphabet):
            self.note(Leniency.ESCAPE, pdu)
        source = self._number(pdu, pdu.source_addr_ton, pdu.source_addr)
        return MoText(source, data_coding, payload, data.part)

    def read_receipt(self, pdu: Delivered) -> Receipt | None:
        """Return a receipt, None for another message that is no text. Never raises."""
        receipt = receipts.read(pdu, self.receipt_ids)
        if receipt is not None:
            data = user_data_of(pdu)
            if data.has_malformed_header:
                self.note(Leniency.USER_DATA_HEADER, pdu)
            if receipts.is_padded(data.body):
                self.note(Leniency.NUL_PADDING, pdu)
        return receipt

    def phone_of(self, pdu: Delivered) -> str | None:
        """Return the phone's number in a receipt: its source, or its destination if swapped."""
        return self._number(pdu, pdu.source_addr_ton, pdu.source_addr) or self._number(
            pdu, pdu.dest_addr_ton, pdu.destination_addr
        )

    def _without_padding(self, pdu: Delivered, data: UserData, data_coding: int) -> bytes:
        """Return the octets without the padding around the whole text."""
        part = data.part
        payload = alphabets.without_padding(
            data.body,
            data_coding,
            start=part is None or part.sequence == 1,
            end=part is None or part.sequence == part.total,
        )
        if payload != data.body:
            self.note(Leniency.NUL_PADDING, pdu)
        return payload

    def _number(self, pdu: Delivered, ton: int, addr: str) -> str | None:
        subscriber = parse_subscriber(ton, addr, self.country, strict=self.strict)
        if subscriber.is_other_form:
            self.note(Leniency.NUMBER_FORM, pdu)
        if subscriber.is_unreadable:
            self.note(Leniency.UNREADABLE_NUMBER, pdu)
        return subscriber.number
