"""Whether and when a message whose outcome is unknown is sent again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from streams.outbox.phases import (
    Claimed,
)

FIRST_PAUSE_S: Final = 3.0

MAX_PAUSE_S: Final = 27.0
"""Meanwhile the next messages with the same key wait, acknowledgements among them."""


@dataclass(frozen=True, slots=True)
class ResendPolicy:
    """Whether a message whose outcome is unknown is sent again."""

    max_attempts: int
    resends_unknown: Callable[[str], bool]
    """Whether a template allows it."""
    first_pause_s: float = FIRST_PAUSE_S
    """Between the first and the second attempt; each further pause is three times as long, up to
    `MAX_PAUSE_S`.

    A link that breaks whenever something is submitted would use up all attempts in seconds.
    """

    def allows(self, claimed: Claimed, now: datetime) -> bool:
        """Whether one more attempt follows."""
        message = claimed.fetched.message
        if claimed.claim.attempt >= self.max_attempts or message.not_after <= now:
            return False
        if message.order_id is not None:
            return bool(message.resend_unknown)
        return self.resends_unknown(message.template)

    def pause_s(self, claimed: Claimed) -> float:
        """Return the seconds between this attempt and the next."""
        pause_s = self.first_pause_s
        for _ in range(1, claimed.claim.attempt):
            if pause_s >= MAX_PAUSE_S:
                break
            pause_s *= 3
        return min(pause_s, MAX_PAUSE_S)
