"""Where a fault takes hold of the centre: at each submit_sm and each deliver_sm."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from inbound.local.simulator.dialects import DEFAULT_PLAN, ReceiptPlan
from inbound.smpp.pdu import DeliverSm, DeliverSmResp, SubmitSm
from inbound.smpp.session import Answer, Session


class Proceed(Protocol):
    """What the centre would do with a submit_sm; `receipt` says what becomes of its receipt."""

    def __call__(
        self, pdu: SubmitSm, session: Session, receipt: ReceiptPlan = DEFAULT_PLAN
    ) -> Awaitable[Answer]:
        """Take the message, or refuse it, and return the answer."""


class Faults(Protocol):
    """What can be made to go wrong. The centre knows no faults of its own."""

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """Answer a submit_sm; `proceed` is what the centre would do.

        Return its answer, another one (throttling), a future that is settled later (delay),
        or None (no answer at all), with or without having proceeded; or cut the link with
        `session.abort`.
        """

    def on_deliver(self, pdu: DeliverSm, session: Session) -> asyncio.Future[DeliverSmResp] | None:
        """See a deliver_sm before it is sent; `session.abort` cuts the link.

        Return None to have it sent; or send it yourself, later or twice, and return the
        future of its answer. A future that fails makes the centre try again.
        """


class NoFaults:
    """Everything goes well."""

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """Proceed."""
        return await proceed(pdu, session)

    def on_deliver(self, pdu: DeliverSm, session: Session) -> asyncio.Future[DeliverSmResp] | None:
        """Let it go."""
