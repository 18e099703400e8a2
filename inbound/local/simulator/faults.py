"""The port for faults: hooks at each submit_sm and each deliver_sm."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from inbound.local.simulator.dialects import DEFAULT_PLAN, ReceiptPlan
from inbound.smpp.pdu import DeliverSm, DeliverSmResp, SubmitSm
from inbound.smpp.session import Answer, Session


class Proceed(Protocol):
    """The normal handling of a submit_sm. `receipt` changes the message's receipt."""

    def __call__(
        self, pdu: SubmitSm, session: Session, receipt: ReceiptPlan = DEFAULT_PLAN
    ) -> Awaitable[Answer]:
        """Accept or refuse the message, and return the answer."""


class Faults(Protocol):
    """Hooks that inject faults. The simulator has no faults of its own."""

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """Answer a submit_sm; `proceed` handles it normally.

        Return the answer of `proceed`, another answer (throttling), a future (delay), or
        None (no answer), whether or not `proceed` was called; or cut the link with
        `session.abort`.
        """

    def on_deliver(self, pdu: DeliverSm, session: Session) -> asyncio.Future[DeliverSmResp] | None:
        """Handle a deliver_sm before it is sent; `session.abort` cuts the link.

        Return None to have it sent; or send it here, later or twice, and return the future
        of its answer. If the future fails, the simulator retries.
        """


class NoFaults:
    """Injects nothing."""

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """Return the normal answer."""
        return await proceed(pdu, session)

    def on_deliver(self, pdu: DeliverSm, session: Session) -> asyncio.Future[DeliverSmResp] | None:
        """Return None: the message is sent."""
