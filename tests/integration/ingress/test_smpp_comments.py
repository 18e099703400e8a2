"""A comment of a program over SMPP: people and programs find its message by it over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from inbound.clock import utc_now
from tests.integration.api.world import World as Api
from tests.integration.ingress.smpp_world import bind, create_account, serving

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

PATH = "/v1/messages"


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    made = Api(database_url)
    yield made
    await made.close()


async def test_a_message_is_found_by_whole_words_of_its_comment(
    api: Api, conn: psycopg.Connection
) -> None:
    shop, other = create_account("shop"), create_account("other")
    async with serving() as (port,):
        for account, comment in ((shop, "order 4711, VIP"), (shop, "order 12"), (other, "4711")):
            program = await bind(port, account)
            assert (await program.submit(f"Ready\n~~~\n{comment}")).status == 0
    assert conn.execute("SELECT count(*) FROM orders").fetchone() == (3,)
    api.now = utc_now() + timedelta(seconds=1)
    client = api.client(api.token("send", account="shop"))
    for words, found in (
        ("4711", ["order 4711, VIP"]),
        ("vip ORDER", ["order 4711, VIP"]),
        ("order", ["order 12", "order 4711, VIP"]),
        ("471", []),
        ("4711 12", []),
    ):
        answer = await client.get(PATH, params={"comment": words})
        assert [one["comment"] for one in answer.json()["messages"]] == found, words
        assert "Ready" not in answer.text
    [message] = (await client.get(PATH, params={"comment": "4711"})).json()["messages"]
    assert (await client.get(f"{PATH}/{message['id']}")).json()["comment"] == "order 4711, VIP"
