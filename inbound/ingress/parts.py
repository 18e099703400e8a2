"""What every entry point of the ingress works with, and how it hands over orders.

An entry point translates a request into `schemas.orders.Order`s and places them:

    placed = await parts.place([Order(account=caller.account, phone=..., text=...)])

They share one transaction with the orders of other callers, and are stored when it returns. Each
answer has the id of its order or the reason of its refusal; the entry point translates that back.
`numbered` gives an order an id that follows from a number, for dialects whose ids are numbers.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from inbound.clock import utc_now
from inbound.directory.port import ClientNumbers
from inbound.ingress.access import Access
from inbound.ingress.failures import FailureCounter
from inbound.ingress.numbers import MessageNumbers
from inbound.ingress.smsc.ids import Naming
from inbound.ingress.turns import AccountTurns
from inbound.keys import CredentialHasher, IndexKey, OrderHasher, SubjectHasher, VaultCipher
from inbound.orders.batching import Batcher, OrderBatcher
from inbound.orders.dispatch import Dispatcher
from inbound.orders.intake import Intake
from inbound.orders.ports import Placed
from inbound.orders.wiring import IntakeConnections
from inbound.parsers.channel_addresses import ChannelAddressError, parse_address
from inbound.settings import Settings
from inbound.store.access.account_credentials import (
    AccountName,
    FoundCredentials,
    find_credentials,
    remember_client,
    take_numbers,
)
from inbound.store.access.audit import NewAuditEntry, record_all
from inbound.store.connection_pool import ConnectionPool
from inbound.store.sealing import Sealer
from schemas.channels import Channel
from schemas.orders import Order
from schemas.topics import TopicNames

APPLICATION_NAME = "scserv ingress"
SECONDS = 60

Asked = tuple[AccountName, str | None]
"""How a program names its account, and its address."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Of one ingress process. Every method may raise RetryableError."""

    access: Access
    pool: ConnectionPool
    intake: Intake
    batcher: OrderBatcher
    dispatcher: Dispatcher
    numbers: MessageNumbers
    order_hasher: OrderHasher
    subject_hasher: SubjectHasher
    sealer: Sealer
    clock: Callable[[], datetime]
    sender: str
    alphabet: str
    zone: str
    ahead_days: int
    channels: frozenset[Channel]
    directory: ClientNumbers
    turns: AccountTurns = field(default_factory=AccountTurns)

    async def place(self, orders: Sequence[Order]) -> Sequence[Placed]:
        """Place up to 1,000 orders together; return the answer to each. Durable when it returns.

        Raises TooManyWaitingError, a RetryableError, if too many wait: then none was placed.
        After another RetryableError they may have been placed.
        """
        return await self.batcher.place(orders)

    async def clients_of_addresses(
        self, channel: Channel, addresses: Sequence[str]
    ) -> dict[str, str]:
        """Return the client of each of these addresses that is that of one client.

        `addresses` are as programs write them; what is no address is left out.
        """
        read: dict[str, str] = {}
        for one in addresses:
            with contextlib.suppress(ChannelAddressError):
                read[one] = parse_address(channel, one)
        found = await self.directory.clients_of_addresses(channel, list(read.values()))
        return {one: found[address] for one, address in read.items() if address in found}

    def order_id(self, account: str, dialect: str, message_id: str) -> UUID:
        """Return the id of the order that the account's program knows by `message_id`.

        It is made as from an idempotency key: an order that comes again with the same id is the
        same order, and no table is needed to find it.
        """
        return self.order_hasher.order_id(account, f"{dialect}:{message_id}")


class OpenParts:
    """The parts of a process with their connections, from its settings; `close` at the end."""

    def __init__(
        self, settings: Settings, index_key: IndexKey, clock: Callable[[], datetime]
    ) -> None:
        """Open nothing yet. Raises `SetupError` when the vault key is missing or malformed."""
        hasher = SubjectHasher(index_key)
        self._orders = IntakeConnections(settings, index_key, clock)
        pool = ConnectionPool(settings.database_url.get_secret_value(), APPLICATION_NAME)
        dispatcher = Dispatcher(
            self._orders.store,
            hasher,
            TopicNames.prefixed(settings.topic_prefix),
            sender=settings.sender,
            clock=clock,
        )
        self.parts = Parts(
            access=access_on(pool, index_key, settings.ingress.ban_minutes * SECONDS, clock),
            pool=pool,
            intake=self._orders.intake,
            batcher=OrderBatcher(self._place, account_of=attrgetter("account")),
            dispatcher=dispatcher,
            numbers=MessageNumbers(lambda: pool.run(take_numbers)),
            order_hasher=OrderHasher(index_key),
            subject_hasher=hasher,
            sealer=Sealer(VaultCipher(settings.vault_keys())),
            clock=clock,
            sender=settings.sender,
            alphabet=settings.smpp.alphabet,
            zone=settings.time_zone,
            ahead_days=settings.order_ahead_days,
            channels=settings.channels,
            directory=self._orders.directory,
        )

    async def _place(self, orders: Sequence[Order]) -> Sequence[Placed]:
        return await self._orders.intake.place(orders, Naming(orders, self.parts.sealer))

    async def close(self) -> None:
        """Wait for orders that are being placed, and close the connections."""
        await self.parts.batcher.close()
        await self._orders.close()
        await self.parts.pool.close()


def access_on(
    pool: ConnectionPool,
    index_key: IndexKey,
    ban_s: float,
    clock: Callable[[], datetime] = utc_now,
) -> Access:
    """Return the access of programs whose credentials are in this database."""

    async def audit(entry: NewAuditEntry) -> None:
        await pool.run(record_all, [entry])

    async def remember(account: str, client: str) -> None:
        await pool.run(remember_client, account, client, clock())

    # Those who ask while a query runs share the next one, so that their orders come together, too.
    finding = Batcher[Asked, FoundCredentials | None](
        lambda asked: pool.run(find_credentials, asked), gather_s=0
    )

    async def find(name: AccountName, address: str | None) -> FoundCredentials | None:
        (found,) = await finding.place([(name, address)])
        return found

    return Access(
        find,
        audit,
        remember,
        CredentialHasher(index_key),
        FailureCounter(ban_s),
    )
