"""Reads a submit_sm: to whom, from whom, what, when. Pure.

What can't be carried out as it was meant is refused, with the status of the field that says so: a
message that would be sent otherwise than its program wanted is worse than a refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Final

from pydantic import ValidationError

from inbound.parsers.channel_texts import (
    ChannelTextError,
    begins_with_channel,
    parse_channel_text,
)
from inbound.smpp import alphabet
from inbound.smpp.address import TON_ALPHANUMERIC, Address
from inbound.smpp.errors import PduError
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.segmentation import text_of
from inbound.smpp.status import Status
from inbound.smpp.subscriber import parse_subscriber
from inbound.smpp.times import is_relative_time, parse_time
from inbound.smpp.user_data import (
    CONCATENATIONS,
    IE_CONCAT_8,
    TLV_MESSAGE_PAYLOAD,
    TLV_SAR_REFERENCE,
    TLV_SAR_SEQUENCE,
    TLV_SAR_TOTAL,
    UDHI,
    ConcatenatedPart,
    parse_user_data_header,
    user_data_of,
)
from schemas.channels import Channel
from schemas.orders import Order

COMMENT_MARK: Final = "\n~~~\n"
LONGEST_COMMENT: Final = 1000

_USED_ONCE: Final = frozenset(
    {TLV_MESSAGE_PAYLOAD, TLV_SAR_REFERENCE, TLV_SAR_TOTAL, TLV_SAR_SEQUENCE}
)
# 4 means octets; programs of services with this dialect send Latin text with it.
_OCTETS: Final = 0x04


class SubmissionError(PduError):
    """A message is refused; `status` says why."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A message, or a part of one if `part` is set; then the text is that of the part."""

    phone: str = field(repr=False)
    sender: str | None = field(repr=False)
    source: Address = field(repr=False)
    destination: Address = field(repr=False)
    text: str = field(repr=False)
    part: ConcatenatedPart | None
    not_before: datetime | None
    expires_at: datetime | None
    registered: int
    schedule: str
    """The schedule to compare retries by: a relative schedule_delivery_time stays as written."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is sent, and the comment that is kept for the sender alone.

    The text of a `channel` names it, too: it is in the written form of the channel.
    """

    text: str = field(repr=False)
    comment: str = field(default="", repr=False)
    channel: Channel | None = None


def with_named_coding(pdu: SubmitSm, *, iso: bool) -> SubmitSm:
    """Return a submit_sm whose data_coding means the same on every link.

    `iso`: on this link data_coding 0 means ISO-8859-1 instead of GSM 03.38. So it does for a text
    that begins with a channel, or has the mark of a comment, in ASCII: read as GSM it would go to
    the phone, as "§§HLR§§", or with the comment behind "üüü".
    """
    is_latin = pdu.data_coding == _OCTETS or (
        pdu.data_coding == alphabet.DEFAULT and (iso or _is_marked_in_ascii(pdu))
    )
    return replace(pdu, data_coding=alphabet.LATIN_1) if is_latin else pdu


def _is_marked_in_ascii(pdu: SubmitSm) -> bool:
    text = user_data_of(pdu).body.decode("latin-1").replace("\r\n", "\n")
    return COMMENT_MARK in text or begins_with_channel(text)


def read(pdu: SubmitSm, country: str, now: datetime) -> Submission:
    """Return what a submit_sm with a named coding says. Raises SubmissionError.

    `country` is that of numbers without a country code.
    """
    _check_fields(pdu)
    user_data = user_data_of(pdu)
    if user_data.has_malformed_header:
        raise SubmissionError(Status.ESME_RINVESMCLASS, "the user data header is malformed")
    not_before = _moment(pdu.schedule_delivery_time, now, Status.ESME_RINVSCHED)
    is_relative = is_relative_time(pdu.schedule_delivery_time)
    return Submission(
        phone=_phone(pdu, country),
        sender=_sender(pdu),
        source=Address(pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr),
        destination=Address(pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr),
        text="" if user_data.part else _decoded(user_data.body, pdu.data_coding),
        part=user_data.part,
        not_before=not_before,
        expires_at=_moment(pdu.validity_period, now, Status.ESME_RINVEXPIRY),
        registered=pdu.registered_delivery & 0x03,
        schedule=pdu.schedule_delivery_time if is_relative else str(not_before or ""),
    )


def join(parts: Sequence[Submission]) -> str:
    """Return the text of all parts of a message. Raises SubmissionError."""
    of_message = [one.part for one in parts if one.part]
    # Programs may cut a character in two, so only what is decoded together has whole ones.
    for coding, group in groupby(of_message, key=lambda part: part.data_coding):
        _check_pairs(b"".join(part.body for part in group), coding)
    joined = text_of(of_message)
    if joined is None:
        raise SubmissionError(Status.ESME_RINVDCS, "the octets are no text")
    return joined


def split_comment(written: str) -> Text:
    """Return text and comment of what was submitted. Raises SubmissionError.

    Channels are told by the beginning of the text. What follows the mark in the text of a call
    are parameters of the call, no comment.
    """
    whole = written.replace("\r\n", "\n")
    text, _, comment = whole.partition(COMMENT_MARK)
    if not text.strip():
        raise SubmissionError(Status.ESME_RINVMSGLEN, "there is no text")
    if len(comment) > LONGEST_COMMENT:
        raise SubmissionError(Status.ESME_RINVMSGLEN, "the comment is too long")
    try:
        parsed = parse_channel_text(text)
    except ChannelTextError as error:
        raise SubmissionError(Status.ESME_RINVSERTYP, str(error)) from None
    if parsed is None:
        return Text(text, comment)
    if parsed.channel is Channel.CALL:
        return Text(whole, channel=parsed.channel)
    return Text(text, comment, parsed.channel)


def order_of(
    submission: Submission,
    text: Text,
    *,
    account: str,
    key: str,
    registered: int,
    is_bulk: bool = False,
) -> Order:
    """Return the order of a message. Raises SubmissionError for what no order may have.

    Programs that want no receipt over SMPP get the call to their URL, if there is one.
    """
    try:
        return Order(
            account=account,
            phone=submission.phone,
            text=text.text,
            sender=submission.sender,
            not_before=submission.not_before,
            expires_at=submission.expires_at,
            idempotency_key=key,
            callback=not registered,
            is_bulk=is_bulk and text.channel is None,
            channel=text.channel,
        )
    except ValidationError as error:
        fields = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
    if "sender" in fields:
        raise SubmissionError(Status.ESME_RINVSRCADR, "not a sender")
    if "text" in fields:
        raise SubmissionError(Status.ESME_RINVMSGLEN, "not a text that a phone shows")
    raise SubmissionError(Status.ESME_RSUBMITFAIL, "not an order")


def _check_fields(pdu: SubmitSm) -> None:
    has_payload = any(tag == TLV_MESSAGE_PAYLOAD for tag, _ in pdu.tlvs)
    if pdu.short_message and has_payload:
        raise SubmissionError(Status.ESME_ROPTPARNOTALLWD, "short_message and message_payload")
    if pdu.replace_if_present_flag:
        raise SubmissionError(Status.ESME_RINVSUBREP, "replace_if_present is not supported")
    if pdu.sm_default_msg_id and not pdu.short_message and not has_payload:
        raise SubmissionError(Status.ESME_RINVDFTMSGID, "there are no predefined messages")
    if not alphabet.is_text(pdu.data_coding) or not alphabet.is_ordinary(pdu.data_coding):
        raise SubmissionError(Status.ESME_RINVDCS, "the data_coding is not that of a text")
    if pdu.esm_class & UDHI:
        _check_header(pdu.short_message or dict(pdu.tlvs).get(TLV_MESSAGE_PAYLOAD, b""))
    _check_parameters(pdu)


def _check_header(payload: bytes) -> None:
    """Refuse a header that does not say which part of a message this is.

    A phone ignores what is impossible, and shows each part as a message of its own.
    """
    elements = parse_user_data_header(payload).elements
    if any(element not in CONCATENATIONS for element, _ in elements):
        raise SubmissionError(Status.ESME_RINVESMCLASS, "the header is not that of a part")
    if len(elements) > 1:
        raise SubmissionError(Status.ESME_RINVESMCLASS, "the header names two parts")
    for element, value in elements:
        if len(value) != (3 if element == IE_CONCAT_8 else 4) or not 1 <= value[-1] <= value[-2]:
            raise SubmissionError(Status.ESME_RINVESMCLASS, "the header names no part")


def _check_parameters(pdu: SubmitSm) -> None:
    """Refuse SAR parameters that don't say which part this is, and values given twice.

    A reference by itself says nothing, and is ignored (SMPP 3.4, 5.3.2.22).
    """
    used = [tag for tag, _ in pdu.tlvs if tag in _USED_ONCE]
    if len(used) != len(set(used)):
        raise SubmissionError(Status.ESME_ROPTPARNOTALLWD, "a parameter is given twice")
    values = dict(pdu.tlvs)
    if TLV_SAR_TOTAL not in values and TLV_SAR_SEQUENCE not in values:
        return
    reference = values.get(TLV_SAR_REFERENCE, b"")
    total, sequence = values.get(TLV_SAR_TOTAL, b""), values.get(TLV_SAR_SEQUENCE, b"")
    is_whole = (len(reference), len(total), len(sequence)) == (2, 1, 1)
    if not (is_whole and 1 <= sequence[0] <= total[0]):
        raise SubmissionError(Status.ESME_RINVOPTPARAMVAL, "the SAR parameters name no part")


def _check_pairs(octets: bytes, coding: int) -> None:
    if alphabet.is_ucs_2(coding) and len(octets) % 2:
        raise SubmissionError(Status.ESME_RINVDCS, "half a character is missing")


def _decoded(body: bytes, coding: int) -> str:
    _check_pairs(body, coding)
    text = alphabet.decode(body, coding)
    if text is None:
        raise SubmissionError(Status.ESME_RINVDCS, "the octets are no text")
    return text


def _phone(pdu: SubmitSm, country: str) -> str:
    found = parse_subscriber(pdu.dest_addr_ton, pdu.destination_addr, country)
    if found.number is None:
        raise SubmissionError(Status.ESME_RINVDSTADR, "not a mobile number")
    return found.number


def _sender(pdu: SubmitSm) -> str | None:
    written = pdu.source_addr.strip()
    if not written:
        return None
    digits = written.removeprefix("+")
    if pdu.source_addr_ton != TON_ALPHANUMERIC and digits.isascii() and digits.isdigit():
        return digits
    return written


def _moment(value: str, now: datetime, status: Status) -> datetime | None:
    try:
        return parse_time(value, now)
    except (ValueError, OverflowError):
        raise SubmissionError(status, "not a time of SMPP") from None
