"""Several gateways: the shared rate of an account, what each says about the others, warnings."""

import asyncio
import logging
from typing import Any

import pytest
from click.testing import CliRunner

from inbound.cli.binds import binds as binds_command
from inbound.errors import RetryableError
from inbound.gateway import bind_reporter, rate_sharing
from inbound.gateway.binds import Binds
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.ops.health import Health
from tests.e2e.script import ACCOUNT
from tests.integration.gateway.running import bind, described, gateway, until
from tests.patience import PATIENCE_S


async def test_gateways_share_an_accounts_rate_and_give_it_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_sharing, "REPORT_EVERY_S", 0.05)
    async with Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre:
        one = bind(centre.port, rate=20)

        def share(health: Health) -> float:
            return float(described(health).get("main-1", {}).get("rate", 0))

        async with gateway("g1", database_url, one) as (_, first, _p):
            await until(lambda: first.ready().ok and share(first) == 20, first.ready)
            async with gateway("g2", database_url, one) as (_, second, _q):
                await until(lambda: second.ready().ok, second.ready)
                await until(lambda: share(first) == share(second) == 10, lambda: share(first))
            await until(lambda: share(first) == 20, lambda: share(first))


async def test_a_newcomer_sends_nothing_before_the_others_have_heard_of_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for a report, however busy the database is.
    monkeypatch.setattr(rate_sharing, "REPORT_EVERY_S", 1.0)
    async with Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre:
        one = bind(centre.port, rate=20)

        async def rate_once_it_sends(made: Binds) -> float:
            (sending,), (only,) = made.sending, made.binds
            async with asyncio.timeout(PATIENCE_S):
                await sending.slot()
            return only.share.current

        async with gateway("g1", database_url, one) as (first, health, _p):
            assert await rate_once_it_sends(first) == 20
            await until(lambda: health.ready().ok, health.ready)
            async with gateway("g2", database_url, one) as (second, _, _q):
                assert await rate_once_it_sends(second) == 10
                assert await rate_once_it_sends(first) == 10


async def test_a_gateway_that_lacks_a_centre_of_another_one_says_so_until_it_is_gone(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rate_sharing, "REPORT_EVERY_S", 0.05)
    caplog.set_level(logging.INFO, "inbound.gateway")

    def lacks(health: Health) -> object:
        return health.details().get("lacking_centres")

    south_of_two = bind(1, centre="south", bind="south-2")
    async with gateway("g1", database_url, bind(1, bind="main-1")) as (_, first, _p):
        await until(lambda: lacks(first) == (), lambda: lacks(first))
        async with gateway("g2", database_url, south_of_two) as (_, second, _q):
            await until(
                lambda: (lacks(first), lacks(second)) == (("south",), ("main",)),
                lambda: (lacks(first), lacks(second)),
            )
            shown = CliRunner().invoke(binds_command, env={"SCSERV_DATABASE_URL": database_url})
            assert shown.exit_code == 1
            assert "g1 lacks a bind to the SMS centre south: every gateway" in shown.output
            assert "g2 lacks a bind to the SMS centre main: every gateway" in shown.output
        await until(lambda: lacks(first) == (), lambda: lacks(first))
    of_south = [line for line in caplog.messages if "lacks a bind to the SMS centre south" in line]
    assert len(of_south) == 1
    assert any("has a bind to every SMS centre" in line for line in caplog.messages)


def is_reported(health: Health) -> bool:
    """Whether the last report of the binds reached the database."""
    return not any(reason.startswith("reports:") for reason in health.ready().reasons)


async def test_after_an_outage_of_the_database_nobody_takes_more_than_before(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "inbound.gateway")
    monkeypatch.setattr(rate_sharing, "REPORT_EVERY_S", 0.1)
    async with Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre:
        settings = bind(centre.port, rate=20)
        async with (
            gateway("g1", database_url, settings) as (made, first, _p),
            gateway("g2", database_url, settings) as (other, _second, _q),
        ):
            (one,) = made.binds
            await until(lambda: one.share.others == 1, lambda: one.share.others)
            report = made._reports.report

            async def away(*_: Any) -> int:
                raise RetryableError("the database is away")

            async def back(*arguments: Any) -> int:
                monkeypatch.setattr(made._reports, "report", report)
                # As it would count when the others could not report either.
                assert await report(*arguments) == 1
                return 0

            monkeypatch.setattr(made._reports, "report", away)
            await until(lambda: not is_reported(first), lambda: described(first))
            monkeypatch.setattr(made._reports, "report", back)
            await until(lambda: is_reported(first), lambda: described(first))
            assert one.share.current == 10
            assert [line for line in caplog.messages if "can be reached again" in line] == [
                "the database can be reached again: binding and sending continue"
            ]
            await other.close()
            await until(lambda: one.share.current == 20, lambda: one.share.others)


async def test_two_gateways_where_the_centre_wants_to_be_told_so(
    database_url: str,
) -> None:
    """By system_type, as MCON2; the centre closes the older link of an account otherwise."""
    settings = SimulatorSettings(port=0, accounts=(ACCOUNT,), strict_binds=True)
    async with Simulator(settings) as centre:
        one = bind(centre.port, system_type="MCON2,SINGLE", interface_version="5.0")
        async with (
            gateway("g1", database_url, one) as (_, first, _p),
            gateway("g2", database_url, one) as (_, second, _q),
        ):
            await until(lambda: first.ready().ok and second.ready().ok, first.ready)
            assert [link.per for link in centre._links._links.values()] == ["part", "part"]
            assert centre.ledger.counts["end"] == 0


async def test_a_name_that_another_gateway_uses_is_warned_of_once_both_have_reported_for_a_while(
    database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bind_reporter, "SHARED_FOR_S", 0.5)
    async with (
        Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre,
        gateway("g1", database_url, bind(centre.port)),
        gateway("g2", database_url, bind(centre.port)),
    ):
        await until(
            lambda: "has a bind named main-1, too: give each bind another name" in caplog.text,
            lambda: caplog.text,
        )
