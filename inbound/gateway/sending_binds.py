"""The binds that submit messages, and which centres' messages each of them may carry.

A reply goes to the centre its MO came from. When no bind of that centre has been up for
`FAILOVER_S`, its messages are stranded and any other bind carries them: an acknowledgement
through another centre is worth more than a late one.

These classes fill the ports of `streams.outbox.ports`.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from inbound.gateway.refusals import RefusalReport
from inbound.ops import metrics
from inbound.smpp.bind_health import BindHealth, EsmeState
from inbound.smpp.esme import Esme
from inbound.smpp.message_ids import IdForm
from inbound.smpp.pdu import SubmitSm, SubmitSmResp
from inbound.smpp.status import Status, is_throttle
from schemas.channels import Channel

FAILOVER_S = 10.0
STRANDED_CHECK_S = 1.0
"""How often an idle bind looks for stranded messages."""

FIRST_THROTTLE_PAUSE_S = 0.25
LONGEST_THROTTLE_PAUSE_S = 5.0

FULL_QUEUES: Final = 3
"""This many answers ESME_RMSGQFUL in a row mean that the centre's queue is full.

A single one often means that of one phone, whose message then waits alone, without holding up all
the others.
"""

RESERVED_SHARE = 0.1
"""The share of a window that bulk messages leave free for the other lanes."""


class Downtime:
    """How long a bind has been down. The bind's client reports each change of its state."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = clock()

    def note(self, health: BindHealth) -> None:
        """Take note of a change; trying to connect counts as being down, unbinding does not.

        While the SMS centre unbinds it still answers: a gateway that gave up its lanes now would
        give up these answers.
        """
        if health.state is EsmeState.UNBINDING:
            return
        if health.state is EsmeState.BOUND:
            self._since = None
        elif self._since is None:
            self._since = self._clock()

    def has_lasted(self, seconds: float) -> bool:
        """Whether the bind has been down for that long."""
        return self._since is not None and self._clock() - self._since >= seconds


class SendingBind:
    """One bind that submits messages. `window` is how many of them may be unanswered."""

    def __init__(
        self,
        name: str,
        centre: str,
        esme: Esme,
        downtime: Downtime,
        *,
        alphabet: str,
        answer_ids: IdForm = IdForm.ANY,
    ) -> None:
        self.name = name
        self.centre = centre
        self.alphabet = alphabet
        self.answer_ids = answer_ids
        self.window = esme.settings.window
        self.throttles = 0
        self._esme = esme
        self._downtime = downtime
        self._refusals = RefusalReport(centre, name)
        self._work = asyncio.Event()
        self._bulk_in_flight = 0
        self._most_bulk = max(1, self.window - math.ceil(self.window * RESERVED_SHARE))
        self._throttle_pause_s = 0.0
        self._full_queues = 0

    async def slot(self) -> None:
        """Wait until one message may be submitted. Reserves nothing.

        Raises `NotSentError` once the bind is closed for good.
        """
        await self._esme.slot()

    @property
    def takes_bulk(self) -> bool:
        """Whether a bulk message may leave now: they never fill the last slots of the window.

        A centre that is slow to answer broadcasts must not keep an acknowledgement waiting.
        """
        return self._bulk_in_flight < self._most_bulk

    def submit(self, pdu: SubmitSm, *, bulk: bool) -> asyncio.Future[SubmitSmResp]:
        """Submit one PDU; never waits. The future ends as that of `Esme.submit` does."""
        answer = self._esme.submit(pdu)
        answer.add_done_callback(self._refusals.note)
        if bulk:
            self._bulk_in_flight += 1
            answer.add_done_callback(self._bulk_answered)
        return answer

    def hold(self, seconds: float) -> None:
        """Submit nothing for this long."""
        self._esme.back_off(seconds)

    def note_answer(self, status: int) -> None:
        """Pause after a throttling answer, longer each time until the centre accepts a part."""
        if not status:
            self._throttle_pause_s = 0.0
            self._full_queues = 0
        elif is_throttle(status):
            self._slow_down()
        elif status == Status.ESME_RMSGQFUL:
            self._full_queues += 1
            if self._full_queues >= FULL_QUEUES:
                self._slow_down()

    def _slow_down(self) -> None:
        self.throttles += 1
        metrics.BIND_THROTTLES.add(1, {"bind": self.name})
        longer = 2 * self._throttle_pause_s or FIRST_THROTTLE_PAUSE_S
        self._throttle_pause_s = min(LONGEST_THROTTLE_PAUSE_S, longer)
        self.hold(self._throttle_pause_s)

    def has_been_down(self, seconds: float) -> bool:
        """Whether the bind has been down for that long."""
        return self._downtime.has_lasted(seconds)

    def wake(self) -> None:
        """End `wait_for_work`: a message is ready."""
        self._work.set()

    async def wait_for_work(self) -> None:
        """Wait until `wake`, or until it is time to look for stranded messages.

        Look for a message right before, without awaiting in between.
        """
        self._work.clear()
        with contextlib.suppress(TimeoutError):
            # Not wait_for: in Python 3.11 it loses a cancellation that comes with `wake`.
            async with asyncio.timeout(STRANDED_CHECK_S):
                await self._work.wait()

    def _bulk_answered(self, _answer: asyncio.Future[SubmitSmResp]) -> None:
        self._bulk_in_flight -= 1
        self._work.set()


class SendingBinds:
    """All sending binds of one gateway; the first one's centre is the default."""

    def __init__(self, binds: Sequence[SendingBind], failover_s: float = FAILOVER_S) -> None:
        self._binds = tuple(binds)
        self._failover_s = failover_s
        self.centres = tuple(dict.fromkeys(bind.centre for bind in binds))

    def __iter__(self) -> Iterator[SendingBind]:
        """Yield the binds in the order of the settings."""
        return iter(self._binds)

    def centre_for(self, wanted: str | None, channel: Channel | None = None) -> str:
        """Return the centre for a text whose MO came from `wanted`, or that has no MO.

        Messages of channels leave elsewhere (`inbound.gateway.outlets`).
        """
        if channel is not None:
            raise ValueError("a bind of texts carries no message of a channel")
        return wanted if wanted in self.centres else self.centres[0]

    def window(self, centre: str) -> int:
        """Return how many messages may be unanswered at a centre."""
        return sum(bind.window for bind in self._binds if bind.centre == centre)

    def served_from(self, centre: str) -> tuple[str, ...]:
        """Return the centres that a bind of this centre may serve: its own, then stranded ones."""
        others = (other for other in self.centres if other != centre)
        return centre, *(other for other in others if self.is_stranded(other))

    def are_down(self, seconds: float) -> bool:
        """Whether every bind has been down for this long."""
        return all(bind.has_been_down(seconds) for bind in self._binds)

    def is_stranded(self, centre: str) -> bool:
        """Whether every bind of a centre has been down for too long."""
        own = (bind for bind in self._binds if bind.centre == centre)
        return all(bind.has_been_down(self._failover_s) for bind in own)

    def wake(self) -> None:
        """Tell every bind that a message is ready."""
        for bind in self._binds:
            bind.wake()
