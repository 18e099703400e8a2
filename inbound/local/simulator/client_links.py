"""The simulator's client connections: which account or phone each belongs to.

With strict binds, system_type has the options of `inbound.smpp.bind_options`, as at some SMS
centres. "ISO" is accepted and ignored: texts are passed on as octets.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from inbound.local.peer_user import is_another_user
from inbound.local.simulator.delivery_queue import DeliveryQueue
from inbound.local.simulator.dialects import ReceiptDialect
from inbound.local.simulator.ledger import PduLedger
from inbound.local.simulator.router import digits
from inbound.local.simulator.settings import PHONE, SimulatorAccount
from inbound.smpp.bind_options import BindOptions
from inbound.smpp.pdu import BindPdu, DataSm, DeliverSm, ResponsePdu
from inbound.smpp.rate import TokenBucket
from inbound.smpp.session import Session
from inbound.smpp.status import Status
from inbound.smpp.user_data import MessagePdu

Per = Literal["", "part", "message"]

# The ledger's name of the answer to each kind of delivery.
ANSWERS: Final = {
    "deliver_sm": "deliver_sm_resp",
    "data_sm": "data_sm_resp",
    "receipt": "receipt_resp",
}

# The message type bits of esm_class (5.2.12); 0 means a plain message.
_MESSAGE_TYPE: Final = 0x3C


@dataclass(slots=True, eq=False)
class Client:
    """An account at run time: its delivery queue, rate and receipt dialect."""

    account: SimulatorAccount
    queue: DeliveryQueue
    bucket: TokenBucket
    dialect: ReceiptDialect


@dataclass(slots=True, eq=False)
class ClientLink:
    """One connection. `number` counts connections from 1; `per` is from its system_type."""

    number: int
    system_id: str = ""
    client: Client | None = None
    per: Per = ""


class ClientLinks:
    """All open connections by session, and their entries in the ledger."""

    def __init__(
        self,
        clients: Mapping[str, Client],
        ledger: PduLedger,
        *,
        strict: bool,
        phone_password: str = "",
    ) -> None:
        self._clients = clients
        self._phone_password = phone_password
        self._ledger = ledger
        self._strict = strict
        self._count = 0
        self._links: dict[Session, ClientLink] = {}

    def __len__(self) -> int:
        return len(self._links)

    def get(self, session: Session) -> ClientLink | None:
        """Return the link of an open session."""
        return self._links.get(session)

    def of_account(self, system_id: str) -> list[Session]:
        """Return the bound links of an account, or of all accounts ("")."""
        return [
            session
            for session, link in self._links.items()
            if link.client is not None and system_id in {"", link.system_id}
        ]

    def opened(self, session: Session) -> None:
        """Add a new connection."""
        self._count += 1
        self._links[session] = ClientLink(self._count)
        self._ledger.event("connect", self._count)

    def closed(self, session: Session) -> None:
        """Remove a closed connection."""
        link = self._links.pop(session, None)
        if link is not None:
            self._ledger.event("end", link.number, link.system_id, detail=session.reason)

    def admit(self, bind: BindPdu, session: Session) -> int:
        """Return the command_status of a bind. May close older links of the account."""
        link = self._links.get(session)
        if link is None:
            return Status.ESME_RBINDFAIL
        if bind.system_id == PHONE:
            return self._admit_phone(bind, session, link)
        client = self._clients.get(bind.system_id)
        if client is None:
            return Status.ESME_RINVSYSID
        if not _same(client.account.password, bind.password):
            return Status.ESME_RINVPASWD
        if self._strict:
            options = BindOptions.parse(bind.system_type)
            if options is None:
                return Status.ESME_RINVSYSTYP
            link.per = "part" if options.single else "message"
            self._end_others(client, options)
        link.system_id, link.client = bind.system_id, client
        return Status.ESME_ROK

    def _admit_phone(self, bind: BindPdu, session: Session, link: ClientLink) -> int:
        if self._phone_password:
            is_owner = _same(self._phone_password, bind.password)
        else:
            addresses = session.addresses()
            is_owner = addresses is not None and not is_another_user(*addresses)
        if not is_owner:
            return Status.ESME_RINVPASWD
        link.system_id = PHONE
        return Status.ESME_ROK if digits(bind.address_range) else Status.ESME_RBINDFAIL

    def _end_others(self, client: Client, options: BindOptions) -> None:
        """Close the oldest links of an account until one more is allowed."""
        others = [
            session
            for session, link in self._links.items()
            if link.client is client and not session.reason
        ]
        for session in options.surplus(others):
            session.close("a newer bind of the account replaced this one")

    # Entries in the ledger, while the connection is open.

    def message(self, session: Session, what: str, pdu: MessagePdu, detail: str = "") -> None:
        """Record a PDU that carries a message."""
        link = self._links.get(session)
        if link is not None:
            self._ledger.message(what, link.number, link.system_id, pdu, detail)

    def answer(self, session: Session, what: str, pdu: ResponsePdu, detail: str = "") -> None:
        """Record an answer."""
        link = self._links.get(session)
        if link is not None:
            self._ledger.answer(what, link.number, link.system_id, pdu, detail)

    def event(self, session: Session, what: str, detail: str = "") -> None:
        """Record any other event."""
        link = self._links.get(session)
        if link is not None:
            self._ledger.event(what, link.number, link.system_id, detail)


def kind_of(pdu: DeliverSm | DataSm) -> str:
    """Return the ledger's name of a delivery: receipt, deliver_sm or data_sm."""
    if pdu.esm_class & _MESSAGE_TYPE:
        return "receipt"
    return "deliver_sm" if isinstance(pdu, DeliverSm) else "data_sm"


def error_text(error: BaseException) -> str:
    """Return why there was no answer, for the ledger."""
    return str(error) or type(error).__name__


def _same(password: str, given: str) -> bool:
    """Whether a password was given; the time that it takes doesn't tell how much is right."""
    return hmac.compare_digest(password.encode(), given.encode())
