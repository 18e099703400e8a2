"""The ingress in the test's own process: a database, a clock, accounts, clients of both kinds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psycopg
from pydantic import SecretStr

from inbound.api.server import HttpServer
from inbound.directory.client_addresses import AddressSealer, ClientAddress, set_addresses
from inbound.ingress.credentials import Credentials, new_credentials, verifiers_of
from inbound.ingress.http import make_http, refuse_unread
from inbound.ingress.parts import OpenParts
from inbound.keys import CredentialHasher, VaultCipher
from inbound.ops.health import Health
from inbound.settings import IngressSettings, Settings
from inbound.settings.channels import MailSettings
from inbound.store.access.account_credentials import put_credentials
from inbound.store.connections import connect
from inbound.store.orders.account_records import AccountSettings, create_account, list_accounts
from inbound.store.orders.rows import SEND
from inbound.store.sealing import Sealer
from inbound.store.transactions.changes import Changes
from inbound.subjects import StateCache, Subjects
from schemas.channels import Channel
from schemas.events import SubscriptionStopped
from tests.fix_store import BOUND, SUBJECT_KEY, VAULT_KEY
from tests.integration.api.world import import_clients
from tests.patience import PATIENCE_S

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HERE = "192.0.2.1"

_numbers = count(1)


@asynccontextmanager
async def served(world: "World") -> AsyncIterator[str]:
    """Serve the ingress on loopback as its process does, and return its address."""
    server = HttpServer(world.app, IngressSettings(port=0), Health(), refuse=refuse_unread)
    running = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not server.port:  # noqa: ASYNC110  the loop's turn
                await asyncio.sleep(0)
        yield f"http://127.0.0.1:{server.port}"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class World:
    """A database and an ingress on it. `now` is its clock, and a test may change it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.now = NOW
        settings = Settings(
            database_url=SecretStr(url),
            subject_key=SecretStr(SUBJECT_KEY.hex()),
            vault_key=SecretStr(VAULT_KEY.hex()),
            mail=MailSettings(host="mail.test", sender="scserv@example.org"),
        )
        self._opened = OpenParts(settings, SUBJECT_KEY, lambda: self.now)
        self.parts = self._opened.parts
        self.app = make_http(self.parts, IngressSettings())
        self._clients: list[httpx.AsyncClient] = []
        self.rows(BOUND)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        await self._opened.close()

    def client(self, address: str = HERE) -> httpx.AsyncClient:
        """Return an HTTP client at this address, to be used without `async with`."""
        transport = httpx.ASGITransport(self.app, client=(address, 4711))
        client = httpx.AsyncClient(transport=transport, base_url="http://ingress.test")
        self._clients.append(client)
        return client

    def account(self, name: str | None = None, **settings: Any) -> Credentials:
        """Create an account that may notify clients, and return its credentials."""
        name = name or f"shop-{next(_numbers)}"
        with connect(self.url, "tests") as conn:
            chosen = AccountSettings(**({"rights": (SEND,)} | settings))
            assert create_account(conn, name, chosen, actor="tests")
            made = new_credentials(name, list_accounts(conn, name)[0].number)
            new = verifiers_of(CredentialHasher(SUBJECT_KEY), name, made)
            put_credentials(conn, new, actor="tests")
        return made

    def clients(self, how_many: int) -> list[str]:
        """Return the numbers of new clients of the organisation, without their +."""
        numbers = [f"+7903{next(_numbers):07d}" for _ in range(how_many)]
        import_clients(self.url, [(number, f"C-{number[-7:]}") for number in numbers])
        return [number.removeprefix("+") for number in numbers]

    async def opt_out(self, phone: str) -> None:
        """Let a person switch notifications off; the number is without its +."""
        hasher, number = self.parts.subject_hasher, f"+{phone}"
        async with self._opened._orders.store.transaction() as tx:
            found = await tx.subjects({hasher.hash(number): number})
            subjects = Subjects(tx, StateCache())
            await subjects.load(found.values())
            for subject_id in found.values():
                stopped = SubscriptionStopped(request_id=uuid4(), at=self.now)
                subjects.append(subject_id, [stopped], None)
            await tx.write(Changes(events=subjects.events, states=subjects.states()))

    def mail_address(self, phone: str, address: str) -> None:
        """Give the client with this number (without its +) an e-mail address."""
        with connect(self.url, "tests") as conn:
            rows = [ClientAddress(f"C-{phone[-7:]}", address)]
            sealer = AddressSealer(SUBJECT_KEY, VAULT_KEY)
            assert set_addresses(conn, Channel.MAIL, rows, sealer) == (1, 0)

    def orders(self, account: str) -> list[tuple[Any, ...]]:
        """Return state, reason, parts and sender of an account's orders, in their order."""
        query: LiteralString = (
            "SELECT state, reason, parts, sender FROM orders WHERE account = %s "
            "ORDER BY created_at, order_id"
        )
        return self.rows(query, account)

    def texts(self, account: str) -> set[str]:
        """Return the texts of an account's orders."""
        sealer = Sealer(VaultCipher(VAULT_KEY))
        query: LiteralString = (
            "SELECT order_id, sealed FROM order_contents JOIN orders USING (order_id) "
            "WHERE account = %s"
        )
        return {sealer.open_order_text(sealed, one) for one, sealed in self.rows(query, account)}

    def rows(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows, if it has any."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            cursor = conn.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []
