"""One message on its way through the sender, and the queues it waits in."""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from aiokafka import TopicPartition

from schemas.lanes import Lane
from schemas.messages import MobileTerminated, PartResult, SubmitAttempt
from streams.outbox.attempts import Attempts
from streams.outbox.encoding import Text
from streams.outbox.ports import Bind


@dataclass(slots=True, eq=False)
class Job:
    """A message taken from a lane, where it has been since `queued_at`.

    `centre` is where it is to go, `link` the bind that carried it last.
    `segments` are put together just before sending; `pending` are the indices of those to
    send, in order, `unanswered` of those whose fate is unknown. `attempts` are the submits
    since the last result that settled nothing, None as long as there are none. `again_at` is
    where the same message was met once more while it was live. What somebody claimed before
    is `contested`: its result was processed, then it is `dealt_with`, or may be on its way
    until `unknown_from`. The partition is ours since `held_since`. Both are in seconds of the
    monotonic clock.
    """

    lane: Lane
    partition: TopicPartition
    offset: int
    key: str
    message: MobileTerminated = field(repr=False)
    centre: str = ""
    link: Bind | None = None
    traceparent: str | None = None
    queued_at: datetime | None = None
    attempt: int = 1
    number: str | None = field(default=None, repr=False)
    secret: bytes | None = field(default=None, repr=False)
    segments: Text | None = None
    parts: list[PartResult] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    unanswered: set[int] = field(default_factory=set)
    contested: bool = False
    dealt_with: bool = False
    held_since: float = 0.0
    unknown_from: float = 0.0
    holds_key: bool = False
    sent_at: datetime | None = None
    attempts: Attempts | None = None
    again_at: list[tuple[TopicPartition, int]] = field(default_factory=list)

    @property
    def message_id(self) -> UUID:
        """Return the id of the message: the same however often it is delivered."""
        return self.message.message_id

    def settled_nothing(self, index: int, status: int | None, link: Bind, at: datetime) -> None:
        """Take note that a submit of one part was refused for now, or never answered."""
        if self.attempts is None:
            self.attempts = Attempts()
        self.attempts.add(SubmitAttempt(part=index + 1, status=status, bind=link.name, at=at))

    @property
    def waits_since(self) -> datetime | None:
        """Return when the text that it answers arrived, else when it came into its lane."""
        return self.message.arrived_at or self.queued_at

    @property
    def untouched(self) -> bool:
        """Whether the centre has nothing of it, and nobody else may have sent it."""
        return not self.contested and len(self.pending) == len(self.segments or ())

    @property
    def begun(self) -> bool:
        """Whether this process has sent a part of it: nobody else can finish it."""
        return not self.contested and not self.untouched


class LaneQueues:
    """Jobs by lane, the most urgent first, and in each lane one at a time for each key.

    A person's messages within a lane leave in order: the next of a key is handed out
    after `release` of the one before. Never two lanes wait for each other, and never the
    messages of two centres, except for one and the same person.
    """

    def __init__(self, lanes: int, centres: Sequence[str]) -> None:
        self._ready: list[dict[str, deque[Job]]] = [
            {centre: deque() for centre in centres} for _ in range(lanes)
        ]
        self._behind: dict[tuple[int, str], deque[Job]] = {}
        self._sizes: Counter[tuple[int, str]] = Counter()

    def __len__(self) -> int:
        return self._sizes.total()

    def size(self, lane: int, centre: str) -> int:
        """Return how many jobs of a lane wait for a centre."""
        return self._sizes[lane, centre]

    def first(self, lane: int, centre: str) -> Job | None:
        """Return the job of a lane that goes next to a centre, and leave it there."""
        ready = self._ready[lane][centre]
        return ready[0] if ready else None

    def push(self, job: Job) -> None:
        """Queue a job behind the others of its lane and key."""
        self._sizes[job.lane, job.centre] += 1
        key = (job.lane, job.key)
        behind = self._behind.get(key)
        if behind is None:
            self._behind[key] = deque()
            self._ready[job.lane][job.centre].append(job)
        else:
            behind.append(job)

    def push_back(self, job: Job) -> None:
        """Put a job that was handed out, and not released, back at the front."""
        self._sizes[job.lane, job.centre] += 1
        self._ready[job.lane][job.centre].appendleft(job)

    def pop(self, centres: Iterable[str], *, bulk: bool = True) -> Job | None:
        """Hand out the most urgent job for these centres, or None when none is ready.

        Without `bulk` that lane is passed over.
        """
        centres = tuple(centres)
        for ready in self._ready if bulk else self._ready[: Lane.BULK]:
            for centre in centres:
                if ready[centre]:
                    job = ready[centre].popleft()
                    self._sizes[job.lane, centre] -= 1
                    job.holds_key = True
                    return job
        return None

    def release(self, job: Job) -> None:
        """Let the next job of this one's lane and key go; safe to repeat."""
        if not job.holds_key:
            return
        job.holds_key = False
        key = (job.lane, job.key)
        behind = self._behind.get(key)
        if behind:
            following = behind.popleft()
            self._ready[following.lane][following.centre].append(following)
        else:
            self._behind.pop(key, None)

    def remove(self, partitions: set[TopicPartition], *, keep_begun: bool = False) -> list[Job]:
        """Take out and return the waiting jobs of these partitions.

        With `keep_begun` those stay of which the centre has a part; what was behind them
        goes. Who was handed out keeps the key until it is released.
        """

        def goes(job: Job) -> bool:
            return job.partition in partitions and not (keep_begun and job.begun)

        foremost: list[Job] = []
        for ready in self._ready:
            for centre, jobs in ready.items():
                foremost += [job for job in jobs if goes(job)]
                ready[centre] = deque(job for job in jobs if not goes(job))
        removed = list(foremost)
        for key, behind in self._behind.items():
            removed += [job for job in behind if job.partition in partitions]
            self._behind[key] = deque(job for job in behind if job.partition not in partitions)
        for job in foremost:  # all jobs of a key stand in one partition: none is left behind
            self._behind.pop((job.lane, job.key), None)
        for job in removed:
            self._sizes[job.lane, job.centre] -= 1
        return removed
