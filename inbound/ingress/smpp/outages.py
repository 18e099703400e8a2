"""Tells in the log when a loop begins to wait for the database, and when it goes on."""

import logging
from dataclasses import dataclass, field
from typing import Final

from inbound.reasons import in_words

log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Outage:
    """An outage as one loop sees it; `what` waits, in the plural. For one event loop."""

    what: str
    _reason: str = field(default="", init=False)

    def waits(self, error: BaseException) -> None:
        """Log why it waits: once, and again when the reason is another."""
        reason = in_words(error)
        if reason != self._reason:
            log.warning("%s wait: %s", self.what, reason)
        self._reason = reason

    def works(self) -> None:
        """Log that it continues, if it has waited. Call it only after the database has answered."""
        if self._reason:
            log.info("the database can be reached again: %s continue", self.what)
        self._reason = ""
