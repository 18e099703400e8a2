"""Tracks each submitted message: its id, its delivery to a phone, its receipt."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from inbound.local.simulator.client_links import Client, ClientLink
from inbound.local.simulator.delivery_queue import QueuedMessage
from inbound.local.simulator.dialects import DEFAULT_PLAN, ReceiptDialect, ReceiptPlan
from inbound.local.simulator.message_states import MessageStates
from inbound.local.simulator.receipts import FinalState, answer_id, is_requested, receipt
from inbound.local.simulator.scheduler import TaskScheduler
from inbound.local.simulator.settings import SimulatorStats
from inbound.smpp.pdu import DeliverSm, SubmitSm
from inbound.smpp.user_data import part_of

# Bits 7..6 of esm_class (SMPP 3.4, 5.2.12), reply path and UDHI, are delivered with the
# message; the other bits are for the SMSC.
_GSM_FEATURES: Final = 0xC0
# Long messages with a single receipt that may be incomplete at one time.
_MAX_WHOLE: Final = 10_000

_Key = tuple[str, str, str, int, int, int]


@dataclass(slots=True, eq=False)
class _TrackedMessage:
    """A message in delivery. `open` are the parts without a final status."""

    pdu: SubmitSm
    message_id: str
    client: Client
    dialect: ReceiptDialect
    plan: ReceiptPlan
    submitted: float
    parts: int = 1
    open: set[int] = field(default_factory=lambda: {1})
    status: int = 0
    ended: bool = False
    key: _Key | None = None


class MessageTracker:
    """Accepts messages of accounts and sends their receipts."""

    def __init__(
        self,
        ids: Iterator[str],
        hand_over: Callable[[QueuedMessage], bool],
        dialects: Mapping[str, ReceiptDialect],
        scheduler: TaskScheduler,
        wall_clock: Callable[[], float],
        stats: SimulatorStats,
        states: MessageStates,
    ) -> None:
        """Take message ids, in hexadecimal; `hand_over` queues a message, False when full."""
        self._ids = ids
        self._hand_over = hand_over
        self._dialects = dialects
        self._scheduler = scheduler
        self._wall_clock = wall_clock
        self._stats = stats
        self._states = states
        self._whole: OrderedDict[_Key, _TrackedMessage] = OrderedDict()

    def take(self, pdu: SubmitSm, link: ClientLink, plan: ReceiptPlan = DEFAULT_PLAN) -> str | None:
        """Accept a message; return its id as in the submit_sm_resp, None if the queue is full."""
        client = link.client
        if client is None:  # phones get no receipts
            message_id = next(self._ids)
            return message_id if self._hand_over(QueuedMessage(delivery(pdu))) else None
        dialect = self._dialects[plan.dialect] if plan.dialect else client.dialect
        whole = (link.per or dialect.per) == "message"
        if plan is DEFAULT_PLAN and not pdu.registered_delivery & 0x03 and not whole:
            return self._take_plain(pdu, client, dialect)
        tracked, part = self._track(pdu, client, dialect, plan, whole=whole)
        settle = partial(self._settle, tracked, part)
        if not plan.delivered:
            # After the answer, which is written in this iteration of the loop.
            asyncio.get_running_loop().call_soon(settle, 0)
        elif not self._hand_over(QueuedMessage(delivery(pdu), settle)):
            return None
        written = answer_id(tracked.message_id, dialect)
        self._states.begin(written, client.account.system_id, pdu.source_addr)
        if plan.before_answer:
            self._end(tracked)
        return written

    def _take_plain(self, pdu: SubmitSm, client: Client, dialect: ReceiptDialect) -> str | None:
        """Accept a message that gets no receipt."""
        message = QueuedMessage(delivery(pdu), None, client.account.system_id)
        if not self._hand_over(message):
            return None
        message_id = answer_id(next(self._ids), dialect)
        self._states.add(message_id, message)
        return message_id

    def _track(
        self,
        pdu: SubmitSm,
        client: Client,
        dialect: ReceiptDialect,
        plan: ReceiptPlan,
        *,
        whole: bool,
    ) -> tuple[_TrackedMessage, int]:
        """Return the tracked message and the number of this part."""
        part = part_of(pdu) if whole else None
        if part is None:
            return _TrackedMessage(
                pdu, next(self._ids), client, dialect, plan, self._wall_clock()
            ), 1
        key = (
            client.account.system_id,
            pdu.source_addr,
            pdu.destination_addr,
            part.reference,
            part.width,
            part.total,
        )
        tracked = self._whole.get(key)
        if tracked is None:
            tracked = _TrackedMessage(
                pdu, next(self._ids), client, dialect, plan, self._wall_clock()
            )
            tracked.parts, tracked.key = part.total, key
            tracked.open = set(range(1, part.total + 1))
            self._whole[key] = tracked
            if len(self._whole) > _MAX_WHOLE:
                self._whole.popitem(last=False)
        if pdu.registered_delivery & 0x03:
            tracked.pdu = pdu
        return tracked, part.sequence

    def _settle(self, tracked: _TrackedMessage, part: int, status: int) -> None:
        """Record a part's final status. The last part ends the message."""
        tracked.open.discard(part)
        tracked.status = tracked.status or status
        if not tracked.open:
            self._end(tracked)

    def _end(self, tracked: _TrackedMessage) -> None:
        """Send the receipt of a message in its final state, if one was requested."""
        if tracked.key is not None:
            self._whole.pop(tracked.key, None)
        if tracked.ended:
            return
        tracked.ended = True
        plan = tracked.plan
        delivered = plan.delivered and not tracked.status
        final = FinalState(
            state=plan.state or ("REJECTD" if tracked.status else "DELIVRD"),
            error=tracked.status & 0xFF if plan.delivered else 1,
            submitted=tracked.submitted,
            done=self._wall_clock() + plan.late_s,
            parts=tracked.parts,
            err=plan.err,
        )
        written = answer_id(tracked.message_id, tracked.dialect)
        self._states.end(written, final.state, final.error, final.done)
        if plan.lost or not is_requested(tracked.pdu, delivered=delivered):
            return
        if plan.late_s:
            self._scheduler.after(plan.late_s, partial(self._send, tracked, final))
        else:
            self._send(tracked, final)

    def _send(self, tracked: _TrackedMessage, final: FinalState) -> None:
        for _ in range(2 if tracked.plan.doubled else 1):
            message = QueuedMessage(
                receipt(tracked.pdu, tracked.message_id, final, tracked.dialect)
            )
            if not tracked.client.queue.put(message):
                self._stats.dropped += 1


def delivery(pdu: SubmitSm) -> DeliverSm:
    """Return the deliver_sm of a submitted message, with its text, header and TLVs unchanged."""
    return DeliverSm(
        service_type=pdu.service_type,
        source_addr_ton=pdu.source_addr_ton,
        source_addr_npi=pdu.source_addr_npi,
        source_addr=pdu.source_addr,
        dest_addr_ton=pdu.dest_addr_ton,
        dest_addr_npi=pdu.dest_addr_npi,
        destination_addr=pdu.destination_addr,
        esm_class=pdu.esm_class & _GSM_FEATURES,
        protocol_id=pdu.protocol_id,
        priority_flag=pdu.priority_flag,
        data_coding=pdu.data_coding,
        short_message=pdu.short_message,
        tlvs=pdu.tlvs,
    )
