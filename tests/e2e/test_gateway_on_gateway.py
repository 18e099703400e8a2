"""Our own gateway as a program at our own SMPP server: one service sends through another."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest

from inbound.keys import VaultCipher
from inbound.store.sealing import Sealer
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import CONFIG, Service, free_port, open_service
from tests.fix_store import (  # noqa: F401  fixtures
    VAULT_KEY,
    conn,
    database_url,
    migrated_template,
    settings_of_the_service,
)
from tests.integration.ingress.smpp_world import (
    create_account,
    end_orders,
    eventually,
    rows,
    serving,
)
from tests.patience import PATIENCE_S

TEXT = "Заявка 4711 выполнена. "
BIND = """
[[binds]]
centre = "upstream"
bind = "upstream-1"
port = {port}
system_id = "{login}"
password = "{password}"
receipt_per = "message"
"""


@pytest.fixture
async def upstream(
    conn: psycopg.Connection,  # noqa: F811
    settings_of_the_service: None,  # noqa: F811
) -> AsyncIterator[tuple[int, dict[str, Any]]]:
    """The SMPP server of the other service, and the account there."""
    account = create_account("downstream")
    async with serving() as (port,):
        yield port, account


@pytest.fixture
async def service(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
    upstream: tuple[int, dict[str, Any]],
) -> AsyncIterator[Service]:
    port, account = upstream
    folder = tmp_path_factory.mktemp("downstream")
    bind = BIND.format(port=port, login=account["login"], password=account["password"])
    (folder / CONFIG).write_text(bind, "utf-8")
    environment = {
        "SCSERV_INGRESS__PORT": str(free_port()),
        "SCSERV_SMPP_SERVER__ON": "false",
    }
    async with open_service(
        folder, postgres_server.url, kafka_server.bootstrap, environment
    ) as service:
        await service.start("ingress")
        yield service


@pytest.mark.parametrize("text", [TEXT, TEXT * 8], ids=["short", "long"])
async def test_a_message_goes_through_and_its_receipt_comes_back(
    service: Service,
    conn: psycopg.Connection,  # noqa: F811
    text: str,
) -> None:
    ran = await service.command("accounts", "create", "shop", "--json")
    signed = {"login": "shop", "psw": json.loads(ran.out)["password"], "fmt": 3}
    number = service.new_client().number
    port = service.extra_environment["SCSERV_INGRESS__PORT"]
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        asyncio.timeout(PATIENCE_S),
    ):
        asked: dict[str, Any] = signed | {"phones": number, "mes": text, "charset": "utf-8"}
        sent = (await http.post("/sys/send.php", data=asked)).json()
        await eventually(lambda: bool(rows(conn, "SELECT order_id FROM orders")))
        sealer = Sealer(VaultCipher(VAULT_KEY))
        [(order_id, sealed)] = rows(conn, "SELECT order_id, sealed FROM order_contents")
        assert sealer.open_order_text(sealed, order_id) == text
        end_orders(conn)
        status = 0
        while status != 1:
            asked = signed | {"phone": number, "id": sent["id"]}
            status = (await http.get("/sys/status.php", params=asked)).json()["status"]
            assert status in {-1, 0, 1}
    await eventually(lambda: not rows(conn, "SELECT id FROM smpp_deliveries"))
