"""Programs written for SMSC, unmodified: they send through the ingress once told its address."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.fix_store import database_url, migrated_template  # noqa: F401  fixtures
from tests.integration.ingress.world import World, served
from tests.patience import PATIENCE_S
from tests.peers.conftest import CACHE

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:  # noqa: F811
    made = World(database_url)
    yield made
    await made.close()


async def run(*arguments: str, **environment: str) -> dict[str, Any]:
    """Run a program to its end and return the JSON object that it prints."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    async with asyncio.timeout(PATIENCE_S):
        said, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    found: dict[str, Any] = json.loads(said)
    return found


async def test_node_smsc(world: World, node: list[str]) -> None:
    shop = world.account("shop", price_per_part=Decimal("2.5"), balance=Decimal(100))
    (phone,) = world.clients(1)
    async with served(world) as base:
        program = (*node, str(PROGRAMS / "smsc.js"), f"{base}/sys/")
        modules = str(CACHE / "node_modules")
        said = await run(*program, shop.login, shop.password, phone, NODE_PATH=modules)
    sent, status = said["sent"], said["status"]
    assert sent == {"id": sent["id"], "cnt": 1, "cost": "2.50", "balance": "97.50"}
    assert (status["status"], status["id"], status["phone"]) == (-1, sent["id"], phone)
    assert said["balance"] == {"balance": "97.50", "currency": "RUR"}
    assert said["wrong"] == "SmscApiError: authorise error (2)"
    assert said["landline"] == "SmscApiError: invalid number (7)"
    assert world.texts("shop") == {"Заявка 4711 выполнена"}


async def test_the_python_packages_smsc_and_smsc_client(world: World) -> None:
    if not (CACHE / "python" / "smsc").exists():
        pytest.fail("smsc is not here; .ci/peers installs it", pytrace=False)
    shop = world.account("shop", price_per_part=Decimal("2.5"), balance=Decimal(100))
    (phone,) = world.clients(1)
    async with served(world) as base:
        program = (sys.executable, str(PROGRAMS / "smsc_clients.py"), base)
        modules = str(CACHE / "python")
        said = await run(*program, shop.login, shop.password, phone, PYTHONPATH=modules)
    message_id, *rest = said["sent"]
    assert (said["cost"], rest) == ([1, 2.5], [1, 2.5])
    assert said["status"] == [-1, "Ожидает отправки", message_id]
    assert said["send_date"] == "2026-03-02T15:00:00+03:00"
    assert said["balance"] == [97.5, "RUR"]
    assert said["wrong"] == [2, "authorise error"]
    assert said["landline"] == [7, "invalid number"]
    assert said["smsc_client"] == ["1 SMS", "0b8e0d1c-5a3e-4a0e-9a25-4f5d3a1f9c11"]
    assert world.texts("shop") == {"Заявка 4712 выполнена", "Заявка 4713 выполнена"}
