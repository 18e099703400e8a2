"""Magic numbers: the last five digits of a phone number select a fault.

The number is the destination of a submit_sm, or the source of an MO. Faults that end after
some attempts (`times`) are counted per message, so that every message meets them.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Literal

from inbound.local.simulator.dialects import ReceiptPlan
from inbound.local.simulator.script import Fault
from inbound.smpp.pdu import DeliverSm, SubmitSm
from inbound.smpp.status import Status

DIGITS: Final = 5
# Messages whose attempts are counted; beyond it the oldest starts again.
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Magic:
    """One magic number. The first `times` attempts of a message meet the fault; 0: all."""

    command: Literal["submit_sm", "deliver_sm"]
    meaning: str
    fault: Fault
    times: int = 0


def _submit(meaning: str, times: int = 0, **fault: object) -> Magic:
    return Magic("submit_sm", meaning, Fault.model_validate(fault), times)


def _deliver(meaning: str, times: int = 0, **fault: object) -> Magic:
    return Magic("deliver_sm", meaning, Fault.model_validate(fault), times)


MAGIC: Final[dict[str, Magic]] = {
    "99001": _submit("answered after 1 s", delay_s=1),
    "99005": _submit("answered after 5 s", delay_s=5),
    "99015": _submit("answered after 15 s", delay_s=15),
    "99008": _submit("no answer, and the message is lost", no_answer=True, taken=False),
    "99009": _submit("no answer, and the message is delivered", no_answer=True),
    "99011": _submit("ESME_RTHROTTLED once, then taken", 1, status=Status.ESME_RTHROTTLED),
    "99013": _submit("ESME_RTHROTTLED three times, then taken", 3, status=Status.ESME_RTHROTTLED),
    "99019": _submit("ESME_RTHROTTLED always", status=Status.ESME_RTHROTTLED),
    "99021": _submit("ESME_RMSGQFUL once, then taken", 1, status=Status.ESME_RMSGQFUL),
    "99029": _submit("ESME_RMSGQFUL always", status=Status.ESME_RMSGQFUL),
    "99031": _submit("ESME_RINVDSTADR", status=Status.ESME_RINVDSTADR),
    "99032": _submit("ESME_RSUBMITFAIL", status=Status.ESME_RSUBMITFAIL),
    "99038": _submit("ESME_RSYSERR once, then taken", 1, status=Status.ESME_RSYSERR),
    "99039": _submit("an unknown status, 0x000004FF", status=0x4FF),
    "99041": _submit(
        "link cut before the answer, once; the message is lost", 1, cut="before", taken=False
    ),
    "99042": _submit("link cut before the answer, once; the message is delivered", 1, cut="before"),
    "99043": _submit(
        "link cut in the middle of the answer, once; the message is delivered", 1, cut="middle"
    ),
    "99044": _submit("the answer comes twice", duplicate=True),
    "99045": _submit("answered with an enquire_link_resp", malformed="other_response"),
    "99051": _submit("receipt UNDELIV", receipt=ReceiptPlan(state="UNDELIV", err="001")),
    "99052": _submit("receipt EXPIRED", receipt=ReceiptPlan(state="EXPIRED", err="002")),
    "99053": _submit("receipt REJECTD", receipt=ReceiptPlan(state="REJECTD", err="003")),
    "99054": _submit("receipt 10 s late", receipt=ReceiptPlan(late_s=10)),
    "99055": _submit("receipt twice", receipt=ReceiptPlan(doubled=True)),
    "99056": _submit("receipt before the submit_sm_resp", receipt=ReceiptPlan(before_answer=True)),
    "99057": _submit("no receipt", receipt=ReceiptPlan(lost=True)),
    "99061": _deliver("delivered twice, as if the answer had been lost", duplicate=True),
    "99062": _deliver("link cut after it was delivered, and delivered again", 1, cut="after"),
    "99063": _deliver("link cut in the middle of it, and delivered again", 1, cut="middle"),
    "99064": _deliver("an unreadable PDU comes before it", malformed="half_body"),
    "99065": _deliver("delivered after 5 s", delay_s=5),
}


class MagicNumbers:
    """Selects the fault of a message's number and counts the message's attempts."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[tuple[str, str, bytes], int] = OrderedDict()

    def of_submit(self, pdu: SubmitSm) -> tuple[str, Fault] | None:
        """Return name and fault for a message to a magic number."""
        return self._pick("submit_sm", pdu.destination_addr, pdu)

    def of_deliver(self, pdu: DeliverSm) -> tuple[str, Fault] | None:
        """Return name and fault for a message from a magic number."""
        return self._pick("deliver_sm", pdu.source_addr, pdu)

    def _pick(
        self, command: str, number: str, pdu: SubmitSm | DeliverSm
    ) -> tuple[str, Fault] | None:
        digits = number[-DIGITS:]
        magic = MAGIC.get(digits)
        if magic is None or magic.command != command:
            return None
        if magic.times:
            key = (pdu.source_addr, pdu.destination_addr, pdu.short_message)
            attempts = self._attempts.pop(key, 0)
            if attempts >= magic.times:
                return None
            self._attempts[key] = attempts + 1
            if len(self._attempts) > _REMEMBERED:
                self._attempts.popitem(last=False)
        return f"magic {digits}", magic.fault
