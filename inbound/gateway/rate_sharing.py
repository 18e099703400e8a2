"""Shares the rate of an account among its binds, in this gateway and in all others.

Every gateway reports its binds to the database every `REPORT_EVERY_S`; each bind takes an equal
share with the others of its account that are reported. A new bind submits nothing before the others
have seen its report, and the share of a bind whose gateway died is redistributed after
`REPORT_VALID_FOR`. So the sum never exceeds the rate of the account.
"""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

REPORT_EVERY_S: Final = 2.0
REPORT_VALID_FOR: Final = timedelta(seconds=3 * REPORT_EVERY_S)


class RateShare:
    """One bind's share of the rate of its account; a rate of 0 has no limit."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._others = 0
        self._unsure_until = 0.0

    @property
    def is_limited(self) -> bool:
        """Whether the account has a rate to share."""
        return self._rate > 0

    @property
    def others(self) -> int:
        """How many other binds of the account submit."""
        return self._others

    @property
    def current(self) -> float:
        """Messages per second; 0: no limit."""
        return self._rate / (self._others + 1)

    def doubt(self) -> None:
        """Only let the share shrink for a while: the others may not have been able to report.

        Call it after an outage of the database.
        """
        self._unsure_until = asyncio.get_running_loop().time() + 2 * REPORT_EVERY_S

    def update(self, others: int) -> None:
        """Take note of how many other binds of the account submit."""
        unsure = asyncio.get_running_loop().time() < self._unsure_until
        self._others = max(others, self._others) if unsure else others


class ReportSchedule:
    """When the reporter reports: every `REPORT_EVERY_S`, and at once on request."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []

    def request(self) -> None:
        """Request a report at once."""
        self._requested.set()

    async def admit(self, share: RateShare) -> None:
        """Wait until a bind may submit: the others of its account have seen its report.

        Blocks for one report, and for two intervals when there are others.
        """
        if not share.is_limited:
            return
        reported: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(reported)
        self.request()
        await reported
        if share.others:
            await asyncio.sleep(2 * REPORT_EVERY_S)

    async def due(self) -> list[asyncio.Future[None]]:
        """Wait until a report is due; return the futures to finish once it is made."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._requested.wait(), REPORT_EVERY_S)
        self._requested.clear()
        waiting, self._waiting = self._waiting, []
        return waiting
