"""What happened to a person beside requests and orders. Plain data.

Rows of an audience that a broadcast was not sent to, and switches of notifications at the desk.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class WhyExcluded(StrEnum):
    """Why, as far as it can be said to a person; every reason of a row is one of them."""

    OPTED_OUT = "opted_out"
    NOT_A_CLIENT = "not_a_client"
    REPEATED = "repeated"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One row. `began_at` is when the broadcast began, `loaded_at` when its audience was loaded.

    `reason` is the one of the row (`inbound.broadcasts.audience.Exclusion`).
    """

    broadcast_id: UUID
    broadcast: str
    account: str
    reason: str
    row: int
    loaded_at: datetime
    began_at: datetime

    @property
    def why(self) -> WhyExcluded:
        """The reason; what is wrong with the row's content is one."""
        known = self.reason in {one.value for one in WhyExcluded}
        return WhyExcluded(self.reason) if known else WhyExcluded.DATA


@dataclass(frozen=True, slots=True)
class Switch:
    """Notifications and broadcasts were switched on or off by an operator."""

    at: datetime
    notifications_on: bool
    by: str
    reason: str
