"""Retries of dead letters for the desk: with a connection of their own, in a thread."""

import asyncio
from typing import TYPE_CHECKING

from inbound.settings import Settings
from inbound.startup import make_cipher
from inbound.store.connections import connect
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.rows import Selection
from inbound.store.sealing import Sealer

if TYPE_CHECKING:
    from inbound.desk.status.dead_letters import Retried


class DeadLetterRetries:
    """Publishes dead letters again; one retry at a time over all processes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def retry(self, selection: Selection, upto: int, actor: str) -> "Retried":
        """Publish the selected ones up to an id. Raises RetryRunningError and RetryableError."""
        return await asyncio.to_thread(self._retry, selection, upto, actor)

    def _retry(self, selection: Selection, upto: int, actor: str) -> "Retried":
        # Imported here: kafka-python, which only a retry needs.
        from inbound.deadletter.retrying import DeadLetterRetry
        from inbound.desk.status.dead_letters import Retried, RetryRunningError

        url = self._settings.database_url.get_secret_value()
        sealer = Sealer(make_cipher(self._settings))
        with connect(url, "scserv desk retry", long=True) as conn:
            if not dead_letters.try_lock(conn):
                raise RetryRunningError
            work = DeadLetterRetry(conn, self._settings.kafka(), sealer, actor)
            done = work.run(selection, upto, lambda _: None)
            return Retried(done.published, len(done.refused))
