"""Performs the effects of transitions: the only place where a message changes its phase.

Every input (a free bind, an answer, a claim, a timer) becomes one transition, whose effects are
performed at once and in order. Nothing here blocks; a look-up or a new claim runs as a task of its
own, and its outcome is the next input.

The text is put together when a bind is free; a secret never leaves the function that does it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import assert_never

from aiokafka import TopicPartition

from inbound.smpp.errors import NotSentError, UnansweredError, UnencodableError
from inbound.smpp.pdu import SubmitSmResp
from schemas.lanes import Lane
from streams.outbox import submissions, transitions
from streams.outbox.back_offs import BackOffs
from streams.outbox.claims import Claimer, ClaimReply
from streams.outbox.effects import (
    BackOff,
    Effect,
    Enqueue,
    Finish,
    Forget,
    LookUp,
    Publish,
    Recheck,
    Reclaim,
    ReleaseClaim,
    ReleaseKey,
    Render,
    Republish,
    Requeue,
    Submit,
)
from streams.outbox.encoding import Encoder
from streams.outbox.ledger import Entry, Ledger
from streams.outbox.outcomes import Outcomes
from streams.outbox.phases import (
    BackingOff,
    Claimed,
    Contested,
    Fetched,
    InFlight,
    LookingUp,
    Rechecking,
    Reclaiming,
    Recording,
)
from streams.outbox.ports import BindPort, BindsPort
from streams.outbox.queues import ReadyQueue
from streams.outbox.resend_policy import ResendPolicy
from streams.outbox.results import ResultPublisher
from streams.outbox.steps import Transition

log = logging.getLogger(__name__)

FRESH_S = 3.0
"""How long a claim of an order's message is valid, so that a `stop` takes effect within 5 s."""


@dataclass(frozen=True, slots=True)
class EffectTools:
    """What the effects are performed with."""

    binds: BindsPort
    ready: ReadyQueue
    ledger: Ledger
    encoder: Encoder
    claimer: Claimer
    results: ResultPublisher
    outcomes: Outcomes
    policy: ResendPolicy
    clock: Callable[[], datetime]


class Driver:
    """Takes every message through its phases. `run` until cancelled."""

    def __init__(self, tools: EffectTools) -> None:
        self._tools = tools
        self._group: asyncio.TaskGroup | None = None
        self._back_offs = BackOffs(self._back_off_over)
        self._pauses: dict[Entry, asyncio.TimerHandle] = {}
        self._unsent: list[Fetched] = []
        self._to_recheck: list[Entry] = []

    async def run(self) -> None:
        """Run the tasks until cancelled, then end the back-offs and the pauses."""
        try:
            async with asyncio.TaskGroup() as self._group:
                await asyncio.Event().wait()
        finally:
            self._group = None
            self._back_offs.end_all()
            for entry in list(self._pauses):
                self._pause_over(entry)

    # -- inputs -----------------------------------------------------------------------

    def claimed(self, entry: Entry, reply: ClaimReply) -> None:
        """A message was claimed. One that was given up meanwhile is given back instead."""
        claim, earlier = reply
        if isinstance(entry.phase, Fetched):
            self._take(entry, transitions.on_claim(entry.phase, claim, earlier))
        elif earlier is None:
            self._unsent.append(entry.fetched)

    def claim_interrupted(self, entry: Entry) -> None:
        """The process ends while it claims a message."""
        if isinstance(entry.phase, Fetched):
            self._take(entry, transitions.on_claim_interrupted(entry.phase))

    def slot(self, entry: Entry, bind: BindPort) -> None:
        """A bind is free for a message that left the ready queue."""
        ready, now, is_fresh = entry.phase, self._tools.clock(), True
        if not isinstance(ready, Contested):
            ready = entry.expect(Claimed)
            is_fresh = time.monotonic() - ready.claim.checked_at < FRESH_S
        self._take(entry, transitions.on_slot(ready, bind, now, is_fresh=is_fresh))

    def hand_over(self, partitions: Collection[TopicPartition]) -> None:
        """Drop the messages of these partitions that are not begun; `unsent` then has their claims.

        Pauses end: what is begun has to be finished now. So do the long back-offs of channels,
        whose messages are then given back.
        """
        for entry in self._tools.ledger.of(partitions):
            if entry in self._pauses:
                self._pause_over(entry)
            elif entry in self._back_offs and entry.fetched.lane is Lane.CHANNELS:
                self._back_offs.end(entry)
            self._take(entry, transitions.on_hand_over(entry.phase))

    def give_up(self, partitions: Collection[TopicPartition]) -> None:
        """Leave these partitions to their next owner, whatever is under way."""
        for entry in self._tools.ledger.of(partitions):
            if entry in self._pauses:
                self._pauses.pop(entry).cancel()
                self._take(entry, transitions.on_pause_interrupted(entry.expect(Reclaiming)))
                continue
            self._take(entry, transitions.on_given_up(entry.phase))

    def unsent(self) -> list[Fetched]:
        """Return the messages whose claims are to be given back, once."""
        unsent, self._unsent = self._unsent, []
        return unsent

    # -- effects ----------------------------------------------------------------------

    def _take(self, entry: Entry, step: Transition) -> None:
        """Enter the next phase and perform the effects."""
        entry.phase, effects = step
        for effect in effects:
            self._perform(entry, effect)

    def _perform(self, entry: Entry, effect: Effect) -> None:
        match effect:  # the effects of every message first
            case Submit():
                self._submit(entry, effect)
            case Publish():
                self._publish(entry, effect)
            case ReleaseKey():
                self._tools.ready.release(entry)
                if len(self._tools.ready):
                    self._tools.binds.wake()
            case Render(bind):
                self._render(entry, bind)
            case Finish():
                self._tools.ledger.finish(entry)
            case Enqueue():  # the binds are woken once for a batch of claims
                self._tools.ready.push(entry)
            case _:
                self._perform_rare(entry, effect)

    def _perform_rare(
        self,
        entry: Entry,
        effect: Requeue | BackOff | LookUp | Recheck | Reclaim | Republish | Forget | ReleaseClaim,
    ) -> None:
        match effect:
            case Republish(result):
                partition = entry.fetched.partition.partition
                self._tools.results.add(partition, result, partial(self._stored, entry))
            case Requeue():
                self._tools.ready.push_front(entry)
                self._tools.binds.wake()
            case BackOff(bind, full_queues):
                self._back_offs.begin(entry, bind, full_queues)
            case LookUp(result_due):
                self._start(self._look_up(entry, result_due))
            case Recheck():
                self._to_recheck.append(entry)
                if len(self._to_recheck) == 1:
                    self._start(self._recheck())
            case Reclaim(after_s):
                self._pauses[entry] = asyncio.get_running_loop().call_later(
                    after_s, self._pause_over, entry
                )
            case Forget():
                self._tools.ledger.forget(entry)
            case ReleaseClaim():
                self._unsent.append(entry.fetched)
            case _:
                assert_never(effect)

    def _publish(self, entry: Entry, publish: Publish) -> None:
        result = self._tools.outcomes.result(publish)
        stored = partial(self._stored, entry) if publish.final else _do_nothing
        self._tools.results.add(entry.fetched.partition.partition, result, stored)

    def _stored(self, entry: Entry) -> None:
        self._take(entry, transitions.on_stored(entry.expect(Recording)))

    def _render(self, entry: Entry, bind: BindPort) -> None:
        claimed = entry.expect(Claimed)
        message, claim = entry.fetched.message, claimed.claim
        try:
            text = submissions.text_of(self._tools.encoder, message, claim, bind)
        except Exception as error:  # noqa: BLE001 — one message must not stop a lane
            log.error(  # noqa: TRY400 — the kind only: what the error says may quote the text
                "message %s can't be rendered: %s", message.message_id, type(error).__name__
            )
            self._take(entry, transitions.on_unencodable(claimed, bind))
        else:
            self._take(entry, transitions.on_text(claimed, text, bind, self._tools.clock()))

    def _submit(self, entry: Entry, submit: Submit) -> None:
        bind, fetched, in_flight = submit.bind, entry.fetched, entry.expect(InFlight)
        try:
            answer = submissions.begin(self._tools.encoder, fetched, in_flight.claimed, submit)
        except (UnencodableError, ValueError) as error:
            log.error(  # noqa: TRY400 — the kind only: what the error says may quote the number
                "message %s can't be encoded: %s",
                fetched.message.message_id,
                type(error).__name__,
            )
            self._take(entry, transitions.on_unencodable(entry.expect(InFlight), bind))
        else:
            answer.add_done_callback(partial(self._answered, entry))

    def _answered(self, entry: Entry, answer: asyncio.Future[SubmitSmResp]) -> None:
        in_flight, now = entry.expect(InFlight), self._tools.clock()
        error = None if answer.cancelled() else answer.exception()
        if answer.cancelled() or isinstance(error, UnansweredError):
            step = transitions.on_no_answer(in_flight, self._tools.policy, now)
        elif isinstance(error, NotSentError):
            step = transitions.on_not_sent(in_flight)
        elif error is not None:
            raise error
        else:
            pdu = answer.result()
            in_flight.bind.note_answer(pdu.status)
            message, claimed = entry.fetched.message, in_flight.claimed
            message_id = submissions.id_to_store(pdu.message_id, message, claimed)
            step = transitions.on_answer(in_flight, pdu.status, message_id, now)
        self._take(entry, step)

    def _back_off_over(self, entry: Entry) -> None:
        self._take(entry, transitions.on_back_off_over(entry.expect(BackingOff)))

    async def _look_up(self, entry: Entry, result_due: float) -> None:
        """Wait for the earlier gateway's result; messages with the same key wait, too."""
        earlier = await self._tools.claimer.look_up(entry.fetched, result_due)
        step = transitions.on_lookup(
            *(entry.expect(LookingUp), self._tools.policy, self._tools.clock()),
            is_processed=earlier.is_processed,
            recorded=earlier.recorded,
        )
        self._take(entry, step)

    async def _recheck(self) -> None:
        """Ask about all messages that wait for it; they keep their order."""
        entries, self._to_recheck = self._to_recheck, []
        fetched = [entry.fetched for entry in entries]
        checked_at, reasons = await self._tools.claimer.recheck(fetched)
        for entry, reason in reversed(list(zip(entries, reasons, strict=True))):
            if isinstance(entry.phase, Rechecking):  # not given up meanwhile
                self._take(entry, transitions.on_checked(entry.phase, reason, checked_at))

    def _pause_over(self, entry: Entry) -> None:
        self._pauses.pop(entry).cancel()
        self._start(self._reclaim(entry))

    async def _reclaim(self, entry: Entry) -> None:
        claim, recorded = await self._tools.claimer.reclaim(entry.fetched)
        self._take(entry, transitions.on_reclaim(entry.expect(Reclaiming), claim, recorded))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        """Run a task beside the dispatchers, for as long as they run."""
        try:
            if self._group is not None:
                self._group.create_task(work)
                return
        except RuntimeError:  # the group is ending
            pass
        # Stopping: the message stays claimed, and its next owner learns what happened.
        work.close()


def _do_nothing() -> None:
    """Nothing waits for the storing of a result that is not final."""
