"""A comment of a program over SMPP: people and programs find its message by it over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from inbound.clock import utc_now
from tests.integration.api.world import World as Api
from tests.integration.ingress.smpp_world import bind, create_account, serving, texts_of

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

PATH = "/v1/messages"


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    made = Api(database_url)
    yield made
    await made.close()


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
async def test_a_comment_in_ascii_is_not_sent_to_the_phone(
    conn: psycopg.Connection, line_end: str
) -> None:
    """Programs name GSM 03.38 by their data_coding and send ASCII, in which ~ is another octet."""
    async with serving() as (port,):
        program = await bind(port, create_account("shop"))
        written = line_end.join(("Order_1 is ready", "~~~", "VIP, call back"))
        assert (await program.submit(written, data_coding=0)).status == 0
        assert (await program.submit(b"\n~~ no mark", data_coding=0)).status == 0
    assert texts_of(conn) == ["Order_1 is ready", "\nüü no mark"]


async def test_a_message_is_found_by_whole_words_of_its_comment(
    api: Api, conn: psycopg.Connection
) -> None:
    shop, other = create_account("shop"), create_account("other")
    async with serving() as (port,):
        for account, text in (
            (shop, "Ready\n~~~\norder 4711, VIP"),
            (shop, "Ready again\n~~~\norder 12"),
            (other, "Ready\n~~~\n4711"),
        ):
            program = await bind(port, account)
            assert (await program.submit(text, data_coding=3)).status == 0
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
