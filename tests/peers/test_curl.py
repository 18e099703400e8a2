"""curl in SMSPAY's dialect, of which there is no public client, and in BYTEHAND's."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.fix_store import database_url, migrated_template  # noqa: F401  fixtures
from tests.integration.ingress.world import World, served
from tests.patience import PATIENCE_S
from tests.peers.conftest import program

TEXT = "Заявка 4711 выполнена"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:  # noqa: F811
    made = World(database_url)
    yield made
    await made.close()


async def curl(*arguments: str) -> str:
    """Run curl to its end and return the body of the answer."""
    process = await asyncio.create_subprocess_exec(
        *(program("curl"), "-sS", "--max-time", "30", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        said, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return said.decode()


async def test_smspay(world: World) -> None:
    shop = world.account("shop")
    (phone,) = world.clients(1)

    async def asked(base: str, *fields: str, how: str = "--get") -> str:
        signed = [f"user_id={shop.id}", f"service_id={shop.service_id}", *fields]
        pairs = [one for field in signed for one in ("--data-urlencode", field)]
        return await curl(how, *pairs, f"{base}/users/send_bulk.php")

    async with served(world) as base:
        assert await asked(base, f"msisdn={phone}", f"text={TEXT}") == "MSG_OK"
        posted = await asked(base, f"msisdn=+{phone}", f"text={TEXT} 2", how="--compressed")
        assert posted == "MSG_OK"
        answer = await asked(base, f"msisdn={phone}", f"text={TEXT} 3", "extended=yes")
        assert answer.startswith("MSG_OK:")
        assert await asked(base, "msisdn=112", f"text={TEXT}") == "INVALID_MSISDN"
        assert await asked(base, f"msisdn={phone}", "text=" + "a" * 161) == "INVALID_INPUT"
        assert await asked(base, f"msisdn={phone}", "user_id=1") == "INVALID_INPUT"
    assert world.texts("shop") == {TEXT, f"{TEXT} 2", f"{TEXT} 3"}


async def test_smsc_by_a_multipart_form(world: World) -> None:
    shop = world.account("shop")
    (phone,) = world.clients(1)
    fields = {"apikey": shop.key, "phones": phone, "mes": TEXT, "charset": "utf-8", "fmt": "3"}
    parts = [one for field in fields.items() for one in ("--form-string", "=".join(field))]
    async with served(world) as base:
        assert json.loads(await curl(*parts, f"{base}/sys/send.php"))["cnt"] == 1
    assert world.texts("shop") == {TEXT}


async def test_bytehand(world: World) -> None:
    shop = world.account("shop")
    (phone,) = world.clients(1)
    signed = ("-d", f"id={shop.id}", "-d", f"key={shop.key}", "-d", f"to={phone}")
    async with served(world) as base:
        text = ("-d", "from=SCSERV", "--data-urlencode", f"text={TEXT}")
        answer = json.loads(await curl("--get", *signed, *text, f"{base}/send"))
        assert answer["status"] == 0
        asked = ("-d", f"message={answer['description']}")
        found = json.loads(await curl("--get", *signed[:4], *asked, f"{base}/v1/details"))
        assert (found["status"], found["description"], found["parts"]) == (0, "NEW", 1)
        body = json.dumps({"sender": "SCSERV", "receiver": phone, "text": f"{TEXT} 2"})
        head = ("-H", f"X-Service-Key: {shop.key}", "-H", "Content-Type: application/json")
        made = json.loads(await curl(*head, "-d", body, f"{base}/v2/sms/messages"))
        assert (made["result"], made["count"]) == ("created", 1)
        wrong = ("-H", "X-Service-Key: wrong")
        refused = json.loads(await curl(*wrong, f"{base}/v2/sms/messages"))
        assert (refused["result"], refused["code"]) == ("error", 2)
    assert world.texts("shop") == {TEXT, f"{TEXT} 2"}
