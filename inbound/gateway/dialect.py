"""Reads what one bind delivers, in the dialect of its SMS centre.

The centre's habits are settings of the bind; the rest is as specified. A deviation is read anyway
if its meaning is certain, and noted as a leniency. With `strict` it is refused: left unread, or
read to the letter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from inbound.smpp import alphabet as alphabets
from inbound.smpp import receipts
from inbound.smpp.leniency import Leniency, Treatment
from inbound.smpp.message_ids import IdForm
from inbound.smpp.pdu import DataSm, DeliverSm
from inbound.smpp.receipts import Receipt
from inbound.smpp.subscriber import RUSSIA, Subscriber, parse_subscriber
from inbound.smpp.user_data import ConcatenatedPart, UserData, user_data_of

Delivered = DeliverSm | DataSm
Note = Callable[[Leniency, Delivered, Treatment], None]


def _note_nothing(_leniency: Leniency, _pdu: Delivered, _treatment: Treatment) -> None:
    pass


class MoText(NamedTuple):
    """The text of an MO: its sender (E.164; None if it can't be answered) and octets."""

    source: str | None
    data_coding: int
    payload: bytes
    part: ConcatenatedPart | None


@dataclass(frozen=True, slots=True)
class CentreDialect:
    """How one SMS centre writes texts, receipts and numbers.

    `alphabet` is the meaning of data_coding 0; `data_codings` maps the values that mean another
    one; `receipt_ids` is how receipts write message ids; `country` is the country of national
    numbers. `note` gets each leniency, with its PDU and whether it was tolerated.
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
            self.note(Leniency.USER_DATA_HEADER, pdu, self._treatment)
            if self.strict:
                data = UserData(b"", None)
        payload = self._without_padding(pdu, data, data_coding)
        if alphabets.has_undefined_escape(payload, data_coding, self.alphabet):
            self.note(Leniency.ESCAPE, pdu, Treatment.TOLERATED)
        source = self._noted(pdu, self._parse(pdu.source_addr_ton, pdu.source_addr))
        return MoText(source, data_coding, payload, data.part)

    def read_receipt(self, pdu: Delivered) -> Receipt | None:
        """Return a receipt, None for another message that is no text. Never raises."""
        receipt = receipts.read(pdu, self.receipt_ids)
        if receipt is not None:
            data = user_data_of(pdu)
            if data.has_malformed_header:
                self.note(Leniency.USER_DATA_HEADER, pdu, Treatment.TOLERATED)
            if receipts.is_padded(data.body):
                self.note(Leniency.NUL_PADDING, pdu, Treatment.TOLERATED)
        return receipt

    def phone_of(self, pdu: Delivered) -> str | None:
        """Return the phone's number in a receipt: its source, or its destination if swapped."""
        phone = self._parse(pdu.source_addr_ton, pdu.source_addr)
        if phone.number is None:
            swapped = self._parse(pdu.dest_addr_ton, pdu.destination_addr)
            phone = phone if swapped.number is None else swapped
        return self._noted(pdu, phone)

    @property
    def _treatment(self) -> Treatment:
        """What happens to a deviation in a text."""
        return Treatment.REFUSED if self.strict else Treatment.TOLERATED

    def _without_padding(self, pdu: Delivered, data: UserData, data_coding: int) -> bytes:
        """Return the octets without the padding around the whole text; with `strict` all."""
        part = data.part
        payload = alphabets.without_padding(
            data.body,
            data_coding,
            start=part is None or part.sequence == 1,
            end=part is None or part.sequence == part.total,
        )
        if payload != data.body:
            self.note(Leniency.NUL_PADDING, pdu, self._treatment)
        return data.body if self.strict else payload

    def _parse(self, ton: int, addr: str) -> Subscriber:
        return parse_subscriber(ton, addr, self.country, strict=self.strict)

    def _noted(self, pdu: Delivered, phone: Subscriber) -> str | None:
        """Return the number of a phone, after its leniency was noted."""
        if phone.is_other_form:
            is_read = phone.number is not None
            treatment = Treatment.TOLERATED if is_read else Treatment.REFUSED
            self.note(Leniency.NUMBER_FORM, pdu, treatment)
        elif phone.is_unreadable:
            self.note(Leniency.UNREADABLE_NUMBER, pdu, Treatment.TOLERATED)
        return phone.number
