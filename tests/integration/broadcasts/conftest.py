"""A database, an audience, and a pump."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from inbound.broadcasts.audience import audience_columns, check_row
from inbound.broadcasts.batches import Batches
from inbound.broadcasts.content import own_text
from inbound.broadcasts.control import create, found, perform, progress_of
from inbound.broadcasts.drafting import BroadcastPlan
from inbound.broadcasts.loading import Audience, AudienceKeys, load_rows
from inbound.broadcasts.pump import Pump, PumpSettings
from inbound.broadcasts.sealing import AudienceSealer
from inbound.directory.memory import MemoryDirectory
from inbound.directory.port import Registration
from inbound.handlers.broadcasts import BroadcastAction
from inbound.keys import OrderHasher, SubjectHasher, VaultCipher
from inbound.orders.dispatch import Dispatcher
from inbound.orders.intake import Intake
from inbound.orders.ports import NoTemplates
from inbound.orders.tools import IntakeSettings, IntakeTools
from inbound.store.access.approval_rules import ApprovalRules, publish_rules
from inbound.store.broadcasts.rows import Broadcast, Progress
from inbound.store.transactions.postgres import PostgresStore
from inbound.tables.model import Choices
from inbound.tables.reader import open_table
from schemas.topics import TopicNames
from tests.fix_store import (  # noqa: F401  fixtures
    BOUND,
    SUBJECT_KEY,
    VAULT_KEY,
    cipher,
    conn,
    database_url,
    hasher,
    migrated_template,
    settings_of_the_service,
)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEXT = "Уважаемый {name}, офис закрыт."


def number(n: int) -> str:
    return f"+7916{n:07d}"


@dataclass
class Bench:
    """Creates broadcasts, and pumps them at a time that a test decides."""

    conn: psycopg.Connection
    store: PostgresStore
    folder: Path
    now: datetime = START
    ahead: int = 100

    def __post_init__(self) -> None:
        self.hasher = SubjectHasher(SUBJECT_KEY)
        self.sealer = AudienceSealer(VAULT_KEY)
        self.clients: dict[str, Registration] = {}
        self.directory = MemoryDirectory(self.clients)

    def add_clients(self, numbers: Iterable[str]) -> None:
        """Add clients to the directory: in memory for the intake, as rows for audiences."""
        for one in numbers:
            registration = Registration(f"c{one[-7:]}", "1234", "user", "1a2b3c4d")
            self.clients[one] = registration
            number_hash = self.hasher.hash(one)
            self.conn.execute(
                "INSERT INTO clients (number_hash, client_id, number_sealed, registration_sealed,"
                " registration_digest) VALUES (%s, %s, %s, '', '')",
                [number_hash, registration.client_id, self.sealer.seal_number(one, number_hash)],
            )
        self.directory = MemoryDirectory(self.clients)

    def create(self, rows: Iterable[str], text: str = TEXT, **plan: object) -> Broadcast:
        """Create a broadcast to a table with these rows, a number and a name each."""
        path = self.folder / "audience.csv"
        path.write_text("\n".join(["msisdn,name", *rows]), "utf-8")
        content = own_text(text, max_parts=8, alphabet="gsm0338")
        keys = AudienceKeys(self.hasher, self.sealer)

        def load(broadcast_id: UUID) -> Audience:
            choices = Choices(keeps_others=True)
            with open_table(path, audience_columns(content.fields), choices) as table:
                checked = (check_row(row, content, table.others) for row in table.rows())
                return load_rows(
                    *(self.conn, broadcast_id, checked, keys),
                    strangers=False,
                    shape=table.shape,
                )

        made = BroadcastPlan("Spring", "ann", text=text, columns=content.fields, **plan)  # type: ignore[arg-type]
        return create(self.conn, made, load, self.sealer, self.now)

    def act(
        self, one: Broadcast, action: BroadcastAction, by: str = "ann", **options: object
    ) -> Broadcast:
        return perform(
            self.conn,
            one.broadcast_id,
            action,
            by=by,
            now=self.now,
            **options,  # type: ignore[arg-type]
        )

    def need_approval_above(self, recipients: int) -> None:
        """As the settings of a scheduler say."""
        publish_rules(self.conn, ApprovalRules(recipients))

    def pump(self) -> Pump:
        """Return a new pump, as a scheduler that has just started."""
        tools = IntakeTools(
            store=self.store,
            directory=self.directory,
            templates=NoTemplates(),
            subject_hasher=self.hasher,
            order_hasher=OrderHasher(SUBJECT_KEY),
            new_id=uuid4,
            clock=lambda: self.now,
        )
        return Pump(
            Intake(tools, IntakeSettings("SCSERV", "gsm0338", TopicNames())),
            Dispatcher(
                self.store, self.hasher, TopicNames(), sender="SCSERV", clock=lambda: self.now
            ),
            Batches(self.sealer, clock=lambda: self.now),
            PumpSettings(self.ahead, timedelta(hours=1), least_ahead=self.ahead),
            clock=lambda: self.now,
        )

    async def rounds(self, count: int = 1, pump: Pump | None = None) -> int:
        """Let a pump work; return how many messages it placed."""
        pump = pump or self.pump()
        return sum([await pump.round(self.conn) for _ in range(count)])

    def settle(self, state: str, limit: int = 10_000) -> None:
        """Let messages on their way end in this state."""
        self.conn.execute(
            "UPDATE orders SET state = %s WHERE order_id IN"
            " (SELECT order_id FROM orders WHERE state = 'queued' ORDER BY order_id LIMIT %s)",
            [state, limit],
        )

    def now_of(self, one: Broadcast) -> Broadcast:
        return found(self.conn, one.broadcast_id)

    def progress(self, one: Broadcast) -> Progress:
        return progress_of(self.conn, [self.now_of(one)])[one.broadcast_id]


@pytest.fixture
async def bench(
    database_url: str,  # noqa: F811
    cipher: VaultCipher,  # noqa: F811
    conn: psycopg.Connection,  # noqa: F811
    tmp_path: Path,
) -> AsyncIterator[Bench]:
    store = PostgresStore(database_url, cipher)
    conn.execute(BOUND)
    yield Bench(conn, store, tmp_path)
    await store.close()


rows_of = partial(map, lambda n: f"{number(n)},Имя{n}")
