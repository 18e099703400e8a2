"""The sender's binds of channels that are not SMPP: each hands messages to its adapter.

They fill the ports of `streams.outbox.ports`. A channel whose server is unavailable takes nothing
for a while, longer each time, and its messages wait; they have a lane of their own, so no text
waits with them.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final

from typing_extensions import override

from inbound.channels.port import Accepted, ChannelAdapter, Outgoing, Refused, UnavailableError
from inbound.smpp.errors import UnansweredError, UnencodableError
from inbound.smpp.message_ids import IdForm
from inbound.smpp.pdu import SubmitSmResp
from inbound.smpp.status import Status
from schemas.channels import Channel
from streams.outbox.ports import WholeMessageBind

log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
BACK_OFF_S: Final = 30.0
"""Before a message is offered again that the server refused for now: mail servers want minutes."""

_BACKING_OFF: Final = 10
"""Windows of messages: some recipients are refused for now while others are not."""

CLOSE_WITHIN_S: Final = 5.0
_LOOK_AGAIN_S: Final = 1.0

NOT_OFFERED: Final = "not-offered"
"""The centre of messages whose channel is no longer configured."""


def centre_of(channel: Channel) -> str:
    """Return the name of a channel among those of SMS centres, which have no colon."""
    return f"channel:{channel.value}"


class ChannelBind(WholeMessageBind):
    """One channel as the sender uses it. `window` is how many messages may be under way."""

    alphabet = ""
    answer_ids = IdForm.EXACT
    takes_bulk = True
    back_off_s = BACK_OFF_S

    def __init__(
        self,
        centre: str,
        adapter: ChannelAdapter,
        window: int,
        *,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`report` gets why the channel can't be used, and "" when it can again."""
        self.name = self.centre = centre
        self.window = window
        self.most_backing_off = _BACKING_OFF * window
        self._adapter = adapter
        self._report = report
        self._work, self._free = asyncio.Event(), asyncio.Event()
        self._under_way: set[asyncio.Task[SubmitSmResp]] = set()
        self._pause_s = 0.0
        self._held_until = 0.0

    @override
    async def slot(self) -> None:
        while True:
            self._free.clear()
            pause_s = self._held_until - time.monotonic()
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            elif len(self._under_way) < self.window:
                return
            else:
                await self._free.wait()

    @override
    async def wait_for_work(self) -> None:
        self._work.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._work.wait()

    @override
    def send(self, outgoing: Outgoing) -> asyncio.Future[SubmitSmResp]:
        task = asyncio.get_running_loop().create_task(self._deliver(outgoing))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    @override
    def hold(self, seconds: float) -> None:
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    @override
    def note_answer(self, status: int) -> None:
        """Nothing to do: `_deliver` pauses."""

    @override
    def wake(self) -> None:
        self._work.set()

    async def close(self) -> None:
        """Wait a little for messages in flight; the outcome of the rest is unknown."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=CLOSE_WITHIN_S)
        for task in self._under_way:
            task.cancel()
        await self._adapter.close()

    async def _deliver(self, outgoing: Outgoing) -> SubmitSmResp:
        answer: Accepted | Refused
        try:
            answer = await self._adapter.deliver(outgoing)
        except UnavailableError as error:
            self._pause(str(error))
            raise
        except UnansweredError:
            raise
        except UnencodableError:
            answer = Refused(Status.ESME_RSUBMITFAIL)
        except Exception as error:
            log.exception("%s: message %s", self.name, outgoing.message_id)
            raise UnansweredError(type(error).__name__) from None
        self._works()
        if isinstance(answer, Accepted):
            return SubmitSmResp(message_id=answer.server_id)
        if answer.pause_s:
            self.hold(answer.pause_s)
        return SubmitSmResp(status=answer.status)

    def _pause(self, reason: str) -> None:
        if time.monotonic() >= self._held_until:  # otherwise another message has noticed already
            self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s or FIRST_PAUSE_S)
            log.warning("%s: %s; again in %.0f s", self.name, reason, self._pause_s)
            self.hold(self._pause_s)
        self._report(reason)

    def _works(self) -> None:
        if self._pause_s:
            log.info("%s: works again", self.name)
        self._pause_s = 0.0
        self._report("")

    def _ended(self, task: asyncio.Task[SubmitSmResp]) -> None:
        self._under_way.discard(task)
        self._free.set()


class NotOffered(ChannelAdapter):
    """Refuses messages whose channel was taken out of the settings after they were accepted."""

    @override
    async def deliver(self, outgoing: Outgoing) -> Refused:
        del outgoing
        return Refused(Status.ESME_RINVSERTYP)

    @override
    async def close(self) -> None:
        """Nothing to give back."""
