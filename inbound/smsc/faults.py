"""Where a fault script takes hold of the centre: at each submit_sm and each deliver_sm."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from inbound.smpp.pdu import DeliverSm, SubmitSm
from inbound.smpp.session import Answer, Session

Proceed = Callable[[SubmitSm, Session], Awaitable[Answer]]


class Faults(Protocol):
    """What can be made to go wrong. The centre knows no faults of its own."""

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """Answer a submit_sm; `proceed` is what the centre would do.

        Return its answer, another one (throttling), a future that is settled later (delay),
        or None (no answer at all), with or without having proceeded; or cut the link with
        `session.abort`.
        """

    def on_deliver(self, pdu: DeliverSm, session: Session) -> None:
        """See a deliver_sm before it is sent; `session.abort` cuts the link."""


class NoFaults:
    """Everything goes well."""

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """Proceed."""
        return await proceed(pdu, session)

    def on_deliver(self, pdu: DeliverSm, session: Session) -> None:
        """Let it go."""
