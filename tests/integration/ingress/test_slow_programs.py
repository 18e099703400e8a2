"""A program that answers some deliver_sm late gets the account's other deliveries meanwhile."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from inbound.ingress.smpp import delivering
from inbound.ingress.smpp.delivering import AT_ONCE
from inbound.smpp.pdu import BindReceiver, DeliverSm, EnquireLink, EnquireLinkResp, Unbind
from inbound.smpp.segmentation import text_of
from inbound.smpp.status import Status
from inbound.smpp.user_data import user_data_of
from inbound.store.smpp import deliveries
from tests.integration.ingress.smpp_world import (
    Program,
    bind,
    create_account,
    end_orders,
    eventually,
    id_of,
    leave_open,
    rows,
    serving,
)
from tests.integration.ingress.test_account_texts import receive
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

WAITING = "SELECT message_id::text FROM smpp_deliveries ORDER BY id"
HELD_UNTIL = "SELECT until FROM smpp_receivers"
ALLOW = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
UNREADABLE = """
    WITH added AS (
        INSERT INTO account_texts (account, text_id, number_hash, sealed, received_at)
        VALUES ('shop', gen_random_uuid(), 'other', 'x', now()) RETURNING id
    )
    INSERT INTO smpp_deliveries (account, done_at, text) SELECT 'shop', now(), id FROM added
"""
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


@pytest.fixture
def shop() -> dict[str, Any]:
    return create_account("shop")


async def submit(program: Program, count: int, what: str = "text") -> list[str]:
    """Submit so many messages, each to another phone; return their ids."""
    answers = [
        await program.submit(what, destination_addr=f"7916{number:07d}") for number in range(count)
    ]
    assert not any(answer.status for answer in answers)
    return [answer.message_id for answer in answers]


async def receive_but(program: Program, slow: Collection[str], count: int) -> list[DeliverSm]:
    """Read so many receipts, and acknowledge all but those of some messages; return these."""
    held = []
    for _ in range(count):
        one = await program.peer.read(DeliverSm)
        if id_of(one) in slow:
            held.append(one)
        else:
            program.peer.send(one.answer())
    return held


async def gets_nothing(program: Program) -> bool:
    """Whether the next that the server sends is the answer to an enquire_link."""
    return (await program.ask(EnquireLink(), EnquireLinkResp)).status == 0


async def is_settled(conn: psycopg.Connection, one: DeliverSm) -> None:
    """Wait until a receipt waits no more."""
    await eventually(lambda: id_of(one) not in rows(conn, WAITING))


async def is_held_longer(conn: psycopg.Connection, until: list[Any]) -> None:
    """Wait until the only lease lasts longer than it did."""
    await eventually(lambda: rows(conn, HELD_UNTIL) > until)


async def test_slow_answers_keep_no_other_receipt_waiting(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        ids = await submit(program, 3 * AT_ONCE)
        end_orders(conn)
        slow = ids[: AT_ONCE - 1]
        held = await receive_but(program, slow, len(ids))
        await eventually(lambda: rows(conn, WAITING) == slow)
        program.peer.send(*(one.answer() for one in held))
        await eventually(lambda: not rows(conn, WAITING))
        assert [id_of(one) for one in held] == slow
        assert await gets_nothing(program)


async def test_no_more_is_outstanding_than_the_window_takes(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        ids = await submit(program, 2 * AT_ONCE)
        end_orders(conn)
        held = await receive_but(program, ids, AT_ONCE)
        for number in range(AT_ONCE):
            assert await gets_nothing(program)
            program.peer.send(held[AT_ONCE - 1 - number].answer())
            held += await receive_but(program, ids, 1)
        assert [id_of(one) for one in held] == ids


async def test_a_receipt_that_comes_up_while_a_slow_one_waits_is_sent(
    shop: dict[str, Any], conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "_RENEW_S", 2 * PATIENCE_S)
    async with serving() as (port,):
        program = await bind(port, shop)
        [slow] = await submit(program, 1, "slow")
        end_orders(conn)
        [held] = await receive_but(program, {slow}, 1)
        for number in range(2):
            [later] = await submit(program, 1, f"later {number}")
            end_orders(conn)
            assert id_of(await program.receive()) == later
            await eventually(lambda: rows(conn, WAITING) == [slow])
        program.peer.send(held.answer())
        await eventually(lambda: not rows(conn, WAITING))


async def test_the_second_receipt_of_a_message_waits_for_the_first(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        slow, *others = await submit(program, 3)
        end_orders(conn, "unknown")
        conn.execute(
            "UPDATE orders SET state = 'delivered' WHERE order_id ="
            " (SELECT order_id FROM smpp_messages WHERE message_id = %s)",
            (int(slow),),
        )
        [held] = await receive_but(program, {slow}, 1 + len(others))
        await eventually(lambda: rows(conn, WAITING) == [slow, slow])
        assert await gets_nothing(program)
        program.peer.send(held.answer())
        second = await program.receive()
    assert id_of(held) == id_of(second) == slow
    assert b"stat:UNKNOWN" in held.short_message
    assert b"stat:DELIVRD" in second.short_message


async def test_the_next_text_of_a_phone_waits_and_those_of_others_do_not(
    shop: dict[str, Any], conn: psycopg.Connection, database_url: str
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        await receive(database_url, "slow", "next")
        held = await program.peer.read(DeliverSm)
        await receive(database_url, "other", sender=b"other")
        assert (await program.receive()).short_message == b"other"
        await eventually(lambda: len(rows(conn, "SELECT id FROM account_texts")) == 2)
        assert await gets_nothing(program)
        program.peer.send(held.answer())
        assert (held.short_message, (await program.receive()).short_message) == (b"slow", b"next")


async def test_a_text_of_more_parts_than_the_window_goes_beside_a_slow_answer(
    shop: dict[str, Any], conn: psycopg.Connection, database_url: str
) -> None:
    text = "я" * 67 * (AT_ONCE + 5)
    async with serving() as (port,):
        program = await bind(port, shop, system_type="SINGLE")
        await receive(database_url, "slow")
        held = await program.peer.read(DeliverSm)
        await receive(database_url, text, sender=b"other")
        await receive(database_url, "third", sender=b"third")
        found = [await program.receive() for _ in range(AT_ONCE + 6)]
        await eventually(lambda: len(rows(conn, "SELECT id FROM account_texts")) == 1)
        program.peer.send(held.answer())
        await eventually(lambda: not rows(conn, "SELECT id FROM account_texts"))
    assert text_of(part for one in found if (part := user_data_of(one).part)) == text
    assert found[-1].short_message == b"third"


async def test_after_a_refusal_nothing_is_begun_for_a_while_and_the_others_count(
    shop: dict[str, Any], conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "_BACK_OFF_S", PATIENCE_S)
    async with serving() as (port,):
        program = await bind(port, shop)
        ids = await submit(program, 2 * AT_ONCE)
        end_orders(conn)
        refused, *others = await receive_but(program, ids, AT_ONCE)
        program.peer.send(refused.answer(Status.ESME_RX_T_APPN))
        assert await gets_nothing(program)
        for one in others:
            program.peer.send(one.answer())
            await is_settled(conn, one)
        assert await gets_nothing(program)
        assert rows(conn, WAITING) == [ids[0], *ids[AT_ONCE:]]


async def test_what_was_refused_comes_again_before_what_is_new(
    shop: dict[str, Any], conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "_BACK_OFF_S", 0.1)
    async with serving() as (port,):
        program = await bind(port, shop)
        ids = await submit(program, 2 * AT_ONCE)
        end_orders(conn)
        refused, slow, *_ = await receive_but(program, ids, AT_ONCE)
        program.peer.send(refused.answer(Status.ESME_RTHROTTLED))
        [again] = await receive_but(program, ids, 1)
        assert again.short_message == refused.short_message
        program.peer.send(again.answer(), slow.answer())
        new = await receive_but(program, ids, 2)
    assert [id_of(one) for one in new] == ids[AT_ONCE : AT_ONCE + 2]


async def test_a_receipt_without_an_answer_in_time_comes_again(
    shop: dict[str, Any], conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbound.ingress.smpp.server._ANSWER_S", 1.0)
    monkeypatch.setattr(delivering, "_BACK_OFF_S", 0.1)
    async with serving() as (port,):
        program = await bind(port, shop)
        silent, *others = await submit(program, 3)
        end_orders(conn)
        [held] = await receive_but(program, {silent}, 1 + len(others))
        # On a busy machine the others may come again, too.
        while id_of(await program.receive()) != silent:
            pass
        # An answer after its time changes nothing.
        program.peer.send(held.answer())
        await eventually(lambda: not rows(conn, WAITING))


async def test_another_process_delivers_nothing_while_an_answer_outlasts_the_lease(
    shop: dict[str, Any], conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "_RENEW_S", 0.05)
    monkeypatch.setattr(delivering, "_BACK_OFF_S", 0.1)
    async with serving() as (one,), serving() as (two,):
        first = await bind(one, shop, system_type="MCON2")
        ids = await submit(first, AT_ONCE)
        end_orders(conn)
        await receive_but(first, ids, AT_ONCE)
        second = await bind(two, shop, BindReceiver, system_type="MCON2")
        for _ in range(3):
            await is_held_longer(conn, rows(conn, HELD_UNTIL))
        assert await gets_nothing(second)
        # The process gives the account up when it has no link any more.
        first.peer.close()
        assert [id_of(await second.receive()) for _ in ids] == ids
        await eventually(lambda: not rows(conn, WAITING))


async def test_a_link_that_answers_nothing_gives_its_account_to_another_process(
    shop: dict[str, Any], conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbound.ingress.smpp.server._ANSWER_S", 1.0)
    monkeypatch.setattr(delivering, "_RENEW_S", 0.05)
    async with serving() as (one,), serving() as (two,):
        mute = await bind(one, shop, system_type="MCON2")
        ids = await submit(mute, 3)
        end_orders(conn)
        await receive_but(mute, ids, len(ids))
        other = await bind(two, shop, BindReceiver, system_type="MCON2")
        assert [id_of(await other.receive()) for _ in ids] == ids
        await eventually(lambda: not rows(conn, WAITING))


async def test_many_texts_of_one_phone_hide_nobody(
    shop: dict[str, Any], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = deliveries.accounts_with_deliveries

    def find_unserved(conn: psycopg.Connection, after: Mapping[str, int]) -> list[str]:
        """Wake no account that is served: it has to go on by itself."""
        return find(conn, {account: newest for account, newest in after.items() if not newest})

    monkeypatch.setattr(deliveries, "accounts_with_deliveries", find_unserved)
    monkeypatch.setattr(delivering, "_RENEW_S", PATIENCE_S)
    many = [f"text {n}" for n in range(2 * AT_ONCE)]
    await receive(database_url, *many, sender=b"one")
    await receive(database_url, *many, sender=b"two")
    await receive(database_url, "only", sender=b"three")
    async with serving() as (port,):
        program = await bind(port, shop)
        # One of each phone, before anything is answered.
        found = [await program.peer.read(DeliverSm) for _ in range(3)]
        assert [one.short_message for one in found] == [b"text 0", b"text 0", b"only"]


async def test_a_process_that_ends_leaves_its_accounts_to_others(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        [only] = await submit(program, 1)
        end_orders(conn)
        assert id_of(await program.receive()) == only
        await eventually(lambda: not rows(conn, WAITING))
        assert rows(conn, HELD_UNTIL)
    assert not rows(conn, HELD_UNTIL)


async def test_a_newer_link_gets_what_is_free_and_the_older_one_may_still_answer(
    shop: dict[str, Any], conn: psycopg.Connection
) -> None:
    async with serving() as (port,):
        older = await bind(port, shop, system_type="MCON2")
        [slow] = await submit(older, 1, "slow")
        end_orders(conn)
        [held] = await receive_but(older, {slow}, 1)
        newer = await bind(port, shop, system_type="MCON2")
        ids = await submit(newer, 2 * AT_ONCE)
        end_orders(conn)
        assert not await receive_but(newer, (), len(ids))
        await eventually(lambda: rows(conn, WAITING) == [slow])
        older.peer.send(held.answer())
        await eventually(lambda: not rows(conn, WAITING))
        assert await gets_nothing(older)
        assert await gets_nothing(newer)


async def test_what_is_answered_while_the_process_ends_does_not_come_again(
    shop: dict[str, Any], conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "_LAST_ANSWERS_S", PATIENCE_S)
    async with AsyncExitStack() as server:
        [port] = await server.enter_async_context(serving())
        program = await bind(port, shop)
        leave_open(program)
        ids = await submit(program, 2 * AT_ONCE)
        end_orders(conn)
        held = await receive_but(program, ids, AT_ONCE)
        ending = asyncio.create_task(server.aclose())
        # No unbind either: it comes when the answers have come.
        assert all([await gets_nothing(program) for _ in range(50)])
        program.peer.send(*(one.answer() for one in held))
        unbind = await program.peer.read(Unbind)
        program.peer.send(unbind.answer())
        await ending
        program.peer.close()
    assert rows(conn, WAITING) == ids[AT_ONCE:]


async def test_what_is_acknowledged_during_an_outage_does_not_come_again(
    shop: dict[str, Any], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "_LONG_BREAK_S", 0.1)
    name = str(conninfo_to_dict(database_url)["dbname"])
    administrator = make_conninfo(database_url, dbname="postgres")
    async with serving() as (port,):
        program = await bind(port, shop)
        ids = await submit(program, 2)
        with psycopg.connect(database_url, autocommit=True) as conn:
            end_orders(conn)
        held = await receive_but(program, ids, 2)
        with psycopg.connect(administrator, autocommit=True) as conn:
            conn.execute(ALLOW.format(sql.Identifier(name), sql.SQL("false")))
            conn.execute(END_SESSIONS, [name])
            program.peer.send(held[0].answer())
            # The answer is read before the enquire_link, and looked at before what comes next.
            assert await gets_nothing(program)
            conn.execute(ALLOW.format(sql.Identifier(name), sql.SQL("true")))
        with psycopg.connect(database_url, autocommit=True) as conn:
            await eventually(lambda: rows(conn, WAITING) == [ids[1]])
            program.peer.send(held[1].answer())
            await eventually(lambda: not rows(conn, WAITING))
        assert await gets_nothing(program)


async def test_one_that_can_not_be_opened_leaves_none_of_the_others_to_be_repeated(
    shop: dict[str, Any], conn: psycopg.Connection, database_url: str
) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        await receive(database_url, "slow")
        held = await program.peer.read(DeliverSm)
        until = rows(conn, HELD_UNTIL)
        conn.execute(UNREADABLE)
        await is_held_longer(conn, until)
        [good] = await submit(program, 1)
        end_orders(conn)
        program.peer.send(held.answer())
        await eventually(lambda: rows(conn, "SELECT sealed FROM account_texts") == [b"x"])
        assert await gets_nothing(program)
        conn.execute("DELETE FROM account_texts")
        assert id_of(await program.receive()) == good
