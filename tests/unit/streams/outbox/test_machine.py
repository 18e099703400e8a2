"""Whatever happens in whatever order: no part twice unreported, no overtaking, always an end.

Two gateways share two partitions. Hypothesis chooses what happens next: answers, refusals,
time-outs, lost links, back-offs, rebalances that finish in time or do not, kills, expiry, and
people who opt out of the messages of orders.
"""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from inbound.smpp.status import Status
from schemas.messages import Outcome
from streams.outbox import transitions
from streams.outbox.ledger import Entry
from streams.outbox.phases import (
    BackingOff,
    InFlight,
    LookingUp,
    Phase,
    Rechecking,
    Reclaiming,
    Recording,
)
from tests.unit.streams.outbox.gateways import (
    MAX_ATTEMPTS,
    ORDERED,
    POLICY,
    RESENT,
    SENT_ONCE,
    Gateway,
    World,
)

PARTITIONS = 2
PICK = st.integers(0, 99)
WHO = st.integers(0, 1)
UNANSWERED, NOT_SENT = "unanswered", "not sent"
ANSWERS = st.sampled_from(
    [
        Status.ESME_ROK,
        Status.ESME_ROK,
        Status.ESME_RTHROTTLED,
        Status.ESME_RSYSERR,
        Status.ESME_RDELIVERYFAILURE,
        Status.ESME_RINVDSTADR,
        UNANSWERED,
        NOT_SENT,
    ]
)


class Gateways(RuleBasedStateMachine):
    """Two gateways, of which each may be killed and started again."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(PARTITIONS)
        self.started = 0
        self.gateways = [self.start(), self.start()]
        for partition, gateway in enumerate(self.gateways):
            gateway.assign(partition)

    def start(self) -> Gateway:
        self.started += 1
        return Gateway(self.world, f"gateway-{self.started}")

    # -- what comes in ------------------------------------------------------------------

    @rule(
        partition=st.integers(0, PARTITIONS - 1),
        key=st.sampled_from("ab"),
        template=st.sampled_from([RESENT, SENT_ONCE, ORDERED]),
        parts=st.integers(1, 3),
    )
    def add(self, partition: int, key: str, template: str, parts: int) -> None:
        self.world.add(partition, key, template, parts)

    @rule(who=WHO, many=st.integers(1, 3))
    def fetch_and_claim(self, who: int, many: int) -> None:
        gateway = self.gateways[who]
        for partition in gateway.positions:
            for _ in range(many):
                gateway.fetch(partition)
        gateway.claim()

    @rule(who=WHO)
    def fetch(self, who: int) -> None:
        for partition in self.gateways[who].positions:
            self.gateways[who].fetch(partition)

    @rule(who=WHO)
    def slot(self, who: int) -> None:
        self.gateways[who].slot()

    @rule(key=st.sampled_from("ab"))
    def stop(self, key: str) -> None:
        """The claims before it are not fresh any more."""
        self.world.stopped.setdefault(key, self.world.ticks)
        self.world.ticks += 1

    @rule(who=WHO, key=st.sampled_from("ab"))
    def order_and_claim(self, who: int, key: str) -> None:
        for partition in self.gateways[who].positions:
            self.world.add(partition, key, ORDERED, 1)
        self.fetch_and_claim(who, 1)

    @rule(key=st.sampled_from("ab"))
    def start_again(self, key: str) -> None:
        self.world.stopped.pop(key, None)

    @rule(seconds=st.integers(4, 20))
    def claims_age(self, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)
        self.world.ticks += 1

    # -- what comes back ----------------------------------------------------------------

    @rule(who=WHO, pick=PICK, answer=ANSWERS)
    def answer(self, who: int, pick: int, answer: Status | str) -> None:
        if entry := self.one(who, InFlight, pick):
            self.answered(self.gateways[who], entry, answer)

    def answered(self, gateway: Gateway, entry: Entry, answer: Status | str) -> None:
        phase, message = entry.expect(InFlight), entry.fetched.message
        if answer == UNANSWERED:
            step = transitions.on_no_answer(phase, POLICY, self.world.now)
        elif answer == NOT_SENT:
            self.world.refused(message, phase.part)
            step = transitions.on_not_sent(phase)
        else:
            assert isinstance(answer, Status)
            if answer is not Status.ESME_ROK:
                self.world.refused(message, phase.part)
            step = transitions.on_answer(phase, answer, "id", self.world.now)
        gateway.step(entry, step)

    @rule(who=WHO, pick=PICK)
    def look_up(self, who: int, pick: int) -> None:
        if entry := self.one(who, LookingUp, pick):
            self.looked_up(self.gateways[who], entry)

    def looked_up(self, gateway: Gateway, entry: Entry) -> None:
        message_id = entry.fetched.message.message_id
        step = transitions.on_lookup(
            *(entry.expect(LookingUp), POLICY, self.world.now),
            is_processed=message_id in self.world.processed,
            recorded=self.world.recorded.get(message_id),
        )
        gateway.step(entry, step)

    @rule(who=WHO, pick=PICK)
    def recheck(self, who: int, pick: int) -> None:
        if entry := self.one(who, Rechecking, pick):
            self.gateways[who].recheck(entry)

    @rule(who=WHO, pick=PICK)
    def reclaim(self, who: int, pick: int) -> None:
        if entry := self.one(who, Reclaiming, pick):
            self.reclaimed(self.gateways[who], entry)

    def reclaimed(self, gateway: Gateway, entry: Entry) -> None:
        claim, recorded = gateway.reclaimed(entry)
        gateway.step(entry, transitions.on_reclaim(entry.expect(Reclaiming), claim, recorded))

    @rule(who=WHO, pick=PICK)
    def back_off_over(self, who: int, pick: int) -> None:
        if entry := self.one(who, BackingOff, pick):
            step = transitions.on_back_off_over(entry.expect(BackingOff))
            self.gateways[who].step(entry, step)

    @rule(who=WHO, pick=PICK, is_processed=st.booleans())
    def store(self, who: int, pick: int, *, is_processed: bool) -> None:
        if entry := self.one(who, Recording, pick):
            self.stored(self.gateways[who], entry, is_processed=is_processed)

    def stored(self, gateway: Gateway, entry: Entry, *, is_processed: bool) -> None:
        if is_processed:  # the worker may be behind
            self.world.processed.add(entry.fetched.message.message_id)
        gateway.step(entry, transitions.on_stored(entry.expect(Recording)))

    def one(self, who: int, phase: type[Phase], pick: int) -> Entry | None:
        entries = self.gateways[who].in_phase(phase)
        return entries[pick % len(entries)] if entries else None

    # -- what goes wrong ----------------------------------------------------------------

    @rule(who=WHO, partition=st.integers(0, PARTITIONS - 1))
    def hand_over_begins(self, who: int, partition: int) -> None:
        if partition in self.gateways[who].positions:
            self.gateways[who].hand_over(partition)

    @rule(
        who=WHO,
        partition=st.integers(0, PARTITIONS - 1),
        back=st.booleans(),
        pausing=st.booleans(),
    )
    def rebalance(self, who: int, partition: int, *, back: bool, pausing: bool) -> None:
        """The partition goes to the other gateway, or goes and comes straight back."""
        gateway = self.gateways[who]
        if partition not in gateway.positions:
            return
        gateway.hand_over(partition)
        gateway.give_up(partition, pausing=pausing)
        self.gateways[who if back else 1 - who].assign(partition)

    @rule(who=WHO)
    def kill(self, who: int) -> None:
        """What was in its memory is gone; the centre may have what was in flight."""
        killed, self.gateways[who] = self.gateways[who], self.start()
        for partition in killed.positions:
            self.gateways[1 - who].assign(partition)

    @rule(minutes=st.integers(1, 30))
    def time_passes(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)
        self.world.ticks += 1

    # -- what always holds --------------------------------------------------------------

    @invariant()
    def no_message_is_claimed_too_often(self) -> None:
        assert all(attempt <= MAX_ATTEMPTS for attempt, _ in self.world.claims.values())

    @invariant()
    def attempts_are_bounded(self) -> None:
        for message_id, finals in self.world.finals.items():
            if finals == [Outcome.UNKNOWN]:
                assert self.world.unknowns[message_id] <= MAX_ATTEMPTS + self.started

    def teardown(self) -> None:
        """Let everything come to its end: then each message has one, and each key is free."""
        for who, gateway in enumerate(self.gateways):
            for partition in list(gateway.leaving):
                self.rebalance(who, partition, back=False, pausing=False)
        for _ in range(40 * (1 + len(self.world.parts))):
            moved = [self.go_on(gateway) for gateway in self.gateways]
            if not any(moved):
                break
        for message_id in self.world.parts:
            assert self.world.ended(message_id), "a message has no result"
        for gateway in self.gateways:
            assert not any(gateway.ready._lines), "a key is not released"
            assert not len(gateway.ready)
            assert not gateway.offsets.open_count()
            assert not gateway.ledger._entries
        for lane in self.world.lanes:
            assert lane.committed == len(lane.messages)

    def go_on(self, gateway: Gateway) -> bool:
        moved = [gateway.fetch(partition) for partition in gateway.positions]
        gateway.claim()
        moved.append(gateway.slot())
        for entry in gateway.entries:
            match entry.phase:
                case InFlight():
                    self.answered(gateway, entry, Status.ESME_ROK)
                case LookingUp():
                    self.looked_up(gateway, entry)
                case Rechecking():
                    gateway.recheck(entry)
                case Reclaiming():
                    self.reclaimed(gateway, entry)
                case BackingOff() as phase:
                    gateway.step(entry, transitions.on_back_off_over(phase))
                case Recording():
                    self.stored(gateway, entry, is_processed=True)
                case _:
                    continue
            moved.append(True)
        return any(moved)


TestGateways = Gateways.TestCase
TestGateways.settings = settings(stateful_step_count=60, suppress_health_check=list(HealthCheck))
