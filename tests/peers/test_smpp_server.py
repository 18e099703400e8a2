"""Clients of others bind to our SMPP server: each sends texts and finds its messages' receipts."""

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from inbound.smpp.segmentation import split
from tests.fix_store import (  # noqa: F401  fixtures
    conn,
    database_url,
    migrated_template,
    settings_of_the_service,
)
from tests.integration.ingress.smpp_world import (
    PHONE,
    create_account,
    end_orders,
    eventually,
    rows,
    serving,
    texts_of,
)
from tests.peers import test_kannel
from tests.peers.conftest import CACHE
from tests.peers.foreign import GSM, LONG_UCS_2, TEXTS, Foreign, running
from tests.unit.smpp.certificate import self_signed

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

PROGRAMS = Path(__file__).parent / "programs"
TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.fixture
def shop() -> dict[str, Any]:
    return create_account("shop")


@pytest.fixture
def database(conn: psycopg.Connection) -> psycopg.Connection:  # noqa: F811
    return conn


@asynccontextmanager
async def server(certificate: Path | None) -> AsyncIterator[int]:
    async with serving(**({"tls_cert": certificate} if certificate else {})) as (port,):
        yield port


def certificate_if(tls: bool, folder: Path) -> Path | None:
    return self_signed(folder / "server.pem") if tls else None


# smpplib


@asynccontextmanager
async def smpplib(
    port: int, account: dict[str, Any], certificate: Path | None = None
) -> AsyncIterator[Foreign]:
    trust = [str(certificate)] if certificate else []
    script = str(PROGRAMS / "smpplib_client.py")
    arguments = [script, str(port), account["login"], account["password"], *trust]
    path = {"PYTHONPATH": str(CACHE / "python")}
    async with running(sys.executable, *arguments, environment=path) as foreign:
        await foreign.hear("bound")
        yield foreign


@TLS
async def test_smpplib(
    shop: dict[str, Any],
    database: psycopg.Connection,
    tmp_path: Path,
    tls: bool,
) -> None:
    certificate = certificate_if(tls, tmp_path)
    async with server(certificate) as port, smpplib(port, shop, certificate) as foreign:
        ids = set()
        for text in TEXTS.values():
            foreign.say(text=text, to=PHONE)
            for _ in split(text):
                answer = await foreign.hear("answer")
                assert answer["status"] == 0
                ids.add(answer["id"])
        assert texts_of(database) == list(TEXTS.values())
        end_orders(database)
        for message_id in sorted(ids):
            foreign.say()
            receipt = await foreign.hear("receipt", id=message_id)
            assert receipt["text"].startswith(f"id:{message_id} sub:0")


async def test_smpplib_killed_and_restarted(
    shop: dict[str, Any],
    database: psycopg.Connection,
) -> None:
    async with server(None) as port:
        async with smpplib(port, shop) as foreign:
            foreign.say(text=GSM, to=PHONE)
            first = await foreign.hear("answer")
            foreign.process.kill()
        end_orders(database)
        async with smpplib(port, shop) as foreign:
            foreign.say()
            assert (await foreign.hear("receipt"))["id"] == first["id"]


# node-smpp


@TLS
async def test_node_smpp(
    node: list[str],
    shop: dict[str, Any],
    database: psycopg.Connection,
    tmp_path: Path,
    tls: bool,
) -> None:
    certificate = certificate_if(tls, tmp_path)
    trust = [str(certificate)] if certificate else []
    modules = {"NODE_PATH": str(CACHE / "node_modules")}
    script = str(PROGRAMS / "node.js")
    async with (
        server(certificate) as port,
        running(*node, script, "client", str(port), *trust, environment=modules) as foreign,
    ):
        await foreign.hear("connected")
        credentials = {"system_id": shop["login"], "password": shop["password"]}
        foreign.say(command="bind_transceiver", **credentials)
        assert (await foreign.hear("pdu", command="bind_transceiver_resp"))["command_status"] == 0
        to = {"source_addr": "SCSERV", "source_addr_ton": 5, "destination_addr": PHONE}
        foreign.say(
            command="submit_sm",
            **to,
            dest_addr_ton=1,
            registered_delivery=1,
            message=LONG_UCS_2[:70],
        )
        answer = await foreign.hear("pdu", command="submit_sm_resp")
        assert answer["command_status"] == 0
        assert texts_of(database) == [LONG_UCS_2[:70]]
        end_orders(database)
        receipt = await foreign.hear("pdu", command="deliver_sm")
        assert receipt["receipted_message_id"] == answer["message_id"]
        assert receipt["message_state"] == 2
        foreign.say(command="query_sm", message_id=answer["message_id"], source_addr="SCSERV")
        state = await foreign.hear("pdu", command="query_sm_resp")
        assert (state["command_status"], state["message_state"]) == (0, 2)


# Net::SMPP


@TLS
async def test_net_smpp(
    perl: list[str],
    shop: dict[str, Any],
    database: psycopg.Connection,
    tmp_path: Path,
    tls: bool,
) -> None:
    certificate = certificate_if(tls, tmp_path)
    script = str(PROGRAMS / "client.pl")
    arguments = [shop["password"], shop["login"], "", str(certificate or "")]
    async with (
        server(certificate) as port,
        running(*perl, script, str(port), *arguments) as foreign,
    ):
        assert (await foreign.hear(status="0"))["system_id"] == "scserv"
        ids = set()
        for segment in split(LONG_UCS_2):
            answer = await foreign.ask(
                call="submit_sm",
                source_addr="SCSERV",
                source_addr_ton=5,
                destination_addr=PHONE,
                dest_addr_ton=1,
                registered_delivery=1,
                text=segment.short_message.hex(),
                data_coding=segment.data_coding,
                esm_class=segment.esm_class,
            )
            assert answer["status"] == "0"
            ids.add(answer["message_id"])
        assert len(ids) == 1
        assert texts_of(database) == [LONG_UCS_2]
        end_orders(database)
        receipt = await foreign.ask(call="read")
        assert bytes.fromhex(receipt["short_message"]).startswith(b"id:" + ids.pop().encode())


# Kannel

Programs = tuple[str, str]


def kannel_on(
    programs: Programs, port: int, folder: Path, account: dict[str, Any], *, tls: bool = False
) -> AbstractAsyncContextManager[test_kannel.Kannel]:
    return test_kannel.running(
        programs,
        port,
        folder,
        username=account["login"],
        password=account["password"],
        more="use-ssl = true\n" if tls else "",
    )


@TLS
async def test_kannel_finds_the_message_of_our_receipt(
    kannel: Programs,
    shop: dict[str, Any],
    database: psycopg.Connection,
    tmp_path: Path,
    tls: bool,
) -> None:
    certificate = certificate_if(tls, tmp_path)
    async with (
        server(certificate) as port,
        kannel_on(kannel, port, tmp_path, shop, tls=tls) as theirs,
    ):
        receipt = {"dlr-mask": "31", "dlr-url": theirs.replies["receipt"]}
        await theirs.send(LONG_UCS_2, coding="2", **receipt)
        await eventually(lambda: texts_of(database) == [LONG_UCS_2])
        end_orders(database)
        types = set()
        while "1" not in types:  # 8: accepted by us, 1: delivered
            types.add((await theirs.asked())["type"])
        assert types <= {"1", "8"}


async def test_kannel_killed_and_restarted(
    kannel: Programs,
    shop: dict[str, Any],
    database: psycopg.Connection,
    tmp_path: Path,
) -> None:
    async with server(None) as port:
        async with kannel_on(kannel, port, tmp_path, shop) as theirs:
            await theirs.send(GSM)
            await eventually(lambda: rows(database, "SELECT state FROM orders") == ["queued"])
            theirs.bearerbox.process.kill()
        async with kannel_on(kannel, port, tmp_path, shop) as theirs:
            await theirs.send("After the restart")
            await eventually(lambda: len(rows(database, "SELECT state FROM orders")) == 2)


async def test_kannel_survives_a_restart_of_the_server(
    kannel: Programs,
    shop: dict[str, Any],
    database: psycopg.Connection,
    tmp_path: Path,
) -> None:
    async with server(None) as first:
        port = first
        running_kannel = kannel_on(kannel, port, tmp_path, shop)
        theirs = await running_kannel.__aenter__()
        receipt = {"dlr-mask": "31", "dlr-url": theirs.replies["receipt"]}
        await theirs.send(GSM, **receipt)
        await eventually(lambda: rows(database, "SELECT state FROM orders") == ["queued"])
    try:
        end_orders(database)
        async with serving(port=port):
            types = set()
            while "1" not in types:
                types.add((await theirs.asked())["type"])
    finally:
        await running_kannel.__aexit__(None, None, None)
