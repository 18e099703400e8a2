"""The lanes of messages to send: their order, and the lane of each purpose."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from schemas.messages import Purpose


class Lane(IntEnum):
    """One lane is one topic of messages to send; the lower its number, the more urgent.

    Messages of channels have a lane of their own: a mail server that is slow, or away, holds up
    no text message, and a gateway that knows no channels never reads what it would send as a text.
    """

    URGENT = 0
    NORMAL = 1
    BULK = 2
    CHANNELS = 3

    @property
    def label(self) -> str:
        """The lane's name in metrics, health reports and timelines."""
        return self.name.lower()


LANE_OF: Final[Mapping[Purpose, Lane]] = MappingProxyType(
    {
        Purpose.ACKNOWLEDGEMENT: Lane.URGENT,
        Purpose.FULFILMENT: Lane.NORMAL,
        Purpose.NOTIFICATION: Lane.NORMAL,
        Purpose.BROADCAST: Lane.BULK,
    }
)
"""The lane in which a message of each purpose travels."""
