"""Which listeners there are, and where: each is off or on by itself, with TLS or without."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from inbound.api.server import HttpServer
from inbound.ingress.http import make_http, refuse_unread
from inbound.ingress.process import run_ingress
from inbound.ops.health import Health
from inbound.settings import IngressSettings, Settings, SmppServerSettings, SmtpServerSettings
from tests.certificates import Authority
from tests.fix_service import free_port
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
from tests.integration.ingress.world import World
from tests.patience import PATIENCE_S

LISTENERS = ("ingress", "smtp_server", "smpp_server")


async def is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.mark.parametrize("only", LISTENERS)
async def test_each_listener_is_on_by_itself(world: World, only: str) -> None:
    ports = {name: free_port() for name in LISTENERS}
    settings = Settings(
        database_url=SecretStr(world.url),
        subject_key=SecretStr(SUBJECT_KEY.hex()),
        vault_key=SecretStr(VAULT_KEY.hex()),
        ingress=IngressSettings(on=only == "ingress", port=ports["ingress"]),
        smtp_server=SmtpServerSettings(on=only == "smtp_server", port=ports["smtp_server"]),
        smpp_server=SmppServerSettings(on=only == "smpp_server", port=ports["smpp_server"]),
    )
    running = asyncio.create_task(run_ingress(settings, SUBJECT_KEY, Health()))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await is_open(ports[only]):
                assert not running.done(), running.exception()
                await asyncio.sleep(0.01)
        assert {name for name, port in ports.items() if await is_open(port)} == {only}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_address_that_a_trusted_proxy_names_is_the_program_s(world: World) -> None:
    """It decides whether the account may be used from there; anybody else names none."""
    shop, (phone,) = world.account(addresses=("198.51.100.0/24",)), world.clients(1)
    asked: dict[str, Any] = {
        "user_id": shop.id,
        "service_id": shop.service_id,
        "msisdn": phone,
        "text": "text",
    }
    app = make_http(world.parts, IngressSettings(trusted_proxies="192.0.2.0/24"))
    for peer, named, word in (
        ("192.0.2.1", "198.51.100.7", "MSG_OK"),
        ("192.0.2.1", "198.51.100.7, 203.0.113.5", "INVALID_IP"),
        ("203.0.113.5", "198.51.100.7", "INVALID_IP"),
        ("192.0.2.1", None, "INVALID_IP"),
    ):
        headers = {} if named is None else {"X-Forwarded-For": named}
        transport = httpx.ASGITransport(app, client=(peer, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://ingress.test") as http:
            answer = await http.get("/users/send_bulk.php", params=asked, headers=headers)
        assert answer.text == word, (peer, named)


async def test_the_dialects_over_tls(world: World, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    settings = IngressSettings(port=0, tls_cert=authority.issue("server"))
    server = HttpServer(world.app, settings, Health(), refuse=refuse_unread)
    running = asyncio.create_task(server.run())
    shop, (phone,) = world.account(), world.clients(1)
    asked = {"apikey": shop.key, "phones": phone, "mes": "text"}
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not server.port:  # noqa: ASYNC110  the loop's turn
                await asyncio.sleep(0)
        async with httpx.AsyncClient(verify=trust) as client:
            url = f"https://127.0.0.1:{server.port}/rest/send/"
            assert (await client.post(url, json=asked)).json()["cnt"] == 1
        with pytest.raises(httpx.TransportError):
            async with httpx.AsyncClient() as client:
                await client.post(url.replace("https", "http"), json=asked)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(world.orders(shop.login)) == 1
