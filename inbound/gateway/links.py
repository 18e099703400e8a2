"""The binds of one gateway, and which of them may carry a message.

A reply goes to the centre its text came from. When no bind of that centre has been up for
`FAILOVER_S`, its messages are stranded and any other bind takes them: an acknowledgement by
another way is worth more than one too late.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from inbound.smpp.esme import BindHealth, Esme, EsmeState
from inbound.smpp.message_ids import IdForm
from inbound.smpp.pdu import SubmitSm, SubmitSmResp
from streams.outbox.encoding import Encoder

FAILOVER_S = 10.0
LOOK_AGAIN_S = 1.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0

BULK_LEAVES = 0.1
"""The share of a window that broadcasts leave to the other lanes."""


@dataclass(slots=True, eq=False)
class Link:
    """One bind that sends. `esme` is set once it is made, because it reports to `changed`."""

    name: str
    centre: str
    encoder: Encoder
    window: int
    answer_ids: IdForm = IdForm.ANY
    clock: Callable[[], float] = time.monotonic
    throttles: int = 0
    work: asyncio.Event = field(default_factory=asyncio.Event)
    _bulk: int = 0
    _esme: Esme | None = None
    _down_since: float | None = field(default=None)
    _pause_s: float = 0.0

    def __post_init__(self) -> None:
        self._down_since = self.clock()

    @property
    def esme(self) -> Esme:
        """The client of this bind."""
        if self._esme is None:
            raise RuntimeError(f"bind {self.name} has no client yet")
        return self._esme

    @esme.setter
    def esme(self, esme: Esme) -> None:
        self._esme = esme

    def changed(self, health: BindHealth) -> None:
        """Take note of a change of the bind's state."""
        if health.state is EsmeState.BOUND:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = self.clock()

    @property
    def takes_bulk(self) -> bool:
        """Whether a broadcast may leave now: they never take the last places of the window.

        A centre that is slow to answer broadcasts must not keep an acknowledgement waiting.
        """
        return self._bulk < max(1, self.window - math.ceil(self.window * BULK_LEAVES))

    def submit(self, pdu: SubmitSm, *, bulk: bool) -> asyncio.Future[SubmitSmResp]:
        """Send one PDU; call `answered` once its future is done, however it ended."""
        answer = self.esme.submit(pdu)
        self._bulk += bulk
        return answer

    def answered(self, *, bulk: bool) -> None:
        """Take note that a PDU is in flight no more."""
        if bulk:
            self._bulk -= 1
            self.work.set()

    def slow_down(self) -> None:
        """Pause after an answer that said: slower; longer each time until one is taken."""
        self.throttles += 1
        self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s or FIRST_PAUSE_S)
        self.esme.hold(self._pause_s)

    def taken(self) -> None:
        """Take note that the centre took a message."""
        self._pause_s = 0.0

    def is_down(self, for_s: float) -> bool:
        """Whether the bind has been down for that many seconds."""
        return self._down_since is not None and self.clock() - self._down_since >= for_s

    async def wait_for_work(self) -> None:
        """Wait until a message was queued, or it is time to look for stranded ones."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.work.wait(), LOOK_AGAIN_S)


class Links:
    """All sending binds of one gateway; the first one's centre is the default."""

    def __init__(self, links: Sequence[Link], failover_s: float = FAILOVER_S) -> None:
        self._links = tuple(links)
        self._failover_s = failover_s
        self.centres = tuple(dict.fromkeys(link.centre for link in links))

    def __iter__(self) -> Iterator[Link]:
        """Yield the binds in the order of the settings."""
        return iter(self._links)

    def centre_for(self, wanted: str | None) -> str:
        """Return the centre for a message that came from `wanted`, or from none."""
        return wanted if wanted in self.centres else self.centres[0]

    def window(self, centre: str) -> int:
        """Return how many messages may be unanswered at a centre."""
        return sum(link.window for link in self._links if link.centre == centre)

    def served_by(self, link: Link) -> tuple[str, ...]:
        """Return the centres whose messages a bind may carry: its own, then stranded ones."""
        others = (centre for centre in self.centres if centre != link.centre)
        return link.centre, *(centre for centre in others if self.is_stranded(centre))

    def is_stranded(self, centre: str) -> bool:
        """Whether every bind of a centre has been down for too long."""
        return all(link.is_down(self._failover_s) for link in self._links if link.centre == centre)

    def resends_unknown(self, template: str) -> bool:
        """Whether a message of this template goes again when its fate is unknown."""
        return self._links[0].encoder.resends_unknown(template)

    def wake(self) -> None:
        """Tell every bind that there is something to send."""
        for link in self._links:
            link.work.set()
