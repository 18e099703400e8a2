"""command_status values (SMPP 3.4, 5.1.3): names, meanings, and how a sender reacts to each.

On the wire and in PDUs a status is a plain int, and unknown values pass through. How a
sender reacts to a status is decided only here.
"""

from enum import Enum, IntEnum
from typing import Self


class StatusKind(Enum):
    """How the sender of a request reacts to the status of its answer."""

    OK = "ok"
    PERMANENT = "permanent"
    TEMPORARY = "temporary"
    THROTTLE = "throttle"


class Status(IntEnum):
    """One member per command_status: code, kind, meaning."""

    kind: StatusKind
    meaning: str

    def __new__(cls, code: int, kind: StatusKind, meaning: str) -> Self:
        """Use the code as the int value and keep kind and meaning as attributes."""
        row = int.__new__(cls, code)
        row._value_ = code
        row.kind = kind
        row.meaning = meaning
        return row

    ESME_ROK = 0x00, StatusKind.OK, "no error"
    ESME_RINVMSGLEN = 0x01, StatusKind.PERMANENT, "message length is invalid"
    ESME_RINVCMDLEN = 0x02, StatusKind.PERMANENT, "command length is invalid"
    ESME_RINVCMDID = 0x03, StatusKind.PERMANENT, "invalid command id"
    ESME_RINVBNDSTS = 0x04, StatusKind.PERMANENT, "incorrect bind status for this command"
    ESME_RALYBND = 0x05, StatusKind.PERMANENT, "already bound"
    ESME_RINVPRTFLG = 0x06, StatusKind.PERMANENT, "invalid priority flag"
    ESME_RINVREGDLVFLG = 0x07, StatusKind.PERMANENT, "invalid registered delivery flag"
    ESME_RSYSERR = 0x08, StatusKind.TEMPORARY, "system error"
    ESME_RINVSRCADR = 0x0A, StatusKind.PERMANENT, "invalid source address"
    ESME_RINVDSTADR = 0x0B, StatusKind.PERMANENT, "invalid destination address"
    ESME_RINVMSGID = 0x0C, StatusKind.PERMANENT, "message id is invalid"
    ESME_RBINDFAIL = 0x0D, StatusKind.TEMPORARY, "bind failed"
    ESME_RINVPASWD = 0x0E, StatusKind.PERMANENT, "wrong password"
    ESME_RINVSYSID = 0x0F, StatusKind.PERMANENT, "unknown system_id"
    ESME_RCANCELFAIL = 0x11, StatusKind.PERMANENT, "cancel_sm failed"
    ESME_RREPLACEFAIL = 0x13, StatusKind.PERMANENT, "replace_sm failed"
    ESME_RMSGQFUL = 0x14, StatusKind.TEMPORARY, "message queue full"
    ESME_RINVSERTYP = 0x15, StatusKind.PERMANENT, "invalid service type"
    ESME_RINVNUMDESTS = 0x33, StatusKind.PERMANENT, "invalid number of destinations"
    ESME_RINVDLNAME = 0x34, StatusKind.PERMANENT, "invalid distribution list name"
    ESME_RINVDESTFLAG = 0x40, StatusKind.PERMANENT, "destination flag is invalid"
    ESME_RINVSUBREP = 0x42, StatusKind.PERMANENT, "submit with replace is not supported"
    ESME_RINVESMCLASS = 0x43, StatusKind.PERMANENT, "invalid esm_class"
    ESME_RCNTSUBDL = 0x44, StatusKind.PERMANENT, "cannot submit to the distribution list"
    ESME_RSUBMITFAIL = 0x45, StatusKind.PERMANENT, "submit failed"
    ESME_RINVSRCTON = 0x48, StatusKind.PERMANENT, "invalid source address TON"
    ESME_RINVSRCNPI = 0x49, StatusKind.PERMANENT, "invalid source address NPI"
    ESME_RINVDSTTON = 0x50, StatusKind.PERMANENT, "invalid destination address TON"
    ESME_RINVDSTNPI = 0x51, StatusKind.PERMANENT, "invalid destination address NPI"
    ESME_RINVSYSTYP = 0x53, StatusKind.PERMANENT, "invalid system_type"
    ESME_RINVREPFLAG = 0x54, StatusKind.PERMANENT, "invalid replace_if_present flag"
    ESME_RINVNUMMSGS = 0x55, StatusKind.PERMANENT, "invalid number of messages"
    ESME_RTHROTTLED = 0x58, StatusKind.THROTTLE, "the allowed rate is exceeded"
    ESME_RINVSCHED = 0x61, StatusKind.PERMANENT, "invalid scheduled delivery time"
    ESME_RINVEXPIRY = 0x62, StatusKind.PERMANENT, "invalid validity period"
    ESME_RINVDFTMSGID = 0x63, StatusKind.PERMANENT, "predefined message not found"
    ESME_RX_T_APPN = 0x64, StatusKind.TEMPORARY, "receiver has a temporary error"
    ESME_RX_P_APPN = 0x65, StatusKind.PERMANENT, "receiver has a permanent error"
    ESME_RX_R_APPN = 0x66, StatusKind.PERMANENT, "receiver rejects the message"
    ESME_RQUERYFAIL = 0x67, StatusKind.PERMANENT, "query_sm failed"
    ESME_RINVOPTPARSTREAM = 0xC0, StatusKind.PERMANENT, "error in the optional part of the PDU body"
    ESME_ROPTPARNOTALLWD = 0xC1, StatusKind.PERMANENT, "optional parameter not allowed"
    ESME_RINVPARLEN = 0xC2, StatusKind.PERMANENT, "invalid parameter length"
    ESME_RMISSINGOPTPARAM = 0xC3, StatusKind.PERMANENT, "expected optional parameter is missing"
    ESME_RINVOPTPARAMVAL = 0xC4, StatusKind.PERMANENT, "invalid optional parameter value"
    ESME_RDELIVERYFAILURE = 0xFE, StatusKind.TEMPORARY, "delivery failure"
    ESME_RUNKNOWNERR = 0xFF, StatusKind.TEMPORARY, "unknown error"
    # SMPP 5.0, 4.7.6.
    ESME_RINVDCS = 0x104, StatusKind.PERMANENT, "invalid data_coding"


_TABLE: dict[int, Status] = {int(row): row for row in Status}


def name_of(status: int) -> str:
    """Return the specification's name ("ESME_RTHROTTLED"), or "0x000004FF" if it has none."""
    row = _TABLE.get(status)
    return row.name if row is not None else f"0x{status:08X}"


def explain(status: int) -> str:
    """Return name and meaning: "ESME_RINVPASWD (wrong password)"."""
    row = _TABLE.get(status)
    return f"{row.name} ({row.meaning})" if row is not None else name_of(status)


def is_temporary(status: int) -> bool:
    """Whether the same request may succeed later. Throttling is temporary too.

    An unknown status is permanent: retrying would only repeat it.
    """
    row = _TABLE.get(status)
    return row is not None and row.kind in {StatusKind.TEMPORARY, StatusKind.THROTTLE}


def is_throttle(status: int) -> bool:
    """Whether the peer asks for a lower rate (ESME_RTHROTTLED)."""
    row = _TABLE.get(status)
    return row is not None and row.kind is StatusKind.THROTTLE
