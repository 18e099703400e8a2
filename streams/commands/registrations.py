"""How many registrations one batch may let through, and how many it did.

The counts are read once for the batch, under a lock that ends with its transaction, and go on with
each decision of the batch. Each request gets them as facts, so a replay can decide it again.
"""

from collections import Counter
from collections.abc import Iterator

from inbound.handlers.decision import CommandRequest, Decision
from inbound.ops import metrics
from inbound.store.registrations.rows import CountedRegistrations, RegistrationsUsed
from schemas.registration_events import RegistrationRefused, RegistrationUsage


class RegistrationBudget:
    """The use of the ceilings within one batch. `clients` is the size of the directory."""

    __slots__ = ("_clients", "_held", "_hours", "_minutes", "_outcomes", "_sent", "_used")

    def __init__(self, used: RegistrationsUsed, clients: int) -> None:
        self._used = used
        self._clients = clients
        self._hours: Counter[str] = Counter(used.centre_hour)
        self._minutes: Counter[str] = Counter(used.centre_minute)
        self._sent: Counter[str] = Counter()
        self._held: Counter[str] = Counter()
        self._outcomes: Counter[tuple[str, str]] = Counter()

    def usage(self, centre: str) -> RegistrationUsage:
        """Return the facts for the next decision about a text from this SMS centre."""
        sent = self._sent.total()
        return RegistrationUsage(
            off=self._used.off,
            minute=self._used.minute + sent,
            hour=self._used.hour + sent,
            centre_hour=self._hours[centre],
            clients=self._clients,
            centre_minute=self._minutes[centre],
            centres=len(self._used.centres | {centre}),
        )

    def count(self, request: CommandRequest, decision: Decision) -> None:
        """Count one decision: whether it lets a registration through, holds or refuses it."""
        if decision.hold is not None:
            self._held[request.centre] += 1
            self._outcomes["held", decision.hold.reason.value] += 1
        elif decision.secret_for is not None:
            self._sent[request.centre] += 1
            self._hours[request.centre] += 1
            self._minutes[request.centre] += 1
            self._outcomes["sent", ""] += 1
        else:
            for event in decision.events:
                if isinstance(event, RegistrationRefused):
                    self._outcomes["refused", event.cause.value] += 1

    def counted(self) -> Iterator[CountedRegistrations]:
        """Yield the counts to be stored with the batch."""
        for centre in self._sent.keys() | self._held.keys():
            yield CountedRegistrations(centre, self._sent[centre], self._held[centre])

    def report(self) -> None:
        """Update the metric. Call it once the batch is committed."""
        for (outcome, reason), count in self._outcomes.items():
            metrics.REGISTRATIONS.add(count, {"outcome": outcome, "reason": reason})
