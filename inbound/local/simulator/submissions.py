"""What clients submit: whether it is taken, and with which message_id it is answered."""

from inbound.local.simulator.client_links import Client, ClientLinks
from inbound.local.simulator.dialects import DEFAULT_PLAN, ReceiptPlan
from inbound.local.simulator.message_tracker import MessageTracker
from inbound.local.simulator.router import digits
from inbound.local.simulator.settings import SimulatorStats
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status


class Submissions:
    """Takes each submit_sm, unless its client is too fast or is not who it says."""

    def __init__(self, links: ClientLinks, tracker: MessageTracker, stats: SimulatorStats) -> None:
        self._links = links
        self._tracker = tracker
        self._stats = stats

    async def take(
        self, pdu: SubmitSm, session: Session, receipt: ReceiptPlan = DEFAULT_PLAN
    ) -> Answer:
        """Take a message, or refuse it, and return the answer. Does not block."""
        self._stats.submitted += 1
        link = self._links.get(session)
        if link is None:
            return pdu.answer(Status.ESME_RSYSERR)
        status = self._throttle(link.client) if link.client else _own_number(pdu, session)
        if status:
            self._stats.refused += 1
            return pdu.answer(status)
        message_id = self._tracker.take(pdu, link, receipt)
        if message_id is None:
            self._stats.refused += 1
            return pdu.answer(Status.ESME_RMSGQFUL)
        answer = pdu.answer()
        answer.message_id = message_id
        return answer

    def _throttle(self, client: Client) -> int:
        if client.bucket.delay():
            self._stats.throttled += 1
            return Status.ESME_RTHROTTLED
        client.bucket.take()
        return Status.ESME_ROK


def _own_number(pdu: SubmitSm, session: Session) -> int:
    """Check that a phone sends from its own number; fill in a missing source address."""
    own = digits(session.bound_as.address_range) if session.bound_as else ""
    if not pdu.source_addr and own[-1:] != "*":
        pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr = 1, 1, own
    number = digits(pdu.source_addr)
    matches = number.startswith(own[:-1]) if own[-1:] == "*" else number == own
    return Status.ESME_ROK if matches and number else Status.ESME_RINVSRCADR
