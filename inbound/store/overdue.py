"""Messages whose receipts are overdue: what a gateway may ask the centre about."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg.rows import args_row

from inbound.store.connecting import AsyncLink
from inbound.store.errors import guarded
from inbound.store.statements import statements

APPLICATION_NAME: Final = "scserv overdue"
GIVE_UP_AFTER: Final = timedelta(days=3)

_SQL: Final = statements(__package__, "receipts")
_TAKE_OVERDUE = _SQL["take_overdue"]


@dataclass(frozen=True, slots=True)
class OverduePart:
    """One part: the Kafka key of its person's messages, and the centre's id of it.

    `written_id` is that id as the centre wrote it, `smsc_message_id` the key of its receipts.
    """

    key: str
    smsc_message_id: str
    written_id: str


class Overdue:
    """Finds overdue parts, on a connection of its own."""

    def __init__(self, url: str, *, application_name: str = APPLICATION_NAME) -> None:
        """Open nothing yet."""
        self._link = AsyncLink(url, application_name)
        self.where = self._link.where

    @guarded
    async def take(
        self, centre: str, now: datetime, after: timedelta, limit: int
    ) -> list[OverduePart]:
        """Return parts submitted more than `after` ago that have no final receipt.

        Each is returned once in `after`, to whichever gateway is first, and no more once it
        is older than `GIVE_UP_AFTER`. Parts of erased people are left alone.
        """
        conn = await self._link.connection()
        async with conn.cursor(row_factory=args_row(OverduePart)) as cursor:
            await cursor.execute(
                _TAKE_OVERDUE,
                {
                    "centre": centre,
                    "now": now,
                    "before": now - after,
                    "not_before": now - GIVE_UP_AFTER,
                    "limit": limit,
                },
            )
            return await cursor.fetchall()

    async def close(self) -> None:
        """Give back the connection."""
        await self._link.close()
