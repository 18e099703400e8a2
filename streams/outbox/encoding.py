"""From a message to its PDUs: the one place where template, fields and secret meet."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from pydantic_core import from_json

from inbound.smpp import address
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.segmentation import Segment, rewritten, split
from inbound.smpp.times import validity
from inbound.templates.catalogue import Catalogue
from schemas.messages import MobileTerminated

LONGEST_VALIDITY = timedelta(days=31)
"""The relative form of a validity period has two digits for the days."""

# SMPP 3.4, 5.2.17: a receipt of the final outcome, whatever it is.
RECEIPT_WANTED = 1


class Encoder:
    """Renders and cuts texts for one bind. Holds no secret longer than a call."""

    def __init__(self, catalogue: Catalogue, sender: str, alphabet: str) -> None:
        self._catalogue = catalogue
        self._source = address.sender(sender)
        self.alphabet = alphabet
        self._constant: dict[str, tuple[Segment, ...]] = {}

    def resends_unknown(self, template: str) -> bool:
        """Whether a message of this template goes again when its fate is unknown.

        One of a template that is not there does not: it could not be put together either.
        """
        return template in self._catalogue and self._catalogue[template].resend_unknown

    def segments(self, message: MobileTerminated, secret: bytes | None) -> tuple[Segment, ...]:
        """Return the parts of a message; `secret` is the opened vault row, JSON."""
        if not message.params and secret is None and message.template in self._constant:
            return self._constant[message.template]
        fields: Mapping[str, str] = {**message.params, **(from_json(secret) if secret else {})}
        text = self._catalogue[message.template].render(fields)
        segments = split(text, message.message_id.int, self.alphabet)
        if not fields and len(segments) == 1:
            self._constant[message.template] = segments
        return segments

    def rewritten(self, segments: Sequence[Segment], alphabet: str) -> tuple[Segment, ...]:
        """Return parts that were made for a bind of another default alphabet.

        What this one can't carry becomes a question mark: the parts are numbered already.
        """
        return tuple(rewritten(segment, alphabet, self.alphabet) for segment in segments)

    def submit_sm(self, number: str, segment: Segment, valid_for: timedelta) -> SubmitSm:
        """Return the PDU that carries one part to an E.164 number.

        The centre gives up after `valid_for`, which has to be more than nothing.
        """
        destination = address.destination(number)
        return SubmitSm(
            source_addr_ton=self._source.ton,
            source_addr_npi=self._source.npi,
            source_addr=self._source.addr,
            dest_addr_ton=destination.ton,
            dest_addr_npi=destination.npi,
            destination_addr=destination.addr,
            esm_class=segment.esm_class,
            validity_period=validity(min(valid_for, LONGEST_VALIDITY)),
            registered_delivery=RECEIPT_WANTED,
            data_coding=segment.data_coding,
            short_message=segment.short_message,
        )
