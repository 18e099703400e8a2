"""An SMPP server on a database of its own, and programs that bind to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, LiteralString, TypeVar

import psycopg
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.clock import utc_now
from inbound.ingress.parts import OpenParts
from inbound.ingress.smpp.wiring import run_smpp_server
from inbound.keys import VaultCipher
from inbound.ops.health import Health
from inbound.settings import load_settings
from inbound.smpp.pdu import (
    BindPdu,
    BindTransceiver,
    DeliverSm,
    RequestPdu,
    ResponsePdu,
    SubmitSm,
    SubmitSmResp,
)
from inbound.startup import check_database
from inbound.store.sealing import Sealer
from tests.fix_store import VAULT_KEY
from tests.patience import PATIENCE_S
from tests.unit.smpp.peer import Peer, connect

ResponseT = TypeVar("ResponseT", bound=ResponsePdu)

PHONE = "79161234567"
LONG = "A text that needs more than one part, because it is longer than 160. " * 3

_connected: list[Peer] = []
"""What the end of the server has to close."""


def create_account(name: str, *options: str) -> dict[str, Any]:
    """Create an account that may send to everybody; return its credentials."""
    arguments = ["accounts", "create", name, "--grant", "send", "--grant", "strangers", *options]
    result = CliRunner().invoke(scserv, [*arguments, "--json"])
    assert result.exit_code == 0, result.output + str(result.exception)
    found: dict[str, Any] = json.loads(result.output)
    return found


@asynccontextmanager
async def serving(
    settings: Mapping[str, object] | None = None, /, **rules: object
) -> AsyncIterator[list[int]]:
    """Run the server as the process does, with these settings and rules; yield its ports."""
    loaded = load_settings(None)
    changed = loaded.smpp_server.model_copy(update={"port": 0, "rate_per_s": 1000, **rules})
    loaded = loaded.model_copy(update={"smpp_server": changed, **(settings or {})})
    opened = OpenParts(loaded, check_database(loaded), utc_now)
    ports: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        run_smpp_server(
            loaded, Health(), opened.parts, started=lambda found: ports.set_result(list(found))
        )
    )
    try:
        waited: set[asyncio.Future[Any]] = {running, ports}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        yield ports.result() if ports.done() else running.result() or []
    finally:
        close_all()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await opened.close()


def close_all() -> None:
    """Close every connection that was made."""
    while _connected:
        _connected.pop().close()


def leave_open(program: "Program") -> None:
    """Let a program see the end of the server: `serving` doesn't close its connection before."""
    _connected.remove(program.peer)


class Program:
    """A program with one connection."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.sequence = 0

    async def ask(self, request: RequestPdu[ResponseT], kind: type[ResponseT]) -> ResponseT:
        """Send a request and return its answer; a deliver_sm in between is an error."""
        self.sequence += 1
        request.sequence = self.sequence
        self.peer.send(request)
        answer = await self.peer.read(kind)
        assert answer.sequence == self.sequence
        return answer

    async def submit(self, text: str | bytes = "hello", **fields: Any) -> SubmitSmResp:
        """Submit a message to the phone; it asks for a receipt, unless told otherwise."""
        octets = text.encode("ascii") if isinstance(text, str) else text
        values: dict[str, Any] = {
            "source_addr_ton": 5,
            "source_addr": "SCSERV",
            "dest_addr_ton": 1,
            "dest_addr_npi": 1,
            "destination_addr": PHONE,
            "registered_delivery": 1,
            "short_message": octets,
        }
        return await self.ask(SubmitSm(**(values | fields)), SubmitSmResp)

    async def receive(self) -> DeliverSm:
        """Return the next deliver_sm and acknowledge it."""
        delivered = await self.peer.read(DeliverSm)
        self.peer.send(delivered.answer())
        return delivered


async def bind(
    port: int,
    account: dict[str, Any],
    kind: type[BindPdu] = BindTransceiver,
    *,
    status: int = 0,
    **fields: Any,
) -> Program:
    """Bind to the server as an account's program."""
    program = Program(await connect(port))
    _connected.append(program.peer)
    values: dict[str, Any] = {"system_id": account["login"], "password": account["password"]}
    values["sequence"] = 1
    program.peer.send(kind(**(values | fields)))
    answer = await program.peer.read(ResponsePdu)
    program.sequence = 1
    assert answer.status == status
    return program


def rows(conn: psycopg.Connection, query: LiteralString, **values: Any) -> list[Any]:
    """Return the rows of a query; of one column, its values."""
    found = conn.execute(query, values).fetchall()
    return [row[0] if len(row) == 1 else row for row in found]


def texts_of(conn: psycopg.Connection) -> list[str]:
    """Return the texts of all orders, the oldest first."""
    sealer = Sealer(VaultCipher(VAULT_KEY))
    query: LiteralString = """
        SELECT sealed, order_id FROM order_contents JOIN orders USING (order_id) ORDER BY created_at
    """
    return [sealer.open_order_text(*row) for row in conn.execute(query)]


async def eventually(check: Callable[[], bool]) -> None:
    """Wait until a condition on the database holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not check():  # noqa: ASYNC110  what is waited for happens in the server
            await asyncio.sleep(0.01)


def end_orders(conn: psycopg.Connection, state: str = "delivered") -> None:
    """Let every order that is on its way reach a state, as the worker does; bulk ones, too."""
    conn.execute(
        "UPDATE orders SET state = %(state)s, changed_at = now(), due_at = NULL"
        " WHERE state = 'queued' OR is_bulk AND state = 'scheduled'",
        {"state": state},
    )


def id_of(receipt: DeliverSm) -> str:
    """Return the id in the text of a receipt."""
    return receipt.short_message.decode().split()[0].removeprefix("id:")
