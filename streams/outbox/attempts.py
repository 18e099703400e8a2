"""Submits of one message that settled nothing: refused for now, or never answered."""

from collections import deque
from typing import Final

from schemas.messages import SubmitAttempt

KEPT: Final = 4
"""So many of the first and of the last are told; a busy centre may refuse for hours."""


class Attempts:
    """What is told of them; bounded however many there are."""

    __slots__ = ("_count", "_first", "_last")

    def __init__(self) -> None:
        self._first: list[SubmitAttempt] = []
        self._last: deque[SubmitAttempt] = deque(maxlen=KEPT)
        self._count = 0

    def add(self, attempt: SubmitAttempt) -> None:
        """Take note of one more."""
        self._count += 1
        if len(self._first) < KEPT:
            self._first.append(attempt)
        else:
            self._last.append(attempt)

    @property
    def told(self) -> tuple[SubmitAttempt, ...]:
        """The first and the last, in their order."""
        return (*self._first, *self._last)

    @property
    def left_out(self) -> int:
        """How many there were between them."""
        return self._count - len(self._first) - len(self._last)
