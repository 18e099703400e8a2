"""The state of each bind, as its gateway reports it.

From these reports gateways share the rate of an account, and notice whether all know the same SMS
centres; `scserv binds` shows them.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from pydantic_core import from_json, to_json

from inbound.store.connections import LazyConnection, raises_store_errors
from inbound.store.errors import raises_store_errors_async
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements

APPLICATION_NAME: Final = "scserv bind reports"
GONE_AFTER_S: Final = 6.0
"""A bind that was not reported for this long, three reports, is gone with its gateway."""
GONE: Final = "gone"

_SQL: Final = statements(__package__, "bind_reports")
_REPORT_BIND = _SQL["report_bind"]
_COUNT_SHARING = _SQL["count_sharing"]
_ANOTHER_SENDS = _SQL["another_sends"]
_CENTRES_ELSEWHERE = _SQL["centres_elsewhere"]
_NAMES_ELSEWHERE = _SQL["names_elsewhere"]
_WITHDRAW_BINDS = _SQL["withdraw_binds"]
_LIST_BINDS = _SQL["list_binds"]
_DATABASE_TIME = statements(__package__, "database_watch")["database_time"]


@dataclass(frozen=True, slots=True)
class BindReport:
    """The state of one bind of one gateway. `sends`: it is bound and may send now."""

    account: str
    bind: str
    gateway: str
    sends: bool
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReportedBind:
    """A stored report, `age_s` seconds old; `seen_at` is its time by the database's clock."""

    account: str
    bind: str
    gateway: str
    sends: bool
    state: bytes
    age_s: float
    seen_at: datetime

    @property
    def details(self) -> dict[str, Any]:
        """The reported state."""
        details: dict[str, Any] = from_json(self.state)
        return details

    @property
    def shown_state(self) -> str:
        """The state as people see it; `gone` once nothing is reported any more."""
        return str(self.details["state"]) if self.age_s < GONE_AFTER_S else GONE


def known_centres(seen: Iterable[ReportedBind]) -> dict[str, set[str]]:
    """Return the SMS centres of the sending binds of each gateway that is not gone."""
    known: dict[str, set[str]] = {}
    for bind in seen:
        if bind.shown_state != GONE:
            sending = {bind.details["centre"]} if bind.details["type"] != "receiver" else set()
            known.setdefault(bind.gateway, set()).update(sending)
    return known


def lacking_centres(known: Mapping[str, AbstractSet[str]]) -> dict[str, tuple[str, ...]]:
    """Return the SMS centres that each gateway lacks and another gateway has.

    `known` has the centres of each gateway's sending binds. A gateway that lacks none is left out.
    Each gateway sends its share of all messages, so one that lacks a centre sends the messages
    for it through another one.
    """
    every = set().union(*known.values())
    return {
        gateway: tuple(sorted(every - centres))
        for gateway, centres in sorted(known.items())
        if every - centres
    }


def without_replaced(seen: Iterable[ReportedBind]) -> list[ReportedBind]:
    """Leave out binds that are gone and whose name another gateway has taken over.

    Every process has a new name, so the bind of a gateway that was killed and restarted would be
    listed as gone for an hour.
    """
    all_ = list(seen)
    live = {bind.bind for bind in all_ if bind.shown_state != GONE}
    return [bind for bind in all_ if bind.shown_state != GONE or bind.bind not in live]


def shared_names(seen: Iterable[ReportedBind]) -> dict[str, tuple[str, ...]]:
    """Return the names that binds of several running gateways have, with the gateways.

    For some seconds after a gateway was killed and restarted these may be one gateway.
    """
    gateways: dict[str, list[str]] = {}
    for bind in seen:
        if bind.shown_state != GONE:
            gateways.setdefault(bind.bind, []).append(bind.gateway)
    return {name: tuple(sorted(of)) for name, of in gateways.items() if len(of) > 1}


class BindReports:
    """The reports of one gateway, on a connection of its own."""

    def __init__(self, url: str, *, application_name: str = APPLICATION_NAME) -> None:
        """Open nothing yet."""
        self._connection = LazyConnection(url, application_name)
        self.where = self._connection.where

    @raises_store_errors_async
    async def report(self, report: BindReport, alive: timedelta) -> int:
        """Report the state of a bind; return how many other binds of its account may send.

        A report older than `alive` no longer counts: its gateway is gone. When two binds
        report at the same time, at least one of them counts the other.
        """
        conn = await self._connection.get()
        who = {"account": report.account, "bind": report.bind, "gateway": report.gateway}
        state = to_json(report.state).decode()
        await conn.execute(_REPORT_BIND, who | {"sends": report.sends, "state": state})
        cursor = await conn.execute(_COUNT_SHARING, who | {"alive": alive})
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    @raises_store_errors_async
    async def another_sends(self, gateway: str, alive: timedelta) -> bool:
        """Return whether another gateway has a bind that may send, by an equally recent report."""
        conn = await self._connection.get()
        cursor = await conn.execute(_ANOTHER_SENDS, {"gateway": gateway, "alive": alive})
        row = await cursor.fetchone()
        return bool(row and row[0])

    @raises_store_errors_async
    async def centres_elsewhere(self, gateway: str, alive: timedelta) -> dict[str, set[str]]:
        """Return the SMS centres that each other gateway has a sending bind to, bound or not."""
        conn = await self._connection.get()
        cursor = await conn.execute(_CENTRES_ELSEWHERE, {"gateway": gateway, "alive": alive})
        centres: dict[str, set[str]] = {}
        for other, centre in await cursor.fetchall():
            centres.setdefault(other, set()).add(centre)
        return centres

    @raises_store_errors_async
    async def names_elsewhere(self, gateway: str, alive: timedelta) -> dict[str, str]:
        """Return the names of other gateways' binds, with one of their gateways."""
        conn = await self._connection.get()
        cursor = await conn.execute(_NAMES_ELSEWHERE, {"gateway": gateway, "alive": alive})
        return dict(await cursor.fetchall())

    @raises_store_errors_async
    async def database_time(self) -> datetime:
        """Return the time of the database's clock."""
        conn = await self._connection.get()
        cursor = await conn.execute(_DATABASE_TIME)
        row = await cursor.fetchone()
        if row is None:
            raise AssertionError("SELECT clock_timestamp() returned no row")
        time: datetime = row[0]
        return time

    @raises_store_errors_async
    async def withdraw(self, gateway: str) -> None:
        """Delete a gateway's reports, so that others need not wait until they are too old.

        Outdated reports of others are deleted, too.
        """
        conn = await self._connection.get()
        alive = timedelta(seconds=GONE_AFTER_S)
        await conn.execute(_WITHDRAW_BINDS, {"gateway": gateway, "alive": alive})

    async def close(self) -> None:
        """Close the connection; a later use opens it again."""
        await self._connection.close()


@raises_store_errors
def list_binds(conn: psycopg.Connection) -> list[ReportedBind]:
    """Return the reports of the last hour, by account, bind and gateway."""
    return fetch_rows(conn, ReportedBind, _LIST_BINDS)
