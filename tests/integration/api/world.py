"""The API in the test's own process: a database, a clock, tokens, clients to look up."""

import asyncio
import io
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, zip_longest
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID, uuid4

import httpx
import psycopg
from psycopg import sql
from starlette.types import ASGIApp

from inbound.api.app import make_api
from inbound.api.backend import Backend, Sources
from inbound.api.broadcasting import Broadcasting
from inbound.api.rate_limits import RateLimits
from inbound.api.sending import OrderService
from inbound.api.token_failures import TokenFailures
from inbound.api.tokens import digest_of, new_token
from inbound.broadcasts.drafting import DraftRules
from inbound.broadcasts.loading import AudienceKeys
from inbound.broadcasts.sealing import AudienceSealer
from inbound.cli._client_import import run_import
from inbound.directory.postgres import PostgresDirectory
from inbound.freshness.backlog import BacklogSource
from inbound.freshness.model import Backlog, Oldest
from inbound.keys import OrderHasher, SubjectHasher, VaultCipher
from inbound.orders.batching import OrderBatcher
from inbound.orders.dispatch import Dispatcher
from inbound.orders.intake import Intake
from inbound.orders.ports import NoTemplates
from inbound.orders.tools import IntakeSettings, IntakeTools
from inbound.projections.queries import ProjectionQueries
from inbound.store.access.api_tokens import DEFAULT_ACCOUNT, NewToken, add_token
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import connect
from inbound.store.sealing import Sealer
from inbound.store.transactions.postgres import PostgresStore
from inbound.terminal import Terminal
from inbound.timeline.reader import TimelineReader
from schemas.topics import TopicNames
from tests.bench import history
from tests.databases import COPY_DATABASE
from tests.fix_servers import SharedPostgres
from tests.fix_store import BOUND, SUBJECT_KEY, VAULT_KEY

BASE = "http://api.test"
NOW = history.END
REQUESTS = 400
SUBJECTS = history.subject_ids(REQUESTS)
# Those whose commands were not refused are clients, with two numbers each.
CLIENTS = {history.number_of(n): f"H-{n // 2}" for n in range(len(SUBJECTS)) if n % 25}

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom no other test has met. Not everybody is a client."""

    number: str
    client_id: str | None
    subject_id: UUID


class World:
    """One database and one API on it. `now` is the API's clock, and a test may change it.

    `oldest` is what waits in a Kafka that is not there; None: it doesn't answer. `while_asked` is
    what the workers do meanwhile.
    """

    def __init__(
        self, url: str, per_minute: int = 600, failures: TokenFailures | None = None
    ) -> None:
        self.url = url
        self.now = NOW
        self.oldest: Oldest | None = {}
        self.while_asked: Callable[[], object] = lambda: None
        hasher = SubjectHasher(SUBJECT_KEY)
        self.directory = PostgresDirectory(url, SUBJECT_KEY, VAULT_KEY)
        self.sources = open_sources(url, self.directory, backlog=self)
        self.store = PostgresStore(url, VaultCipher(VAULT_KEY))
        self.sending = OrderService(
            OrderBatcher(self._intake().place),
            Dispatcher(self.store, hasher, TopicNames(), sender="SCSERV", clock=lambda: self.now),
            zone="Europe/Moscow",
            ahead_days=366,
        )
        broadcasting = Broadcasting(
            DraftRules("SCSERV", "gsm0338"),
            AudienceKeys(hasher, AudienceSealer(VAULT_KEY)),
            OrderHasher(SUBJECT_KEY),
        )
        self.backend = Backend(self.sources, self.sending, broadcasting, lambda: self.now)
        self.monotonic = 0.0
        limits = RateLimits(per_minute, lambda: self.monotonic)
        self.app: ASGIApp = make_api(
            self.backend, limits, clock=lambda: self.now, new_id=uuid4, failures=failures
        )
        self._clients: list[httpx.AsyncClient] = []
        self._is_closed = False
        [(self._audited,)] = self.rows("SELECT coalesce(max(id), 0) FROM audit")
        self.rows(BOUND)

    async def ask(self) -> Backlog:
        """Tell what waits for the workers."""
        await asyncio.to_thread(self.while_asked)
        return Backlog(self.now, self.oldest)

    def _intake(self) -> Intake:
        tools = IntakeTools(
            store=self.store,
            directory=self.directory,
            templates=NoTemplates(),
            subject_hasher=self.sources.hasher,
            order_hasher=OrderHasher(SUBJECT_KEY),
            new_id=uuid4,
            clock=lambda: self.now,
        )
        return Intake(tools, IntakeSettings("SCSERV", "gsm0338", TopicNames()))

    async def close(self) -> None:
        if self._is_closed:  # as the source of the backlog
            return
        self._is_closed = True
        for client in self._clients:
            await client.aclose()
        await self.sending.close()
        await self.store.close()
        await self.sources.close()

    def token(
        self,
        *scopes: str,
        name: str | None = None,
        expires: timedelta | None = None,
        account: str = DEFAULT_ACCOUNT,
    ) -> str:
        """Make a token with these scopes."""
        token = new_token()
        expires_at = self.now + expires if expires else None
        name = name or f"t-{uuid4()}"
        new = NewToken(uuid4(), name, digest_of(token), scopes, self.now, expires_at, account)
        with connect(self.url, "tests") as conn:
            assert add_token(conn, new)
        return token

    def client(self, token: str | None = None, app: ASGIApp | None = None) -> httpx.AsyncClient:
        """Return a client that sends this token, to be used without `async with`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(app=app or self.app, raise_app_exceptions=True)
        client = httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)
        self._clients.append(client)
        return client

    def scoped(self, *scopes: str, name: str | None = None) -> httpx.AsyncClient:
        """Return a client with a new token of these scopes."""
        return self.client(self.token(*scopes, name=name))

    async def people(self, clients: int = 0, strangers: int = 0) -> list[Person]:
        """Make subjects, the first ones clients as operators load them."""
        numbers = [f"+7903{next(_numbers):07d}" for _ in range(clients + strangers)]
        ids = [f"C-{number[-7:]}" for number in numbers[:clients]]
        if ids:
            import_clients(self.url, zip(numbers, ids, strict=False))
        store = PostgresStore(self.url, VaultCipher(VAULT_KEY))
        by_hash = {self.sources.hasher.hash(number): number for number in numbers}
        try:
            async with store.transaction() as transaction:
                found = await transaction.subjects(by_hash)
        finally:
            await store.close()
        return [
            Person(number, client_id, found[number_hash])
            for (number_hash, number), client_id in zip_longest(by_hash.items(), ids)
        ]

    def rows(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows, if it has any."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            cursor = conn.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def audit(self) -> list[tuple[Any, ...]]:
        """Return what was recorded since this world began, oldest first."""
        query: LiteralString = (
            "SELECT actor, action, subject_id, reason FROM audit WHERE id > %s ORDER BY id"
        )
        return self.rows(query, self._audited)


def open_sources(url: str, directory: PostgresDirectory, backlog: BacklogSource) -> Sources:
    """Return what API and desk answer from."""
    hasher, sealer = SubjectHasher(SUBJECT_KEY), Sealer(VaultCipher(VAULT_KEY))
    return Sources(
        pool=ConnectionPool(url, "tests"),
        quick=ProjectionQueries(url),
        slow=ProjectionQueries(url),
        directory=directory,
        hasher=hasher,
        sealer=sealer,
        timelines=TimelineReader(hasher, sealer, miss_days=7),
        backlog=backlog,
        zone="Europe/Moscow",
    )


@contextmanager
def filled_database(server: SharedPostgres, template: str) -> Iterator[str]:
    """Provide a database with clients and a month of their requests."""
    name = f"filled_{secrets.token_hex(6)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL(COPY_DATABASE).format(sql.Identifier(name), sql.Identifier(template))
        )
        url = server.url(name)
        history.fill(url, requests=REQUESTS, subject_key=SUBJECT_KEY, vault_key=VAULT_KEY)
        import_clients(url, CLIENTS.items())
        yield url
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def import_clients(url: str, clients: Iterable[tuple[str, str]]) -> None:
    """Load (number, client id) as operators do."""
    lines = ["msisdn,client_id,personal_code,login,password"]
    lines += [f"{number},{client},1234,CANARY-login,CANARY-pw" for number, client in clients]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clients.csv"
        path.write_text("\n".join(lines), "utf-8")
        console = Terminal(file=io.StringIO())
        assert run_import(path, url, SUBJECT_KEY, VAULT_KEY, console) == 0


def assert_problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """Check that an answer is that problem; return its body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:scserv:problem:{slug}"
    assert body["status"] == status
    # Tenants run none of our commands.
    assert "scserv " not in response.text
    assert body["instance"] == f"urn:uuid:{response.headers['x-request-id']}"
    return body
