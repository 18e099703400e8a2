"""Which binds of which gateways are there: for sharing an account's rate, and for `binds`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import args_row
from pydantic_core import from_json, to_json

from inbound.store.connecting import AsyncLink, called
from inbound.store.errors import guarded
from inbound.store.statements import statements

APPLICATION_NAME: Final = "scserv presence"

_SQL: Final = statements(__package__, "presence")
_REPORT_BIND = _SQL["report_bind"]
_COUNT_SHARING = _SQL["count_sharing"]
_FORGET_BINDS = _SQL["forget_binds"]
_LIST_BINDS = _SQL["list_binds"]
_TELL_TIME = _SQL["tell_time"]


@dataclass(frozen=True, slots=True)
class BindReport:
    """How one bind of one gateway is. `sends` says that it is bound and may send now."""

    account: str
    bind: str
    gateway: str
    sends: bool
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SeenBind:
    """A report as the database has it, `age_s` seconds old."""

    account: str
    bind: str
    gateway: str
    sends: bool
    state: bytes
    age_s: float

    @property
    def details(self) -> dict[str, Any]:
        """The reported state."""
        details: dict[str, Any] = from_json(self.state)
        return details


class Presence:
    """One gateway's voice, on a connection of its own."""

    def __init__(self, url: str, *, application_name: str = APPLICATION_NAME) -> None:
        """Open nothing yet."""
        self._link = AsyncLink(url, application_name)
        self.where = self._link.where

    @guarded
    async def report(self, report: BindReport, alive: timedelta) -> int:
        """Say how a bind is; return how many others of its account may send.

        A report that is older than `alive` counts no more: its gateway is gone. Of two that
        report at the same time, one at least counts the other.
        """
        conn = await self._link.connection()
        who = {"account": report.account, "bind": report.bind, "gateway": report.gateway}
        state = to_json(report.state).decode()
        await conn.execute(_REPORT_BIND, who | {"sends": report.sends, "state": state})
        cursor = await conn.execute(_COUNT_SHARING, who | {"alive": alive})
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    @guarded
    async def tell_time(self) -> datetime:
        """Return the time of the database's clock."""
        conn = await self._link.connection()
        cursor = await conn.execute(_TELL_TIME)
        [(time,)] = await cursor.fetchall()
        told: datetime = time
        return told

    @guarded
    async def forget(self, gateway: str) -> None:
        """Take a gateway's reports back, so that others need not wait until they are old."""
        conn = await self._link.connection()
        await conn.execute(_FORGET_BINDS, {"gateway": gateway})

    async def close(self) -> None:
        """Give back the connection."""
        await self._link.close()


@called
def list_binds(conn: psycopg.Connection) -> list[SeenBind]:
    """Return what was reported within the last hour, by account, bind and gateway."""
    with conn.cursor(row_factory=args_row(SeenBind)) as cursor:
        return cursor.execute(_LIST_BINDS).fetchall()
