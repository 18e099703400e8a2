"""command_status values of SMPP 3.4, 5.1.3: their names, meanings, and what to do about each.

On the wire and in PDUs a status is a plain int, and one that stands in no table passes
through unharmed. What a status means for the sender is decided here and nowhere else.
"""

from enum import Enum, IntEnum
from typing import Self


class Kind(Enum):
    """What the sender of a request does about the status of its answer."""

    OK = "ok"
    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    THROTTLE = "throttle"


class Status(IntEnum):
    """One row for each command_status: code, kind, meaning."""

    kind: Kind
    meaning: str

    def __new__(cls, code: int, kind: Kind, meaning: str) -> Self:
        """Take a row's code as the int value and keep the rest beside it."""
        row = int.__new__(cls, code)
        row._value_ = code
        row.kind = kind
        row.meaning = meaning
        return row

    ESME_ROK = 0x00, Kind.OK, "no error"
    ESME_RINVMSGLEN = 0x01, Kind.PERMANENT, "message length is invalid"
    ESME_RINVCMDLEN = 0x02, Kind.PERMANENT, "command length is invalid"
    ESME_RINVCMDID = 0x03, Kind.PERMANENT, "invalid command id"
    ESME_RINVBNDSTS = 0x04, Kind.PERMANENT, "incorrect bind status for this command"
    ESME_RALYBND = 0x05, Kind.PERMANENT, "already bound"
    ESME_RINVPRTFLG = 0x06, Kind.PERMANENT, "invalid priority flag"
    ESME_RINVREGDLVFLG = 0x07, Kind.PERMANENT, "invalid registered delivery flag"
    ESME_RSYSERR = 0x08, Kind.TEMPORARY, "system error"
    ESME_RINVSRCADR = 0x0A, Kind.PERMANENT, "invalid source address"
    ESME_RINVDSTADR = 0x0B, Kind.PERMANENT, "invalid destination address"
    ESME_RINVMSGID = 0x0C, Kind.PERMANENT, "message id is invalid"
    ESME_RBINDFAIL = 0x0D, Kind.TEMPORARY, "bind failed"
    ESME_RINVPASWD = 0x0E, Kind.PERMANENT, "wrong password"
    ESME_RINVSYSID = 0x0F, Kind.PERMANENT, "unknown system_id"
    ESME_RCANCELFAIL = 0x11, Kind.PERMANENT, "cancel_sm failed"
    ESME_RREPLACEFAIL = 0x13, Kind.PERMANENT, "replace_sm failed"
    ESME_RMSGQFUL = 0x14, Kind.THROTTLE, "message queue full"
    ESME_RINVSERTYP = 0x15, Kind.PERMANENT, "invalid service type"
    ESME_RINVNUMDESTS = 0x33, Kind.PERMANENT, "invalid number of destinations"
    ESME_RINVDLNAME = 0x34, Kind.PERMANENT, "invalid distribution list name"
    ESME_RINVDESTFLAG = 0x40, Kind.PERMANENT, "destination flag is invalid"
    ESME_RINVSUBREP = 0x42, Kind.PERMANENT, "submit with replace is not supported"
    ESME_RINVESMCLASS = 0x43, Kind.PERMANENT, "invalid esm_class"
    ESME_RCNTSUBDL = 0x44, Kind.PERMANENT, "cannot submit to the distribution list"
    ESME_RSUBMITFAIL = 0x45, Kind.PERMANENT, "submit failed"
    ESME_RINVSRCTON = 0x48, Kind.PERMANENT, "invalid source address TON"
    ESME_RINVSRCNPI = 0x49, Kind.PERMANENT, "invalid source address NPI"
    ESME_RINVDSTTON = 0x50, Kind.PERMANENT, "invalid destination address TON"
    ESME_RINVDSTNPI = 0x51, Kind.PERMANENT, "invalid destination address NPI"
    ESME_RINVSYSTYP = 0x53, Kind.PERMANENT, "invalid system_type"
    ESME_RINVREPFLAG = 0x54, Kind.PERMANENT, "invalid replace_if_present flag"
    ESME_RINVNUMMSGS = 0x55, Kind.PERMANENT, "invalid number of messages"
    ESME_RTHROTTLED = 0x58, Kind.THROTTLE, "the allowed rate is exceeded"
    ESME_RINVSCHED = 0x61, Kind.PERMANENT, "invalid scheduled delivery time"
    ESME_RINVEXPIRY = 0x62, Kind.PERMANENT, "invalid validity period"
    ESME_RINVDFTMSGID = 0x63, Kind.PERMANENT, "predefined message not found"
    ESME_RX_T_APPN = 0x64, Kind.TEMPORARY, "receiver has a temporary error"
    ESME_RX_P_APPN = 0x65, Kind.PERMANENT, "receiver has a permanent error"
    ESME_RX_R_APPN = 0x66, Kind.PERMANENT, "receiver rejects the message"
    ESME_RQUERYFAIL = 0x67, Kind.PERMANENT, "query_sm failed"
    ESME_RINVOPTPARSTREAM = 0xC0, Kind.PERMANENT, "error in the optional part of the PDU body"
    ESME_ROPTPARNOTALLWD = 0xC1, Kind.PERMANENT, "optional parameter not allowed"
    ESME_RINVPARLEN = 0xC2, Kind.PERMANENT, "invalid parameter length"
    ESME_RMISSINGOPTPARAM = 0xC3, Kind.PERMANENT, "expected optional parameter is missing"
    ESME_RINVOPTPARAMVAL = 0xC4, Kind.PERMANENT, "invalid optional parameter value"
    ESME_RDELIVERYFAILURE = 0xFE, Kind.TEMPORARY, "delivery failure"
    ESME_RUNKNOWNERR = 0xFF, Kind.TEMPORARY, "unknown error"


_TABLE: dict[int, Status] = {int(row): row for row in Status}


def name_of(status: int) -> str:
    """Return the specification's name ("ESME_RTHROTTLED"), or "0x000004FF" if it has none."""
    row = _TABLE.get(status)
    return row.name if row is not None else f"0x{status:08X}"


def explain(status: int) -> str:
    """Return name and meaning for people: "ESME_RINVPASWD (wrong password)"."""
    row = _TABLE.get(status)
    return f"{row.name} ({row.meaning})" if row is not None else name_of(status)


def is_temporary(status: int) -> bool:
    """Whether the same request may succeed later; throttling is temporary too.

    A status that stands in no table is permanent: repeating what nobody understands only
    makes it happen more often.
    """
    row = _TABLE.get(status)
    return row is not None and row.kind in {Kind.TEMPORARY, Kind.THROTTLE}


def is_throttle(status: int) -> bool:
    """Whether the peer asks for a slower pace; a full queue asks for the same."""
    row = _TABLE.get(status)
    return row is not None and row.kind is Kind.THROTTLE
