"""The links of the centre: who is at the other end, and what the ledger says of each.

With strict binds, system_type counts as some centres let it: "MCON2" allows two links of
one account at a time (MCON1 to MCON9; without it one), and a bind beyond that ends the
oldest; "SINGLE" wants an id and a receipt for each part of a long message rather than one
for all of it; "ISO" is accepted and changes nothing, for texts pass through as octets.
Several are joined by commas.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self

from inbound.local.simulator.delivery_queue import DeliveryQueue
from inbound.local.simulator.dialects import ReceiptDialect
from inbound.local.simulator.ledger import Ledger, Message
from inbound.local.simulator.router import digits
from inbound.local.simulator.settings import PHONE, SimulatorAccount
from inbound.smpp.pdu import Bind, DataSm, DeliverSm, ResponsePdu
from inbound.smpp.rate import TokenBucket
from inbound.smpp.session import Session
from inbound.smpp.status import Status

Per = Literal["", "part", "message"]

# What the ledger calls the answer to each thing that is handed over.
ANSWERS: Final = {
    "deliver_sm": "deliver_sm_resp",
    "data_sm": "data_sm_resp",
    "receipt": "receipt_resp",
}

_MCON: Final = re.compile("MCON([1-9])")
# The message type bits of esm_class (5.2.12): anything in them is no plain message.
_MESSAGE_TYPE: Final = 0x3C


@dataclass(slots=True, eq=False)
class Client:
    """An account while the centre runs."""

    account: SimulatorAccount
    mailbox: DeliveryQueue
    bucket: TokenBucket
    dialect: ReceiptDialect


@dataclass(slots=True, eq=False)
class ClientLink:
    """One link; `number` counts them. `per` is what its system_type said of receipts."""

    number: int
    system_id: str = ""
    client: Client | None = None
    per: Per = ""


@dataclass(frozen=True, slots=True)
class BindOptions:
    """What a system_type asks for."""

    links: int = 1
    single: bool = False

    @classmethod
    def parse(cls, system_type: str) -> Self | None:
        """Read a system_type; None when something in it is unknown."""
        links, single = 1, False
        for word in filter(None, system_type.split(",")):
            if mcon := _MCON.fullmatch(word):
                links = int(mcon[1])
            elif word == "SINGLE":
                single = True
            elif word != "ISO":
                return None
        return cls(links, single)


class ClientLinks:
    """All links by session."""

    def __init__(self, clients: Mapping[str, Client], ledger: Ledger, *, strict: bool) -> None:
        self._clients = clients
        self._ledger = ledger
        self._strict = strict
        self._count = 0
        self._links: dict[Session, ClientLink] = {}

    def __len__(self) -> int:
        return len(self._links)

    def get(self, session: Session) -> ClientLink | None:
        """Return the line of a session that stands."""
        return self._links.get(session)

    def opened(self, session: Session) -> None:
        """Take up a new link."""
        self._count += 1
        self._links[session] = ClientLink(self._count)
        self._ledger.event("connect", self._count)

    def closed(self, session: Session) -> None:
        """Forget a link that has ended."""
        line = self._links.pop(session, None)
        if line is not None:
            self._ledger.event("end", line.number, line.system_id, detail=session.reason)

    def admit(self, bind: Bind, session: Session) -> int:
        """Decide about a bind; return its status. May end older links of the account."""
        line = self._links.get(session)
        if line is None:
            return Status.ESME_RBINDFAIL
        if bind.system_id == PHONE:
            line.system_id = PHONE
            return Status.ESME_ROK if digits(bind.address_range) else Status.ESME_RBINDFAIL
        client = self._clients.get(bind.system_id)
        if client is None:
            return Status.ESME_RINVSYSID
        if not hmac.compare_digest(client.account.password.encode(), bind.password.encode()):
            return Status.ESME_RINVPASWD
        if self._strict:
            options = BindOptions.parse(bind.system_type)
            if options is None:
                return Status.ESME_RINVSYSTYP
            line.per = "part" if options.single else "message"
            self._end_others(client, options.links)
        line.system_id, line.client = bind.system_id, client
        return Status.ESME_ROK

    def _end_others(self, client: Client, links: int) -> None:
        """End the oldest links of an account until one more is allowed."""
        others = [
            session
            for session, line in self._links.items()
            if line.client is client and not session.reason
        ]
        for session in others[: max(0, len(others) - links + 1)]:
            session.close("a newer bind of the account took its place")

    # What the ledger is told of a session's link, if that still stands.

    def message(self, session: Session, what: str, pdu: Message, detail: str = "") -> None:
        """Note a PDU that carries a message."""
        line = self._links.get(session)
        if line is not None:
            self._ledger.message(what, line.number, line.system_id, pdu, detail)

    def answer(self, session: Session, what: str, pdu: ResponsePdu, detail: str = "") -> None:
        """Note an answer."""
        line = self._links.get(session)
        if line is not None:
            self._ledger.answer(what, line.number, line.system_id, pdu, detail)

    def event(self, session: Session, what: str, detail: str = "") -> None:
        """Note anything else."""
        line = self._links.get(session)
        if line is not None:
            self._ledger.event(what, line.number, line.system_id, detail)


def kind_of(pdu: DeliverSm | DataSm) -> str:
    """Return what the ledger calls something handed over."""
    if pdu.esm_class & _MESSAGE_TYPE:
        return "receipt"
    return "deliver_sm" if isinstance(pdu, DeliverSm) else "data_sm"


def error_text(error: BaseException) -> str:
    """Return a sentence for the ledger about why there was no answer."""
    return str(error) or type(error).__name__
