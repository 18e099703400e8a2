"""Two processes of the SMPP server: links and rates are common, and nothing is sent twice."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from inbound.smpp.pdu import BindReceiver, BindTransmitter, EnquireLink, EnquireLinkResp
from inbound.smpp.status import Status
from inbound.store.smpp.links import NewLink, OtherLink, add_link, renew_links
from tests.integration.ingress.smpp_world import bind, create_account, eventually, rows, serving

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

LINKS = "SELECT count(*) FROM smpp_links"


@pytest.fixture
def shop() -> dict[str, Any]:
    return create_account("shop")


async def test_a_bind_in_one_process_ends_the_older_link_in_another(shop: dict[str, Any]) -> None:
    other = create_account("other")
    async with serving() as (one,), serving() as (two,):
        first, stays = await bind(one, shop), await bind(one, other)
        receiver = await bind(two, shop, BindReceiver)
        assert await first.peer.at_end()
        await bind(one, shop, BindTransmitter)
        for program in (receiver, stays):
            assert (await program.ask(EnquireLink(), EnquireLinkResp)).status == 0


async def test_a_link_that_has_ended_takes_no_place(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (one,), serving() as (two,):
        first = await bind(one, shop, system_type="MCON2")
        second = await bind(one, shop, system_type="MCON2")
        second.peer.close()
        await eventually(lambda: rows(conn, LINKS) == [1])
        await bind(two, shop, system_type="MCON2")
        assert (await first.ask(EnquireLink(), EnquireLinkResp)).status == 0
        assert rows(conn, LINKS) == [2]


async def test_the_same_message_over_another_process_is_sent_once(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (one,), serving() as (two,):
        first = await bind(one, shop, system_type="MCON2")
        second = await bind(two, shop, system_type="MCON2")
        for program in (first, second):
            assert (await program.submit("hello")).status == 0
        assert rows(conn, "SELECT count(*) FROM orders") == [1]
        assert (await second.submit("hello")).status == Status.ESME_RSUBMITFAIL


def test_processes_learn_how_fast_an_account_submits_elsewhere(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    del shop
    here, there, link = uuid4(), uuid4(), uuid4()
    add_link(conn, there, NewLink(link, "shop", True, True, 2), [])
    kept = renew_links(conn, there, {link: 20.0})
    assert kept.own == {link}
    assert not kept.others
    assert renew_links(conn, here, {}).others == [OtherLink(link, "shop", there, 20.0)]
    renew_links(conn, there, {}, [link])
    assert not renew_links(conn, here, {}).others


async def test_a_process_that_was_killed_keeps_no_place_for_ever(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (one,):
        await bind(one, shop)
        conn.execute(
            "INSERT INTO smpp_links (link, account, holder, receives, transmits, until)"
            " VALUES (gen_random_uuid(), 'shop', gen_random_uuid(), true, true, now())"
        )
        program = await bind(one, shop)
        assert (await program.submit()).status == 0
