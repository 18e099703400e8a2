"""Templates of a request's events, made by the real decisions, to be copied millions of times.

A story is the events of one request as JSON with placeholders for ids and times. It has every
field that the decisions write, so fields added later are included. `tests.bench.history` fills the
placeholders for each generated request.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import CommandRequest, message_id
from inbound.handlers.policies import Policies
from inbound.handlers.receipts import SentPart, decide_receipt
from inbound.handlers.results import decide_result
from inbound.handlers.state import SubjectState, evolve
from schemas.events import Arrival, Command, DomainEvent
from schemas.messages import (
    Outcome,
    PartResult,
    Purpose,
    ReceiptReceived,
    ReceiptState,
    SubmitAttempt,
)
from schemas.messages import SubmitResult as Result

BEGIN: Final = datetime(2001, 1, 1, tzinfo=UTC)
REQUEST: Final = UUID("11111111-1111-4111-8111-111111111111")
IDS: Final = (
    REQUEST,
    message_id(REQUEST, Purpose.ACKNOWLEDGEMENT),
    message_id(REQUEST, Purpose.FULFILMENT),
)
VARIANTS: Final = 8
_POLICIES: Final = Policies()
_RECORDED_AFTER: Final = timedelta(milliseconds=4)
_ESME_RINVDSTADR: Final = 0x0B
_ESME_RTHROTTLED: Final = 0x58
_GATEWAY: Final = "gateway-1"
_ANSWERED_AFTER: Final = timedelta(milliseconds=80)
_LATE_S: Final = 120
_HOLE = re.compile(
    rb"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    rb'|(?P<time>2001-01-[0-9T:.-]+)(?P<zone>Z?)"'
    rb"|(?P<smsc>smsc-[0-9]+)"
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way that a request may go, and how many of a weighted_ways go it; times in seconds."""

    name: str
    share: int
    decided_after: float = 0.05
    parts: int = 1
    acknowledged_after: float = 0.3
    unanswered: int = 0
    fulfilment: Outcome = Outcome.SUBMITTED
    receipt: ReceiptState | None = None
    receipt_after: float = 4.0


WAYS: Final = (
    Way("no receipt", 43),
    Way("delivered", 38, receipt=ReceiptState.DELIVERED),
    Way("text in parts", 3, parts=2, receipt=ReceiptState.DELIVERED),
    Way("phone off", 4, receipt=ReceiptState.EXPIRED, receipt_after=86_400),
    Way("late", 3, acknowledged_after=150, receipt=ReceiptState.DELIVERED),
    Way("stale", 1, decided_after=4500),
    Way("answered at the second attempt", 4, unanswered=1, acknowledged_after=15),
    Way("never answered", 1, fulfilment=Outcome.UNKNOWN),
    Way("refused by the centre", 2, fulfilment=Outcome.REJECTED),
    Way("expired", 1, fulfilment=Outcome.EXPIRED),
)


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """One event of a story: its JSON as a bytes format, and what fills each hole in turn.

    A hole takes an id (0 request, 1 acknowledgement, 2 fulfilment), a moment, or an id of
    the centre. Moments are microseconds after the text's arrival.
    """

    after_us: int
    type: bytes
    version: bytes
    format: bytes
    holes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Story:
    """The events of one request in their order; `turns_on` is what it leaves behind."""

    events: tuple[StoryEvent, ...]
    turns_on: bool


def stories(way: Way, command: Command, *, known: bool, on: bool) -> list[Story]:
    """Return variants of a way: the same events, other durations. Always the same ones."""
    random = Random(f"{way.name}/{command}/{known}/{on}")
    return [_Playback(way, random).play(command, known=known, on=on) for _ in range(VARIANTS)]


@dataclass(slots=True)
class _Playback:
    way: Way
    random: Random
    state: SubjectState = field(default_factory=SubjectState)
    events: list[StoryEvent] = field(default_factory=list)

    def play(self, command: Command, *, known: bool, on: bool) -> Story:
        way = self.way
        self.state = SubjectState(notifications_on=on)
        decided_at = self._at(way.decided_after)
        request = CommandRequest(
            request_id=REQUEST,
            command=command,
            arrived_at=BEGIN,
            decided_at=decided_at,
            client_known=known,
            centre="main",
            bind="main-1",
            data_coding=0,
            parts=way.parts,
            arrival=_arrival(way.parts),
        )
        decision = decide_command(self.state, request, _POLICIES)
        self._tell(decided_at, decision.events)
        acknowledged_at = self._at(way.acknowledged_after, decided_at)
        for attempt in range(1, way.unanswered + 1):
            at = decided_at + (acknowledged_at - decided_at) * attempt / (way.unanswered + 1)
            self._result(Purpose.ACKNOWLEDGEMENT, at, Outcome.UNKNOWN, attempt, final=False)
        purpose = Purpose.ACKNOWLEDGEMENT
        self._result(purpose, acknowledged_at, Outcome.SUBMITTED, way.unanswered + 1)
        fulfilled_at = acknowledged_at + timedelta(seconds=0.2 + self.random.random())
        self._result(Purpose.FULFILMENT, fulfilled_at, way.fulfilment)
        if way.receipt is not None:
            after = timedelta(seconds=way.receipt_after * (0.5 + self.random.random()))
            self._receipt(Purpose.ACKNOWLEDGEMENT, acknowledged_at, acknowledged_at + after)
            self._receipt(Purpose.FULFILMENT, fulfilled_at, fulfilled_at + after)
        return Story(tuple(self.events), self.state.notifications_on)

    def _at(self, after_s: float, begin: datetime = BEGIN) -> datetime:
        return begin + timedelta(seconds=after_s * (0.9 + 0.3 * self.random.random()))

    def _result(
        self,
        purpose: Purpose,
        at: datetime,
        outcome: Outcome,
        attempt: int = 1,
        *,
        final: bool = True,
    ) -> None:
        open_ = self.state.open.get(REQUEST)
        if open_ is None:
            return  # a way that ends earlier
        result = Result(
            message_id=message_id(REQUEST, purpose),
            subject_id=REQUEST,
            request_id=REQUEST,
            key="",
            purpose=purpose,
            template=open_.plan.value if purpose is Purpose.FULFILMENT else purpose.value,
            outcome=outcome,
            final=final,
            attempt=attempt,
            parts=_parts(purpose, outcome, 3 if open_.plan.value == "registration" else 1),
            centre="main",
            bind="main-1",
            gateway=_GATEWAY,
            sent_at=None if outcome is Outcome.EXPIRED else at - _ANSWERED_AFTER,
            attempts=self._throttled(purpose, at),
            at=at,
        )
        self._tell(at, decide_result(self.state, result).events)

    def _throttled(self, purpose: Purpose, at: datetime) -> tuple[SubmitAttempt, ...] | None:
        """A late acknowledgement was refused for now before."""
        if purpose is not Purpose.ACKNOWLEDGEMENT or self.way.acknowledged_after < _LATE_S:
            return None
        times = (at - timedelta(seconds=seconds) for seconds in (100, 40))
        return tuple(
            SubmitAttempt(part=1, status=_ESME_RTHROTTLED, bind="main-1", at=at) for at in times
        )

    def _receipt(self, purpose: Purpose, sent_at: datetime, at: datetime) -> None:
        state = self.way.receipt or ReceiptState.DELIVERED
        part = SentPart(
            subject_id=REQUEST,
            message_id=message_id(REQUEST, purpose),
            part=1,
            parts=1,
            request_id=REQUEST,
            purpose=purpose,
            template=purpose.value,
            centre="main",
            smsc_message_id="smsc-1",
            submitted_at=sent_at,
        )
        failed = state is not ReceiptState.DELIVERED
        receipt = ReceiptReceived(
            key="",
            centre="main",
            bind="main-1",
            message_ids=("smsc-1",),
            state=state,
            final=True,
            error="00b" if failed else "000",
            done_at=at.replace(tzinfo=None, microsecond=0),
            arrived_at=at,
        )
        fate = decide_receipt((part,), (part,), receipt).outcome
        self._tell(at, () if fate is None else (fate,))

    def _tell(self, at: datetime, events: Iterable[DomainEvent]) -> None:
        for event in events:
            self.state = evolve(self.state, event)
            form, holes = _with_holes(event.to_json())
            after = _us(at + _RECORDED_AFTER - BEGIN)
            version = str(event.VERSION).encode()
            self.events.append(StoryEvent(after, event.TYPE.encode(), version, form, holes))


def _arrival(parts: int) -> Arrival:
    return Arrival(
        gateway=_GATEWAY,
        our_number="+79086228779",
        esm_class=0x40 if parts > 1 else 0,
        alphabet="gsm0338",
        octets=15,
        sequences=tuple(range(1, parts + 1)) if parts > 1 else None,
        first_part_at=BEGIN if parts > 1 else None,
    )


def _parts(purpose: Purpose, outcome: Outcome, long: int) -> tuple[PartResult, ...]:
    first, number = (1, 1) if purpose is Purpose.ACKNOWLEDGEMENT else (2, long)
    match outcome:
        case Outcome.SUBMITTED:
            ids = range(first, first + number)
            return tuple(PartResult(status=0, smsc_message_id=f"smsc-{n}") for n in ids)
        case Outcome.REJECTED:
            return (PartResult(status=_ESME_RINVDSTADR),) * number
        case Outcome.UNKNOWN:
            return (PartResult(),) * number
    return ()


def _with_holes(data: bytes) -> tuple[bytes, tuple[tuple[str, int], ...]]:
    """Return the JSON as a format for `%`, with what goes into each of its places."""
    holes: list[tuple[str, int]] = []
    pieces: list[bytes] = []
    at = 0
    for found in _HOLE.finditer(data):
        pieces.append(data[at : found.start()].replace(b"%", b"%%"))
        if found["id"]:
            holes.append(("id", IDS.index(UUID(found["id"].decode()))))
            pieces.append(b"%b")
        elif found["smsc"]:
            holes.append(("smsc", int(found["smsc"][5:])))
            pieces.append(b"%b")
        else:
            moment = datetime.fromisoformat(found["time"].decode()).replace(tzinfo=UTC)
            holes.append(("time", _us(moment - BEGIN)))
            pieces.append(b"%b" + found["zone"] + b'"')
        at = found.end()
    pieces.append(data[at:].replace(b"%", b"%%"))
    return b"".join(pieces), tuple(holes)


def _us(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)


def weighted_ways() -> list[Way]:
    """Return a weighted_ways ways, each as often as its share: to draw from."""
    return [way for way in WAYS for _ in range(way.share)]
