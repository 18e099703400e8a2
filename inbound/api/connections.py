"""Limits the connections of each address and of all, so that slow clients leave room for others.

When there is no room, a new connection takes the place of the one that has waited longest
without a request: of its own address if that has too many, otherwise of the address with the
most. A client that sends its request at once is therefore served while others dawdle.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from inbound.ops import server_metrics

MAX_CONNECTIONS: Final = 500
MAX_PER_ADDRESS: Final = 100


@dataclass(slots=True, eq=False)
class Slot:
    """The slot of one connection. `close` ends the connection at once."""

    limits: "ConnectionLimits"
    address: str
    close: Callable[[], object] = field(default=lambda: None)

    def wait(self) -> None:
        """The client has to send something."""
        if not self.limits.holds(self):
            return
        waiting = self.limits.waiting.setdefault(self.address, {})
        waiting.pop(self, None)
        waiting[self] = None

    def work(self) -> None:
        """A request is being answered, so the connection keeps its slot."""
        self.limits.stop_waiting(self)

    def release(self) -> None:
        """The connection has ended. Safe to repeat."""
        self.limits.release(self)


@dataclass(slots=True)
class ConnectionLimits:
    """All connections of a server."""

    most: int = MAX_CONNECTIONS
    most_per_address: int = MAX_PER_ADDRESS
    waiting: dict[str, dict[Slot, None]] = field(default_factory=dict)
    _open: set[Slot] = field(default_factory=set)
    _counts: Counter[str] = field(default_factory=Counter)

    def admit(self, address: str, *, limited: bool = True) -> Slot | None:
        """Return a place for a new connection; None if all are working.

        An address that is not `limited`, a proxy's, is only limited together with all others.
        """
        crowded = None
        if limited and self._counts[address] >= self.most_per_address:
            crowded = address
        elif len(self._open) >= self.most:
            crowded = max(self.waiting, key=self._counts.__getitem__, default=address)
        if crowded is not None and not self._evict(crowded):
            count_closed("refused")
            return None
        slot = Slot(self, address)
        self._open.add(slot)
        self._counts[address] += 1
        slot.wait()
        return slot

    def holds(self, slot: Slot) -> bool:
        """Whether the connection has not ended."""
        return slot in self._open

    def stop_waiting(self, slot: Slot) -> None:
        """Remove a connection from those that may be closed for others."""
        waiting = self.waiting.get(slot.address, {})
        waiting.pop(slot, None)
        if not waiting:
            self.waiting.pop(slot.address, None)

    def release(self, slot: Slot) -> None:
        """Forget a connection that has ended."""
        if slot in self._open:
            self._open.remove(slot)
            self.stop_waiting(slot)
            self._counts[slot.address] -= 1
            if not self._counts[slot.address]:
                del self._counts[slot.address]

    def _evict(self, address: str) -> bool:
        """Close the connection of an address that has waited longest; False if none waits."""
        oldest = next(iter(self.waiting.get(address, {})), None)
        if oldest is None:
            return False
        self.release(oldest)
        oldest.close()
        count_closed("evicted")
        return True


def count_closed(reason: str) -> None:
    """Count a connection that was closed because of its client."""
    server_metrics.API_CONNECTIONS_CLOSED.add(1, {"reason": reason})
