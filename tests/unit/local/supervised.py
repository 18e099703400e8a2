"""Children of a supervisor: small programs, and what it reports about them."""

import asyncio

from inbound.local.supervisor import ChildEvent, ChildEventType, RestartBackoff
from tests.patience import PATIENCE_S

AT_ONCE = RestartBackoff(first_s=0.0)


# Says that its handler is in place by writing to its log, which `says` waits for.
OBEDIENT = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("up", flush=True)
signal.pause()
"""


STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
while True:
    signal.pause()
"""


class Events:
    """What the supervisor reported, in order, and a way to wait for the next of a kind."""

    def __init__(self) -> None:
        self.seen: list[ChildEvent] = []
        self._queue: asyncio.Queue[ChildEvent] = asyncio.Queue()

    def __call__(self, event: ChildEvent) -> None:
        self.seen.append(event)
        self._queue.put_nowait(event)

    async def next(self, what: ChildEventType) -> ChildEvent:
        async with asyncio.timeout(PATIENCE_S):
            while (event := await self._queue.get()).what is not what:
                pass
            return event

    def of(self, what: ChildEventType) -> list[str]:
        return [event.child for event in self.seen if event.what is what]
