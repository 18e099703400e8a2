"""Links end with what let them in: replaced credentials, an address not allowed any more."""

import asyncio

import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.smpp.pdu import BindReceiver, EnquireLink, EnquireLinkResp
from inbound.smpp.status import Status
from tests.integration.ingress.smpp_world import bind, create_account, serving

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


async def change(*arguments: str) -> None:
    """Run `scserv accounts` while the server runs."""
    result = await asyncio.to_thread(CliRunner().invoke, scserv, ["accounts", *arguments])
    assert result.exit_code == 0, result.output


async def test_new_credentials_end_the_links_of_earlier_ones_and_no_other() -> None:
    shop, other = create_account("shop"), create_account("other")
    async with serving() as (port,):
        program = await bind(port, shop, system_type="MCON2")
        receiver = await bind(port, shop, BindReceiver, system_type="MCON2")
        stays = await bind(port, other)
        assert (await program.submit()).status == 0
        await change("credentials", "shop")
        assert await program.peer.at_end()
        assert await receiver.peer.at_end()
        assert (await stays.ask(EnquireLink(), EnquireLinkResp)).status == 0
        await bind(port, shop, status=Status.ESME_RINVPASWD)


async def test_a_link_ends_when_its_address_is_not_allowed_any_more() -> None:
    shop, other = create_account("shop"), create_account("other")
    async with serving() as (port,):
        program, stays = await bind(port, shop), await bind(port, other)
        await change("change", "other", "--address", "127.0.0.0/8")
        await change("change", "shop", "--address", "203.0.113.7")
        assert await program.peer.at_end()
        assert (await stays.submit()).status == 0
