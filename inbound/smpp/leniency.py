"""Deviations from the specification that we tolerate, in words for the SMS centre's support.

A leniency repairs a form, never a meaning: what can't be read with certainty becomes neither a
command nor a number. `SmppSettings.strict` refuses those that change what a request says.
"""

from enum import Enum


class Treatment(Enum):
    """Whether a deviation was tolerated, or refused by a strict bind, or a PDU was ignored."""

    TOLERATED = "tolerated"
    REFUSED = "refused"
    IGNORED = "ignored"


class Leniency(Enum):
    """One kind of deviation: where it is specified, what is wrong, and what we did about it.

    The last text is what a strict bind did instead; without it, a strict bind tolerates this
    kind too.
    """

    OPTIONAL_PART = (
        "SMPP 3.4, 3.2.4",
        "octets after the message are not optional parameters; a counted length may be wrong",
        "the octets were ignored; what comes before them was used",
        "the message was refused with ESME_RINVOPTPARSTREAM and not stored",
    )
    BIND_RESPONSE = (
        "SMPP 3.4, 4.1.2",
        "the body is not a system_id of at most 15 characters with a NUL and optional parameters",
        "command_status 0 was taken as bound",
    )
    MESSAGE_RESPONSE = (
        "SMPP 3.4, 4.4.2",
        "the body is not a message_id with a NUL",
        "the octets up to the end were taken as message_id",
    )
    MESSAGE_ID = (
        "SMPP 3.4, 5.2.23",
        "message_id is longer than 64 octets or has octets that are not printable ASCII",
        "a digest was stored instead; receipts for this message can't be matched",
    )
    NUL_PADDING = (
        "SMPP 3.4, 5.2.22; TS 23.038, 6.2.1",
        "sm_length counts NULs at an end of the text; NUL is a character (@ in GSM 03.38)",
        "the NULs were removed",
        "the NULs were kept as characters of the text",
    )
    USER_DATA_HEADER = (
        "TS 23.040, 9.2.3.24",
        "esm_class announces a user data header, and its lengths are wrong or it is missing",
        "the readable elements of the header and the text after it were used",
        "the text was accepted and left unread; it is never answered",
    )
    ESCAPE = (
        "TS 23.038, 6.2.1.1",
        "the text has an escape before a character that is not in the extension table",
        "the character of the basic table was used",
    )
    NUMBER_FORM = (
        "SMPP 3.4, 5.2.5",
        "the phone's address is not in the form of its TON (TON 1: country code and number)",
        "the number was read in another form, as only one phone number is possible",
        "the number was not read: a text is accepted and never answered, a receipt is dropped",
    )
    UNREADABLE_NUMBER = (
        "SMPP 3.4, 5.2.5",
        "the phone's address has the digits of a number, but is not one certain mobile number",
        "the number was not read: a text is accepted and never answered, a receipt is dropped",
    )

    def __init__(
        self, specification: str, deviation: str, tolerated: str, refused: str | None = None
    ) -> None:
        self.specification = specification
        self.deviation = deviation
        self.tolerated = tolerated
        self.refused = refused

    def consequence(self, treatment: Treatment) -> str:
        """Return what we did about it."""
        if treatment is Treatment.TOLERATED:
            return self.tolerated
        assert self.refused is not None, self  # noqa: S101 — a strict bind tolerates this kind too
        return self.refused

    @property
    def label(self) -> str:
        """Its label in metrics."""
        return self.name.lower()
