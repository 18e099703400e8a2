"""A test bench of the sender: everything around it is real, but for Kafka and the database.

The bind is real TCP to the built-in centre, with its script; the claims stand in memory (the
contract suite holds them against PostgreSQL); what would be published is kept.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import TopicPartition

from inbound.clock import utc_now
from inbound.gateway.sending_binds import Downtime, SendingBind, SendingBinds
from inbound.handlers.state import STATE_VERSION, OpenRequest, Stage, SubjectState, write_state
from inbound.local.simulator.faults import Proceed
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.smpp.bind_settings import BindSettings
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import ResponsePdu, SubmitSm
from inbound.smpp.segmentation import part_count
from inbound.smpp.session import Answer, Session
from inbound.store.claims.memory import MemoryClaims
from inbound.store.claims.rows import Secret
from inbound.store.log.rows import StoredState
from inbound.store.transactions.memory import MemoryStore
from inbound.templates.catalogue import Catalogue, Template, load_catalogue
from inbound.templates.placeholders import parse_text
from schemas.events import Plan
from schemas.lanes import Lane
from schemas.messages import MobileTerminated, Purpose, SubmitResult, SubmitResults
from streams.outbox.encoding import Encoder
from streams.outbox.offsets import OffsetTracker
from streams.outbox.ports import BindsPort
from streams.outbox.queues import Queues
from streams.outbox.recording import ResultRecorder
from streams.outbox.results import ResultPublisher
from streams.outbox.sender import Sender, SenderSettings
from tests.e2e.script import ACCOUNT, Script
from tests.patience import PATIENCE_S
from tests.set_aside import SetAside

GATEWAY = "this-gateway"
DEAD_GATEWAY = "dead-gateway"
REGISTRATION = b'{"personal_code": "1234", "login": "ivanov", "password": "1a2b3c4d"}'
BROADCAST, LONG_BROADCAST = "broadcast", "long_broadcast"
WINDOW = 4


class Published:
    """The part of a Kafka producer that the results need: takes everything, at once."""

    def __init__(self) -> None:
        self.results: list[SubmitResult] = []
        self.changed = asyncio.Event()

    async def send(self, _topic: str, value: bytes, **_: object) -> "asyncio.Future[object]":
        self.results += SubmitResults.model_validate_json(value).results
        self.changed.set()
        stored: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        stored.set_result(None)
        return stored


@dataclass(slots=True)
class Person:
    """A subject with a number."""

    subject_id: UUID
    number: str


class BenchScript(Script):
    """Ends the response timeout of a submit_sm when the centre decides not to answer it.

    No other request runs out of time, however long the machine stands still. While it `waits`,
    none does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.esme: Esme | None = None
        self.waits = False
        self.unanswered: list[int] = []

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        answer = await super().on_submit(pdu, session, proceed)
        if answer is None and self.waits:
            self.unanswered.append(pdu.sequence)
        elif answer is None:
            self.run_out(pdu.sequence)
        return answer

    def run_out(self, sequence: int) -> None:
        """End the response timeout of a submit_sm."""
        sender = self.esme.session if self.esme else None
        if sender and (pending := sender._window.take(sequence)):
            sender._expire(pending)


@dataclass(slots=True)
class Bench:
    """A sender at work, and all that a test wants to see of it or do to it."""

    sender: Sender
    queues: Queues
    bind: SendingBind
    esme: Esme
    script: BenchScript
    store: MemoryStore
    claims: MemoryClaims
    offsets: OffsetTracker
    published: Published
    now: list[datetime]
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _offsets: "count[int]" = field(default_factory=count)

    def person(self) -> Person:
        """Return somebody whom the store knows."""
        person = Person(uuid4(), f"+7916{next(self._numbers):07d}")
        self.store.tables.numbers[person.subject_id] = person.number
        return person

    def owe(self, person: Person, template: str = "stopped", **fields: Any) -> MobileTerminated:
        """Return a fulfilment that is owed: its request is open, its secret in the vault."""
        values: dict[str, Any] = {
            "message_id": uuid4(),
            "subject_id": person.subject_id,
            "request_id": uuid4(),
            "purpose": Purpose.FULFILMENT,
            "template": template,
            "secret": template == "registration",
            "arrived_at": self.now[0],
            "not_after": self.now[0] + timedelta(hours=1),
        }
        message = MobileTerminated(**(values | fields))
        if message.secret:
            secret = Secret(message.message_id, REGISTRATION, message.not_after)
            self.store.tables.vault[message.message_id] = secret
        self._put_state(message, {message.request_id: self._open()})
        return message

    def processed(self, message: MobileTerminated) -> None:
        """The worker has processed the result of this message."""
        self._put_state(message, {})

    def offer(
        self, message: MobileTerminated, *, partition: int = 0, lane: int = 1
    ) -> MobileTerminated:
        """Have a lane bring the message, under the person's key."""
        topic = TopicPartition(f"lane-{lane}", partition)
        self.sender.offer(Lane(lane), topic, next(self._offsets), message.subject_id.hex, message)
        return message

    async def result(self, message: MobileTerminated, *, final: bool = True) -> SubmitResult:
        """Wait for a result of the message, the final one or the first that is not."""
        return (await self.results_until(message, final=final))[-1]

    async def results_until(
        self, message: MobileTerminated, *, final: bool = True
    ) -> list[SubmitResult]:
        """Wait for such a result and return all up to it."""

        def found() -> list[SubmitResult]:
            mine = [r for r in self.published.results if r.message_id == message.message_id]
            ends = [n for n, result in enumerate(mine, 1) if result.final == final]
            return mine[: ends[0]] if ends else []

        await self._wait(lambda: bool(found()), f"a result with final={final}")
        return found()

    def stay_silent_to(self, *people: Person) -> Callable[[], None]:
        """Leave what goes to these people unanswered; call what is returned to end that.

        Until then no response timeout ends, and others are answered.
        """
        script, numbers = self.script, {person.number[1:] for person in people}

        async def fault(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
            return None if pdu.destination_addr in numbers else await proceed(pdu, session)

        def end() -> None:
            script.fault, script.waits = None, False
            for sequence in list(script.unanswered):
                script.run_out(sequence)

        script.fault, script.waits = fault, True
        return end

    def holds(self, message: MobileTerminated) -> bool:
        """Whether a gateway has the message claimed."""
        return message.message_id in self.store.tables.claims

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the other tasks run until it is so: for what happens here and tells nobody."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110  there is no event to wait for
                await asyncio.sleep(0)

    async def forgotten(self) -> None:
        """Wait until nothing is live: for messages that end without a result."""
        await self._wait(lambda: not self.offsets.open_count(), "the end of every message")

    async def _wait(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    self.published.changed.clear()
                    await self.published.changed.wait()
        except TimeoutError:
            got = [(r.outcome.value, r.final, r.attempt) for r in self.published.results]
            pytest.fail(f"{what} never came; published: {got}")

    def _open(self) -> OpenRequest:
        return OpenRequest(
            plan=Plan.STOPPED, centre="main", arrived_at=self.now[0], stage=Stage.FULFILLING
        )

    def _put_state(self, message: MobileTerminated, open_: dict[Any, OpenRequest]) -> None:
        state = SubjectState(open=open_)
        stored = StoredState(1, STATE_VERSION, write_state(state))
        self.store.tables.states[message.subject_id] = stored


@asynccontextmanager
async def open_bench(
    esme_type: type[Esme] = Esme,
    *,
    first_pause_s: float = 0.01,
    outlets: Callable[[SendingBinds], BindsPort] = lambda texts: texts,
) -> AsyncIterator[Bench]:
    """Start centre, bind and sender. What the centre is silent about is unanswered at once.

    `outlets` may add other ways out to the bind.
    """
    script, published, now = BenchScript(), Published(), [utc_now()]
    store, offsets = MemoryStore(), _WakingOffsets(published.changed)
    claims = MemoryClaims(store)
    async with Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,)), faults=script) as centre:
        results = ResultPublisher(
            published,
            GATEWAY,
            "receipts",
            ResultRecorder(claims, WINDOW),
            SetAside(),
            clock=utc_now,
            new_id=uuid4,
        )
        esme = script.esme = esme_type(_bind_settings(centre.port), _no_texts)
        queues = Queues(lambda: now[0])
        bind = SendingBind("main-1", "main", esme, Downtime(), alphabet="gsm0338")
        sender = Sender(
            outlets(SendingBinds([bind])),
            queues,
            Encoder(catalogue(), "SCSERV"),
            claims,
            results,
            offsets,
            SenderSettings(
                gateway=GATEWAY,
                max_attempts=3,
                unknown_grace=timedelta(seconds=0.1),
                first_pause_s=first_pause_s,
            ),
            clock=lambda: now[0],
        )
        tasks = [asyncio.create_task(work) for work in (esme.run(), results.run(), sender.run())]
        try:
            yield Bench(sender, queues, bind, esme, script, store, claims, offsets, published, now)
        finally:
            failed = [task for task in tasks if task.done()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for task in failed:
                task.result()


class _WakingOffsets(OffsetTracker):
    """Wakes up who waits for an offset to be done."""

    def __init__(self, changed: asyncio.Event) -> None:
        super().__init__()
        self._done = changed

    def finish(self, partition: TopicPartition, offset: int) -> None:
        super().finish(partition, offset)
        self._done.set()


def catalogue() -> Catalogue:
    """The built-in templates, and two that never go twice: of one part and of three."""
    built_in = load_catalogue(None, part_count)
    broadcasts = {
        BROADCAST: _template(BROADCAST, "Работы 5 мая", 1),
        LONG_BROADCAST: _template(LONG_BROADCAST, "Работы " * 25, 3),
    }
    return Catalogue({name: built_in[name] for name in built_in} | broadcasts)


def _template(name: str, text: str, parts: int) -> Template:
    return Template(name, text, parse_text(text), parts, resend_unknown=False)


def _bind_settings(port: int) -> BindSettings:
    return BindSettings(
        "127.0.0.1",
        port,
        ACCOUNT.system_id,
        ACCOUNT.password,
        window=WINDOW,
        response_timeout_s=PATIENCE_S,
        reconnect_min_s=0.01,
        reconnect_max_s=0.05,
    )


async def _no_texts(pdu: Any, _session: object) -> ResponsePdu:
    answer: ResponsePdu = pdu.answer()
    return answer
