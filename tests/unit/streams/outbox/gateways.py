"""Whole gateways without bind, clock, database or Kafka: they perform effects in memory.

`World` keeps what outlives a gateway (the lanes, the claims, the results, what reached the SMS
centre) and complains at once when a part is sent twice without an `unknown` in between, or a
message overtakes another one of its key.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast
from uuid import UUID

from aiokafka import TopicPartition

from inbound.smpp.message_ids import IdForm
from inbound.smpp.segmentation import Segment
from schemas.lanes import Lane
from schemas.messages import MobileTerminated, Outcome, Purpose, SubmitResult
from schemas.orders import WithheldReason
from streams.outbox import transitions
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
from streams.outbox.encoding import EncodedText
from streams.outbox.ledger import Entry, Ledger
from streams.outbox.offsets import OffsetTracker
from streams.outbox.phases import (
    Claim,
    Claimed,
    Contested,
    EarlierClaim,
    Fetched,
    Phase,
    Rechecking,
    Reclaiming,
)
from streams.outbox.ports import BindPort
from streams.outbox.queues import ReadyQueue
from streams.outbox.resend_policy import ResendPolicy
from streams.outbox.steps import Transition

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
VALID_FOR = timedelta(hours=1)
MAX_ATTEMPTS = 3
RESENT, SENT_ONCE = "resent", "sent once"
ORDERED = "ordered"
"""The template of a message of an order, which the person may refuse."""
POLICY = ResendPolicy(MAX_ATTEMPTS, lambda template: template == RESENT)


# Results name it; nothing is submitted by it.
BIND = cast("BindPort", SimpleNamespace(name="main-1", centre="main", answer_ids=IdForm.ANY))


def text_of(parts: int) -> EncodedText:
    return EncodedText("gsm0338", tuple(Segment(b"x", 0, 0) for _ in range(parts)))


@dataclass(slots=True)
class Partition:
    """One partition of a lane: its messages, and how far they are committed."""

    topic: TopicPartition
    messages: list[MobileTerminated] = field(default_factory=list)
    committed: int = 0


class World:
    """What outlives a gateway."""

    def __init__(self, partitions: int) -> None:
        self.now = NOON
        self.lanes = [Partition(TopicPartition("lane", number)) for number in range(partitions)]
        self.parts: dict[UUID, int] = {}
        self.claims: dict[UUID, tuple[int, str]] = {}
        self.processed: set[UUID] = set()
        # Of every second message the database keeps the final result of the claimed attempt.
        self.recorded: dict[UUID, SubmitResult] = {}
        self.finals: defaultdict[UUID, list[Outcome]] = defaultdict(list)
        self.unknowns: defaultdict[UUID, int] = defaultdict(int)
        # The parts of each message that may be at the centre, since its last `unknown`.
        self.at_centre: defaultdict[UUID, set[int]] = defaultdict(set)
        self.before: dict[UUID, list[UUID]] = {}
        # A claim is fresh until time passes. `stopped` says when a person opted out.
        self.ticks = 0
        self.stopped: dict[str, int] = {}

    def add(self, partition: int, key: str, template: str, parts: int) -> MobileTerminated:
        number = len(self.parts)
        message = MobileTerminated(
            message_id=UUID(int=number + 1),
            subject_id=UUID(int=ord(key)),
            purpose=Purpose.FULFILMENT,
            template=template,
            params={"key": key},
            order_id=UUID(int=1000 + number) if template == ORDERED else None,
            resend_unknown=bool(number % 2),
            consent_needed=True,
            not_after=self.now + VALID_FOR,
        )
        lane = self.lanes[partition]
        self.before[message.message_id] = [
            one.message_id for one in lane.messages if one.params == message.params
        ]
        lane.messages.append(message)
        self.parts[message.message_id] = parts
        return message

    def submitted(self, message: MobileTerminated, part: int) -> None:
        assert message.message_id not in self.recorded, "its final result is in the database"
        at_centre = self.at_centre[message.message_id]
        assert part not in at_centre, f"part {part} goes twice, and no result says unknown"
        at_centre.add(part)
        if message.order_id and self.parts[message.message_id] == 1:
            stopped = self.stopped.get(message.params["key"], self.ticks)
            assert stopped == self.ticks, "a message is submitted although the person opted out"
        for earlier in self.before[message.message_id]:
            assert self.ended(earlier), "a message overtakes another one of its key"

    def refused(self, message: MobileTerminated, part: int) -> None:
        self.at_centre[message.message_id].discard(part)

    def published(
        self, message: MobileTerminated, attempt: int, outcome: Outcome, *, final: bool
    ) -> None:
        message_id = message.message_id
        claimed, _ = self.claims.get(message_id, (0, ""))
        if final and message_id.int % 2 and claimed == attempt:
            self.recorded.setdefault(message_id, result_of(message, attempt, outcome))
        if outcome is Outcome.UNKNOWN:
            self.unknowns[message.message_id] += 1
            self.at_centre[message.message_id].clear()
        if final:
            self.finals[message.message_id].append(outcome)

    def ended(self, message_id: UUID) -> bool:
        return message_id in self.processed or bool(self.finals[message_id])


class Gateway:
    """One gateway's memory. Each method is one thing that may happen to it."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.offsets = OffsetTracker()
        self.ledger = Ledger(self.offsets)
        self.ready = ReadyQueue()
        self.entries: list[Entry] = []
        self.positions: dict[int, int] = {}
        self.leaving: set[int] = set()

    def in_phase(self, phase: type[Phase]) -> list[Entry]:
        return [entry for entry in self.entries if isinstance(entry.phase, phase)]

    def assign(self, partition: int) -> None:
        self.positions[partition] = self.world.lanes[partition].committed

    def fetch(self, partition: int) -> bool:
        lane, position = self.world.lanes[partition], self.positions[partition]
        if position >= len(lane.messages) or partition in self.leaving:
            return False
        self.positions[partition] += 1
        message = lane.messages[position]
        key = message.params["key"]
        fetched = Fetched(Lane.NORMAL, lane.topic, position, key, message, "main")
        if (entry := self.ledger.admit(fetched)) is not None:
            self.entries.append(entry)
        self.commit()
        return True

    def claim(self) -> None:
        for entry in self.in_phase(Fetched):
            fetched = entry.expect(Fetched)
            message_id = fetched.message.message_id
            is_first = message_id not in self.world.claims
            attempt, _ = self.world.claims.setdefault(message_id, (1, self.name))
            processed = message_id in self.world.processed
            recorded = self.world.recorded.get(message_id)
            earlier = None if is_first else EarlierClaim(0.0, processed, recorded)
            claim = self._claim(fetched.message, attempt)
            self._take(entry, transitions.on_claim(fetched, claim, earlier))

    def slot(self) -> bool:
        if (entry := self.ready.pop(["main"])) is None:
            return False
        phase = entry.phase
        assert isinstance(phase, Claimed | Contested)
        is_fresh = isinstance(phase, Contested) or phase.claim.checked_at == self.world.ticks
        self._take(entry, transitions.on_slot(phase, BIND, self.world.now, is_fresh=is_fresh))
        return True

    def recheck(self, entry: Entry) -> None:
        claim = self._claim(entry.fetched.message, 1)
        rechecking = entry.expect(Rechecking)
        step = transitions.on_checked(rechecking, claim.withheld, claim.checked_at)
        self._take(entry, step)

    def _claim(self, message: MobileTerminated, attempt: int) -> Claim:
        is_withheld = message.order_id and message.params["key"] in self.world.stopped
        reason = WithheldReason.OPTED_OUT if is_withheld else None
        text = "text" if message.order_id else None
        return Claim(attempt, "+79160000001", None, text, reason, self.world.ticks)

    def step(self, entry: Entry, step: Transition) -> None:
        """Something that was under way came back."""
        self._take(entry, step)
        self.commit()

    def reclaimed(self, entry: Entry) -> tuple[Claim | None, SubmitResult | None]:
        message_id = entry.fetched.message.message_id
        attempt, _ = self.world.claims.get(message_id, (0, ""))
        recorded = self.world.recorded.get(message_id)
        if attempt >= MAX_ATTEMPTS or recorded is not None:
            return None, recorded
        self.world.claims[message_id] = attempt + 1, self.name
        return self._claim(entry.fetched.message, attempt + 1), None

    def hand_over(self, partition: int) -> None:
        self.leaving.add(partition)  # nothing more is fetched of it
        for entry in self.ledger.of([self.world.lanes[partition].topic]):
            self._take(entry, transitions.on_hand_over(entry.phase))
        self._drop_done()

    def give_up(self, partition: int, *, pausing: bool) -> None:
        """`pausing` says that what is to be claimed again still pauses."""
        topic = self.world.lanes[partition].topic
        for entry in self.ledger.of([topic]):
            if pausing and isinstance(entry.phase, Reclaiming):
                self._take(entry, transitions.on_pause_interrupted(entry.phase))
            else:
                self._take(entry, transitions.on_given_up(entry.phase))
        self._drop_done()
        self.commit()
        self.offsets.drop([topic])
        del self.positions[partition]
        self.leaving.discard(partition)

    def commit(self) -> None:
        for topic, offset in self.offsets.take_committable().items():
            self.world.lanes[topic.partition].committed = offset

    def _drop_done(self) -> None:
        self.ready.drop_done()

    def _take(self, entry: Entry, step: Transition) -> None:
        entry.phase, effects = step
        for effect in effects:
            self._perform(entry, effect)

    def _perform(self, entry: Entry, effect: Effect) -> None:  # noqa: C901
        message = entry.fetched.message
        match effect:
            case Publish(claimed=claimed, outcome=outcome, final=final):
                assert claimed.fetched is entry.fetched
                self.world.published(message, claimed.claim.attempt, outcome, final=final)
            case Republish(result=result):
                assert result.message_id == message.message_id
                assert result.outcome in self.world.finals[message.message_id]
            case Enqueue():
                self.ready.push(entry)
            case Requeue():
                self.ready.push_front(entry)
            case ReleaseKey():
                self.ready.release(entry)
            case Render():
                text = text_of(self.world.parts[message.message_id])
                claimed = entry.expect(Claimed)
                self._take(entry, transitions.on_text(claimed, text, BIND, self.world.now))
            case Submit(part=part):
                self.world.submitted(message, part)
            case ReleaseClaim():
                if self.world.claims.get(message.message_id) == (1, self.name):
                    del self.world.claims[message.message_id]
            case Finish():
                self.ledger.finish(entry)
            case Forget():
                self.ledger.forget(entry)
            case BackOff() | LookUp() | Recheck() | Reclaim():
                pass  # the test says when what is under way comes back


def result_of(message: MobileTerminated, attempt: int, outcome: Outcome) -> SubmitResult:
    return SubmitResult(
        message_id=message.message_id,
        subject_id=message.subject_id,
        key="k",
        purpose=message.purpose,
        template=message.template,
        outcome=outcome,
        attempt=attempt,
        centre="main",
        bind="main-1",
        at=NOON,
    )
