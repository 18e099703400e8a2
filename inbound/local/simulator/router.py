"""Who gets a message: an account by its number, a phone by its number or range, or nobody yet.

What is for a number whose phone has not been seen yet is kept, within a limit.
"""

from collections import deque
from collections.abc import Callable, Mapping

from inbound.local.simulator.delivery_queue import DeliveryQueue, QueuedMessage
from inbound.local.simulator.settings import SimulatorStats
from inbound.smpp.session import Session, State


class Router:
    """The mailboxes of accounts and phones, and what is kept for phones to come."""

    def __init__(
        self,
        served: Mapping[str, DeliveryQueue],
        mailbox: Callable[[], DeliveryQueue],
        kept_limit: int,
        stats: SimulatorStats,
    ) -> None:
        """Take the accounts' mailboxes by number, and what makes a phone's mailbox."""
        self._served = served
        self._mailbox = mailbox
        self._kept_limit = kept_limit
        self._stats = stats
        self._phones: dict[str, DeliveryQueue] = {}
        self._kept: deque[QueuedMessage] = deque()

    @property
    def waiting(self) -> int:
        """Messages that were not handed over yet."""
        boxes = {*self._served.values(), *self._phones.values()}
        return len(self._kept) + sum(box.size for box in boxes)

    def hand_over(self, letter: QueuedMessage) -> bool:
        """Put a message where its destination number belongs; False when there is no room."""
        number = digits(letter.pdu.destination_addr)
        mailbox = self._served.get(number) or self._phones.get(number) or self._range_of(number)
        if mailbox is not None:
            return mailbox.put(letter)
        if len(self._kept) >= self._kept_limit:
            self._kept.popleft()
            self._stats.dropped += 1
        self._kept.append(letter)
        return True

    def phone_changed(self, session: Session, numbers: str) -> None:
        """Take note that a phone was switched on or off."""
        if session.state is State.BOUND:
            mailbox = self._phones.setdefault(numbers, self._mailbox())
            mailbox.attach(session)
            self._hand_out_kept()
            return
        mailbox = self._phones[numbers]
        mailbox.detach(session)
        if not mailbox.size and not mailbox.sessions:
            del self._phones[numbers]

    def _hand_out_kept(self) -> None:
        """Give what was kept for numbers without a phone to the phones there are now."""
        kept, self._kept = self._kept, deque()
        for letter in kept:
            self.hand_over(letter)

    def _range_of(self, number: str) -> DeliveryQueue | None:
        for numbers, mailbox in self._phones.items():
            if numbers[-1] == "*" and number.startswith(numbers[:-1]):
                return mailbox
        return None


def digits(number: str) -> str:
    """Return a number or range as its digits, with the "*" of a range."""
    if number.isascii() and number.isdigit():
        return number
    return "".join(char for char in number if char.isdigit() or char == "*")
