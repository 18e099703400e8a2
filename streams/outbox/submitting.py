"""One message on a bind: its parts one after the other, and what their answers mean.

A part leaves when the one before it was answered, so that a part which is refused for now is
never overtaken by another of its message. Between two parts the message waits at the front of
its lane: others fill the window, and a more urgent one goes first.

The text is put together when the first PDU is encoded; a secret never leaves that function.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Protocol

from inbound.ops import metrics
from inbound.smpp.errors import NotSentError, UnansweredError, UnencodableError
from inbound.smpp.pdu import SubmitSmResp
from inbound.smpp.status import is_temporary, is_throttle
from schemas.lanes import Lane
from schemas.messages import Outcome, PartResult
from streams.outbox.claims import Claimer
from streams.outbox.encoding import Encoder
from streams.outbox.jobs import Job
from streams.outbox.outcomes import Fates
from streams.outbox.ports import Bind
from streams.outbox.results import ResultPublisher

log = logging.getLogger(__name__)

RETRY_PAUSE_S = 2.0


class Queue(Protocol):
    """Where messages wait, as one that is being sent sees it."""

    def is_live(self, job: Job) -> bool:
        """Whether the message is still this gateway's."""

    def go_on(self, job: Job) -> None:
        """Take a message that has something left to send, unless it was given up."""

    def let_next_go(self, job: Job) -> None:
        """Let the person's next message go; safe to repeat."""

    def end(self, job: Job) -> None:
        """Take note that nothing more will be done for a message."""

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run something beside the dispatchers, as long as they run."""


class Submitter:
    """Sends what it is handed and brings each message to its result."""

    def __init__(
        self,
        queue: Queue,
        encoder: Encoder,
        claimer: Claimer,
        results: ResultPublisher,
        fates: Fates,
        *,
        max_attempts: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._queue = queue
        self._encoder = encoder
        self._claimer = claimer
        self._results = results
        self._fates = fates
        self._max_attempts = max_attempts
        self._clock = clock
        self._resting = 0

    def send(self, job: Job, link: Bind) -> None:
        """Send the next part, or find out what became of a message that was claimed before.

        Never waits. The bind has a slot.
        """
        job.link = link
        if job.contested:
            self._queue.start(self._settle(job))
            return
        if not job.segments and not self._encode(job, link):
            return
        now = self._clock()
        if job.message.not_after <= now:
            self._finish(job, Outcome.UNKNOWN if job.unanswered else Outcome.EXPIRED)
            return
        job.sent_at = job.sent_at or now
        self._submit(job, link, job.pending.pop(0), now)

    async def _settle(self, job: Job) -> None:
        """Find out what became of a message that someone claimed before.

        The job keeps its key meanwhile: what comes behind it stays behind it.
        """
        dealt_with = await self._claimer.was_dealt_with(job)
        if not self._queue.is_live(job):
            self._queue.let_next_go(job)
        elif dealt_with:
            self._queue.end(job)
        else:
            job.contested = False
            if self._goes_again(job):
                await self._send_again(job)
            else:
                self._finish(job, Outcome.UNKNOWN)

    def _encode(self, job: Job, link: Bind) -> bool:
        gone = job.number is None or (job.message.secret and job.secret is None)
        if gone:
            expired = job.message.not_after <= self._clock()
            self._finish(job, Outcome.EXPIRED if expired else Outcome.ERASED)
            return False
        try:
            job.segments = self._encoder.text(job.message, job.secret, link.alphabet)
        except Exception as error:  # noqa: BLE001 — one message must not stop a lane
            log.error(  # noqa: TRY400 — the kind only: what the error says may quote the text
                "message %s can't be put together: %s", job.message_id, type(error).__name__
            )
            self._finish(job, Outcome.REJECTED)
            return False
        finally:
            job.secret = None
        job.parts = [PartResult()] * len(job.segments)
        job.pending = list(range(len(job.segments)))
        return True

    def _submit(self, job: Job, link: Bind, index: int, now: datetime) -> None:
        try:
            assert job.segments is not None  # noqa: S101
            pdu = self._encoder.submit_sm(
                job.number or "",
                job.segments,
                index,
                alphabet=link.alphabet,
                valid_for=job.message.not_after - now,
            )
            answer = link.submit(pdu, bulk=job.lane is Lane.BULK)
        except (UnencodableError, ValueError) as error:
            log.error(  # noqa: TRY400 — the kind only: what the error says may quote the number
                "message %s can't be encoded: %s", job.message_id, type(error).__name__
            )
            self._finish(job, Outcome.REJECTED)
        else:
            answer.add_done_callback(partial(self._answered, job, link, index))

    # -- answers --------------------------------------------------------------------

    def _answered(
        self, job: Job, link: Bind, index: int, answered: asyncio.Future[SubmitSmResp]
    ) -> None:
        error = None if answered.cancelled() else answered.exception()
        if answered.cancelled() or isinstance(error, UnansweredError):
            self._unanswered(job, link, index)
        elif isinstance(error, NotSentError):
            job.pending.insert(0, index)
            self._queue.go_on(job)
        elif error is not None:
            raise error
        else:
            self._take(job, link, index, answered.result())

    def _take(self, job: Job, link: Bind, index: int, answer: SubmitSmResp) -> None:
        job.parts[index] = PartResult(
            status=answer.status, smsc_message_id=answer.message_id or None
        )
        if is_temporary(answer.status):
            self._refused_for_now(job, link, index, answer.status)
        elif answer.status:
            self._finish(job, Outcome.REJECTED)
        else:
            link.note_accepted()
            self._next_part(job)

    def _next_part(self, job: Job) -> None:
        if job.pending:
            self._queue.go_on(job)
        else:
            self._finish(job, Outcome.UNKNOWN if job.unanswered else Outcome.SUBMITTED)

    def _refused_for_now(self, job: Job, link: Bind, index: int, status: int) -> None:
        job.settled_nothing(index, status, link, self._clock())
        job.pending.insert(0, index)
        if is_throttle(status):
            metrics.BIND_THROTTLES.add(1, {"bind": link.name})
            link.slow_down()
            self._queue.go_on(job)
        else:
            self._queue.start(self._rest(job, link))

    async def _rest(self, job: Job, link: Bind) -> None:
        """Let others go while one number is in trouble; when many are, it is the centre's."""
        self._resting += 1
        if self._resting >= link.window:
            link.hold(RETRY_PAUSE_S)
        try:
            await asyncio.sleep(RETRY_PAUSE_S)
        finally:  # also when stopping: what was not sent is given back
            self._resting -= 1
            self._queue.go_on(job)

    def _unanswered(self, job: Job, link: Bind, index: int) -> None:
        """Send it again where the policy wants that; else go on, the other parts are owed."""
        job.settled_nothing(index, None, link, self._clock())
        job.parts[index] = PartResult()
        job.unanswered.add(index)
        if self._goes_again(job):
            self._queue.start(self._send_again(job))
        else:
            self._next_part(job)

    def _goes_again(self, job: Job) -> bool:
        return (
            self._encoder.resends_unknown(job.message.template)
            and job.attempt < self._max_attempts
            and job.message.not_after > self._clock()
        )

    async def _send_again(self, job: Job) -> None:
        """Say honestly that the outcome is unknown, claim once more, and go on."""
        unknown = self._fates.result(job, Outcome.UNKNOWN, final=False)
        self._results.add(job.partition.partition, unknown, lambda: None)
        job.sent_at = job.attempts = None
        if not self._queue.is_live(job):  # the next attempt is its new owner's
            self._queue.let_next_go(job)
            return
        await self._claimer.claim_again(job)
        if job.number is None:
            self._finish(job, Outcome.ERASED)
            return
        job.pending = sorted({*job.unanswered, *job.pending})
        job.unanswered.clear()
        self._queue.go_on(job)

    def _finish(self, job: Job, outcome: Outcome) -> None:
        """Let the next of the person go; the job itself ends when its result is stored."""
        result = self._fates.result(job, outcome, final=True)
        self._queue.let_next_go(job)
        self._results.add(job.partition.partition, result, lambda: self._queue.end(job))
