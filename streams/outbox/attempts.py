"""Unresolved attempts: submits that were refused for now, or never answered."""

from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Self

from schemas.messages import SubmitAttempt

KEPT: Final = 4
"""How many of the first and last attempts are reported: a busy centre may refuse for hours."""


@dataclass(frozen=True, slots=True)
class UnresolvedAttempts:
    """The unresolved attempts of one message since its last result; bounded in size."""

    first: tuple[SubmitAttempt, ...] = ()
    last: tuple[SubmitAttempt, ...] = ()
    count: int = 0

    def adding(self, attempt: SubmitAttempt) -> Self:
        """Return these and one more."""
        if len(self.first) < KEPT:
            return type(self)((*self.first, attempt), self.last, self.count + 1)
        return type(self)(self.first, (*self.last, attempt)[-KEPT:], self.count + 1)

    @property
    def reported(self) -> tuple[SubmitAttempt, ...]:
        """The first and the last attempts, in order."""
        return self.first + self.last

    def last_refused_with(self, status: int) -> int:
        """Return how many of the last attempts ended with this status, as far as is known."""
        same = takewhile(lambda one: one.status == status, reversed(self.reported))
        return sum(1 for _ in same)

    @property
    def left_out(self) -> int:
        """How many attempts between them are not reported."""
        return self.count - len(self.first) - len(self.last)


NONE: Final = UnresolvedAttempts()
