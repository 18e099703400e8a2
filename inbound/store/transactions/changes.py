"""All that one transaction writes."""

from dataclasses import dataclass, field
from uuid import UUID

from inbound.handlers.receipts import SentPart
from inbound.store.access.audit import NewAuditEntry
from inbound.store.claims.rows import Secret
from inbound.store.dead_letters.rows import DeadLetter
from inbound.store.log.rows import NewEvent, NewState
from inbound.store.mo.account_texts import NewAccountText
from inbound.store.mo.rows import InboxRow, RejectedMo
from inbound.store.orders.rows import OrderWrites
from inbound.store.outbox.rows import NewOutboxRow
from inbound.store.receipts.rows import EarlyKey
from inbound.store.registrations.rows import CountedRegistrations, HeldRegistration


@dataclass(slots=True)
class Changes:
    """Everything to write, collected by the caller and written in one call.

    `sent` are new parts, without the status from their receipts; `receipts` are known parts,
    new or old, with it. `rejected_mos` have each key once and never conflict. `unknown_numbers`
    are accepted commands of unknown numbers by SMS centre. `wants_command_callbacks` is False if no
    account has callbacks for accepted commands (`Transaction.known_senders`): that saves a query.
    """

    inbox: list[InboxRow] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    states: list[NewState] = field(default_factory=list)
    outbox: list[NewOutboxRow] = field(default_factory=list)
    vault: list[Secret] = field(default_factory=list)
    erase_vault: list[UUID] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    sent: list[SentPart] = field(default_factory=list)
    receipts: list[SentPart] = field(default_factory=list)
    no_longer_early: list[EarlyKey] = field(default_factory=list)
    rejected_mos: list[RejectedMo] = field(default_factory=list)
    account_texts: list[NewAccountText] = field(default_factory=list)
    unknown_numbers: dict[str, int] = field(default_factory=dict)
    registrations: list[CountedRegistrations] = field(default_factory=list)
    held: list[HeldRegistration] = field(default_factory=list)
    audit: list[NewAuditEntry] = field(default_factory=list)
    orders: OrderWrites = field(default_factory=OrderWrites)
    wants_command_callbacks: bool = True
