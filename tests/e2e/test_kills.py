"""No loss and no doubles while processes are killed with -9 and 180 people text.

A supervisor starts again what ends, as in production. The blow falls at a moment that the
SMS centre sees, see `Stream`. What must hold afterwards is the same for every victim, see
`_check`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from enum import Enum
from itertools import cycle, islice

import psutil
import pytest
import pytest_asyncio

from inbound.smpp.pdu import EnquireLink
from inbound.smpp.status import Status
from schemas.cloudevents import header
from tests.e2e.script import ACCOUNT, Submit
from tests.fix_own_servers import OwnServers
from tests.fix_service import WINDOW, Role, Service, eventually, open_service
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

PEOPLE, CALM = 180, 60
AT = 10
COMMANDS = "CLIENT info", "CLIENT sms stop", "CLIENT sms start"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, own_servers: OwnServers
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    async with open_service(
        folder, own_servers.postgres.url, own_servers.kafka.bootstrap
    ) as service:
        service.revive()
        yield service


# -- one stream, one blow, one balance ---------------------------------------------------


class Moment(Enum):
    """When the blow falls, as the SMS centre sees it."""

    ARRIVING = "texts are arriving"
    REPLYING = "replies are leaving"


class Stream:
    """60 people text; when half of them have their acknowledgement, 120 more.

    The blow falls with the tenth answer to a text of those, or with their tenth
    acknowledgement: in either case each process has its hands full.
    """

    def __init__(self, service: Service, strike: Callable[[], object], moment: Moment) -> None:
        self.numbers = service.new_numbers(PEOPLE)
        service.import_clients_of(self.numbers)
        self._service = service
        self._strike = strike
        self._moment = moment
        self._texts = iter(zip(self.numbers, cycle(COMMANDS), strict=False))
        self._calm = set(self.numbers[:CALM])
        self._crowd = set(self.numbers[CALM:])
        self._seen = Counter[Moment]()
        self._settled: list[asyncio.Future[int]] = []

    async def run(self) -> list[str]:
        """Return the numbers once all their requests are in their final state."""
        script = self._service.script
        script.watch = self._watch
        self._text(CALM)
        await script.until(lambda: len(self._settled) == PEOPLE, "half of the acknowledgements")
        try:
            async with asyncio.timeout(PATIENCE_S):
                statuses = await asyncio.gather(*self._settled)
        except TimeoutError:
            waiting = [future for future in self._settled if not future.done()]
            pytest.fail(f"{len(waiting)} texts are not accepted after {PATIENCE_S:g} s")
        assert set(statuses) == {Status.ESME_ROK}
        await self._service.completed(*self.numbers)
        assert self._seen[self._moment] >= AT, "the blow never fell"
        return self.numbers

    def _text(self, people: int) -> list["asyncio.Future[int]"]:
        texts = [self._service.deliver(*text) for text in islice(self._texts, people)]
        self._settled += texts
        return texts

    def _watch(self, submit: Submit) -> None:
        if not submit.acknowledges:
            return
        if submit.number in self._calm:
            self._calm.discard(submit.number)
            if len(self._calm) == CALM // 2:
                for answer in self._text(PEOPLE - CALM):
                    answer.add_done_callback(lambda _: self._count(Moment.ARRIVING))
        elif submit.number in self._crowd:
            self._crowd.discard(submit.number)
            self._count(Moment.REPLYING)

    def _count(self, what: Moment) -> None:
        self._seen[what] += 1
        if what is self._moment and self._seen[what] == AT:
            self._strike()


async def _stream(
    service: Service, strike: Callable[[], object], moment: Moment = Moment.REPLYING
) -> list[str]:
    return await Stream(service, strike, moment).run()


def _check(service: Service, numbers: list[str]) -> Counter[str]:
    """Hold what the centre saw against the event log; return the unknown messages by purpose.

    Whoever texted has one request, its acknowledgement and then its fulfilment. What came
    twice is said to be unknown, and nothing else came twice.
    """
    unknown_by_purpose = Counter[str]()
    for number in numbers:
        events = service.events(number)
        assert [event.version for event in events] == list(range(1, len(events) + 1))
        types = [event.type for event in events if not event.type.startswith("subscription")]
        assert types.count("request.accepted") == 1
        assert types[0] == "request.accepted"
        assert types[-1] == "request.completed"
        submitted = [e.data["purpose"] for e in events if e.type == "message.submitted"]
        assert submitted == ["acknowledgement", "fulfilment"]
        unknown = Counter(e.data["purpose"] for e in events if e.type == "message.unknown")
        unknown_by_purpose += unknown
        _check_submits(service.script.to(number), unknown)
    positions = [event.position for event in service.events()]
    assert positions == list(range(1, len(positions) + 1))
    return unknown_by_purpose


def _check_submits(submits: list[Submit], unknown: Counter[str]) -> None:
    kinds = ["acknowledgement" if submit.acknowledges else "fulfilment" for submit in submits]
    assert kinds == sorted(kinds), "a fulfilment overtook its acknowledgement"
    assert set(kinds) == {"acknowledgement", "fulfilment"}
    sent = Counter(
        (kind, submit.part.sequence if submit.part else 1)
        for kind, submit in zip(kinds, submits, strict=True)
    )
    for (kind, _), times in sent.items():
        assert times <= 1 + unknown[kind], f"{kind} went {times} times, {unknown[kind]} unknown"
    parts = {
        submit.part.total if submit.part else 1 for submit in submits if not submit.acknowledges
    }
    assert len(sent) == 1 + parts.pop(), "a part is missing"


async def _check_published(service: Service) -> None:
    """The public topic gets every event, and each person's in order."""
    logged = {f"{event.stream_id}/{event.version}" for event in service.events()}

    def published() -> list[str]:
        return [header(r.headers, "ce_id") or "" for r in service.records(service.names.events)]

    await eventually(
        lambda: logged <= set(published()), lambda: "events are missing in the public topic"
    )
    first_seen = list(dict.fromkeys(published()))
    assert set(first_seen) == logged
    versions: dict[str, list[int]] = {}
    for event_id in first_seen:
        stream, _, version = event_id.partition("/")
        versions.setdefault(stream, []).append(int(version))
    assert all(seen == sorted(seen) for seen in versions.values())


# -- processes ---------------------------------------------------------------------------


@pytest.mark.parametrize("moment", Moment)
async def test_gateway(service: Service, moment: Moment) -> None:
    numbers = await _stream(service, service.one("gateway").kill, moment)
    unknown = _check(service, numbers)
    # Claimed ahead of sending, in either lane; in flight; answered, and the result not stored.
    assert unknown.total() <= 6 * WINDOW


@pytest.mark.parametrize("role", ["worker", "relay"])
async def test_a_process_that_does_not_send(service: Service, role: Role) -> None:
    numbers = await _stream(service, service.one(role).kill)
    assert not _check(service, numbers), "messages became unknown though the gateway lived"
    await _check_published(service)


async def test_sigterm_loses_nothing(service: Service) -> None:
    asked = list(service.running)

    def strike() -> None:
        for one in asked:
            one.terminate()

    numbers = await _stream(service, strike)
    assert not _check(service, numbers), "messages became unknown though there was time"
    assert {one.process.returncode for one in asked} == {0}


async def test_one_of_two_processes_of_each_role_is_killed(service: Service) -> None:
    first = list(service.running)
    second = await service.start()
    service.revive(*second)

    def strike() -> None:
        for victim in first:
            victim.kill()

    try:
        _check(service, await _stream(service, strike))
        await _check_published(service)
    finally:
        await service.ready()
        for one in service.running[3:]:
            await service.stop(one)


async def test_nothing_is_accepted_before_kafka_has_it(
    service: Service, own_servers: OwnServers
) -> None:
    first, *numbers = service.new_numbers(21)
    service.import_clients_of(numbers)
    # The gateway knows its topic now: from here on it could take texts without Kafka.
    await service.text(first, "CLIENT info")
    [bound] = service.centre.queue(ACCOUNT.system_id).sessions
    broker = psutil.Process(own_servers.kafka.pid)
    broker.suspend()
    try:
        settled = [service.deliver(number, "CLIENT sms stop") for number in numbers]
        # Answered at once, and after the texts were read: three chances to answer these too.
        for _ in range(3):
            await bound._send(EnquireLink(), 10, takes_room=False)
        assert not any(future.done() for future in settled)
        service.one("gateway").kill()
    finally:
        broker.resume()
    async with asyncio.timeout(PATIENCE_S):
        assert set(await asyncio.gather(*settled)) == {Status.ESME_ROK}
    await service.completed(*numbers)
    _check(service, numbers)


# -- servers -----------------------------------------------------------------------------


async def test_kafka(service: Service, own_servers: OwnServers) -> None:
    restarted = Restart(own_servers.kafka.kill, own_servers.kafka.start)
    numbers = await _stream(service, restarted)
    await restarted.done()
    _check(service, numbers)
    await _check_published(service)


async def test_postgres(service: Service, own_servers: OwnServers) -> None:
    restarted = Restart(own_servers.postgres.kill, own_servers.postgres.start)
    numbers = await _stream(service, restarted)
    await restarted.done()
    _check(service, numbers)
    await _check_published(service)


class Restart:
    """Kills a server and starts it again, in a thread, when called."""

    def __init__(self, kill: Callable[[], None], start: Callable[[], object]) -> None:
        self._kill = kill
        self._start = start
        self._task: asyncio.Task[None] | None = None

    def __call__(self) -> None:
        self._task = asyncio.create_task(asyncio.to_thread(self._run))

    def _run(self) -> None:
        self._kill()
        self._start()

    async def done(self) -> None:
        assert self._task is not None, "the moment never came"
        await self._task
