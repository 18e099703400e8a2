"""Routes messages: to an account by number, or to a phone by number or range.

Messages to a number whose phone has never bound are kept, up to a limit.
"""

from collections import deque
from collections.abc import Callable, Mapping

from inbound.local.simulator.delivery_queue import DeliveryQueue, QueuedMessage
from inbound.local.simulator.settings import SimulatorStats
from inbound.smpp.session import Session, SessionState


class Router:
    """The delivery queues of accounts and phones, and messages kept for unknown phones."""

    def __init__(
        self,
        served: Mapping[str, DeliveryQueue],
        queue: Callable[[], DeliveryQueue],
        kept_limit: int,
        stats: SimulatorStats,
    ) -> None:
        """Take the accounts' queues by number, and the factory of a phone's queue."""
        self._served = served
        self._new_queue = queue
        self._kept_limit = kept_limit
        self._stats = stats
        self._phones: dict[str, DeliveryQueue] = {}
        self._kept: deque[QueuedMessage] = deque()

    @property
    def waiting(self) -> int:
        """Messages that are not delivered yet."""
        queues = {*self._served.values(), *self._phones.values()}
        return len(self._kept) + sum(queue.size for queue in queues)

    def hand_over(self, message: QueuedMessage) -> bool:
        """Queue a message for its destination number; return False if the queue is full."""
        number = digits(message.pdu.destination_addr)
        queue = self._served.get(number) or self._phones.get(number) or self._range_of(number)
        if queue is not None:
            return queue.put(message)
        if len(self._kept) >= self._kept_limit:
            self._kept.popleft()
            self._stats.dropped += 1
        self._kept.append(message)
        return True

    def phone_changed(self, session: Session, numbers: str) -> None:
        """Handle a phone's bind or its end."""
        if session.state is SessionState.BOUND:
            queue = self._phones.setdefault(numbers, self._new_queue())
            queue.attach(session)
            self._hand_out_kept()
            return
        queue = self._phones[numbers]
        queue.detach(session)
        if not queue.size and not queue.sessions:
            del self._phones[numbers]

    def _hand_out_kept(self) -> None:
        """Route kept messages again, now that another phone has bound."""
        kept, self._kept = self._kept, deque()
        for message in kept:
            self.hand_over(message)

    def _range_of(self, number: str) -> DeliveryQueue | None:
        for numbers, queue in self._phones.items():
            if numbers[-1] == "*" and number.startswith(numbers[:-1]):
                return queue
        return None


def digits(number: str) -> str:
    """Return the digits of a number, with the "*" of a range."""
    if number.isascii() and number.isdigit():
        return number
    return "".join(char for char in number if char.isdigit() or char == "*")
