"""Parts whose delivery receipts are overdue: a gateway may query the SMS centre about them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg.rows import args_row

from inbound.store.connections import LazyConnection
from inbound.store.errors import raises_store_errors_async
from inbound.store.statements import statements

APPLICATION_NAME: Final = "scserv overdue"
GIVE_UP_AFTER: Final = timedelta(days=3)

_SQL: Final = statements(__package__, "receipts")
_TAKE_OVERDUE = _SQL["take_overdue"]


@dataclass(frozen=True, slots=True)
class OverduePart:
    """One part: the Kafka key of its person's messages, and the SMS centre's id of it.

    `written_id` is that id as the SMS centre wrote it, `smsc_message_id` the form by which receipts
    are found.
    """

    key: str
    smsc_message_id: str
    written_id: str


class OverdueReceipts:
    """Finds overdue parts, on a connection of its own."""

    def __init__(self, url: str, *, application_name: str = APPLICATION_NAME) -> None:
        """Open nothing yet."""
        self._connection = LazyConnection(url, application_name)
        self.where = self._connection.where

    @raises_store_errors_async
    async def take(
        self, centre: str, now: datetime, after: timedelta, limit: int
    ) -> list[OverduePart]:
        """Return parts submitted more than `after` ago that have no final receipt.

        Each part is returned once per `after`, to the first gateway that asks, and never when
        older than `GIVE_UP_AFTER`. Parts of erased people are left out.
        """
        conn = await self._connection.get()
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
        """Close the connection; a later use opens it again."""
        await self._connection.close()
