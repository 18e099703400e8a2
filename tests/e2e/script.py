"""The SMS centre's script: sees every PDU, wakes up who waits for one, breaks what a test wants."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import pytest

from inbound.local.simulator.faults import Proceed
from inbound.local.simulator.phone import FEDERAL_NUMBER
from inbound.local.simulator.server import SimulatorAccount
from inbound.smpp import alphabet
from inbound.smpp.pdu import DeliverSm, SubmitSm
from inbound.smpp.segmentation import text_of
from inbound.smpp.session import Answer, Session
from inbound.smpp.user_data import ConcatenatedPart, body_of, part_of
from tests.patience import PATIENCE_S

ACCOUNT: Final = SimulatorAccount("scserv", "smpp-pw", FEDERAL_NUMBER)
ACKNOWLEDGEMENT: Final = "Ваша заявка принята. Дождитесь СМС-уведомления об исполнении запроса."

Fault = Callable[[SubmitSm, Session, Proceed], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Submit:
    """One submit_sm as it reached the centre."""

    number: str
    pdu: SubmitSm = field(repr=False)
    part: ConcatenatedPart | None = field(repr=False)

    @property
    def text(self) -> str:
        """What this PDU alone says."""
        return (
            alphabet.decode(body_of(self.pdu), self.pdu.data_coding) or "\N{REPLACEMENT CHARACTER}"
        )

    @property
    def acknowledges(self) -> bool:
        """Whether this is an acknowledgement."""
        return self.text == ACKNOWLEDGEMENT


class Script:
    """The centre's fault hook: records everything, and breaks what the test says.

    `fault` decides about each submit_sm; without one the centre does as it always does.
    `watch` is called, inside the centre, with each recorded submit_sm: the place to kill
    a process at an exact moment.
    """

    def __init__(self) -> None:
        self.submitted: list[Submit] = []
        self.delivered: list[DeliverSm] = []
        self.fault: Fault | None = None
        self.watch: Callable[[Submit], None] = lambda _submit: None
        self.cut_after_delivery_of: set[str] = set()
        self._changed = asyncio.Event()

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """See `Faults`. What phones send is none of the service's."""
        if session.bound_as is None or session.bound_as.system_id != ACCOUNT.system_id:
            return await proceed(pdu, session)
        submit = Submit(f"+{pdu.destination_addr}", pdu, part_of(pdu))
        self.submitted.append(submit)
        self._changed.set()
        self.watch(submit)
        return await (self.fault(pdu, session, proceed) if self.fault else proceed(pdu, session))

    def on_deliver(self, pdu: DeliverSm, session: Session) -> None:
        """See `Faults`."""
        if session.bound_as is None or session.bound_as.system_id != ACCOUNT.system_id:
            return
        self.delivered.append(pdu)
        self._changed.set()
        if pdu.source_addr in self.cut_after_delivery_of:
            self.cut_after_delivery_of.remove(pdu.source_addr)
            # Once it is on the wire and before its answer can be.
            asyncio.get_running_loop().call_soon(session.abort, "the script cuts the link")

    def to(self, number: str) -> list[Submit]:
        """Every submit_sm to a number, in order."""
        return [submit for submit in self.submitted if submit.number == number]

    def texts_to(self, number: str) -> list[str]:
        """The whole texts that a number received, each where its last part came."""
        texts: list[str] = []
        incomplete: dict[int, dict[int, ConcatenatedPart]] = {}
        for submit in self.to(number):
            if submit.part is None:
                texts.append(submit.text)
                continue
            parts = incomplete.setdefault(submit.part.reference, {})
            parts[submit.part.sequence] = submit.part
            if len(parts) == submit.part.total:
                texts.append(text_of(incomplete.pop(submit.part.reference).values()) or "")
        return texts

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a PDU that makes `condition` true; fail the test when none comes in time."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pytest.fail(
                f"{what}: not within {PATIENCE_S:g} s, after {len(self.delivered)} deliver_sm "
                f"and {len(self.submitted)} submit_sm"
            )

    async def replies(self, number: str, texts: int = 2) -> list[str]:
        """Wait until a number has received so many whole texts; return all it has."""
        await self.until(lambda: len(self.texts_to(number)) >= texts, f"{texts} texts to {number}")
        return self.texts_to(number)
