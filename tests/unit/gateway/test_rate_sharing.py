"""A bind's share of its account's rate, and when it may submit."""

import asyncio

import pytest

from inbound.gateway import rate_sharing
from inbound.gateway.rate_sharing import RateShare, ReportSchedule
from tests.patience import PATIENCE_S


async def test_the_rate_is_divided_among_the_binds_of_the_account() -> None:
    share = RateShare(30)
    assert share.current == 30
    share.update(others=2)
    assert share.current == 10


async def test_no_rate_means_no_limit() -> None:
    share = RateShare(0)
    share.update(others=3)
    assert (share.is_limited, share.current) == (False, 0)
    await asyncio.wait_for(ReportSchedule().admit(share), PATIENCE_S)


async def test_in_doubt_a_share_only_shrinks(monkeypatch: pytest.MonkeyPatch) -> None:
    share = RateShare(30)
    share.update(others=2)
    share.doubt()
    share.update(others=0)
    assert share.current == 10
    share.update(others=4)
    assert share.current == 6
    monkeypatch.setattr(rate_sharing, "REPORT_EVERY_S", -1)
    share.doubt()  # over at once
    share.update(others=0)
    assert share.current == 30


async def test_a_bind_is_admitted_once_a_report_that_it_asked_for_is_made() -> None:
    schedule, share = ReportSchedule(), RateShare(30)
    admitted = asyncio.ensure_future(schedule.admit(share))
    waiting = await asyncio.wait_for(schedule.due(), PATIENCE_S)
    assert not admitted.done()
    for reported in waiting:
        reported.set_result(None)
    await asyncio.wait_for(admitted, PATIENCE_S)
