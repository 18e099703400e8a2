"""No loss and no doubles, whoever is killed with -9 while 300 people text.

A supervisor starts again what ends, as in production. The blow falls at a moment that the
SMS centre sees: with its fiftieth acknowledgement. What must hold afterwards is the same
for every victim, see `_check`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

import pytest
import pytest_asyncio

from inbound.servers.kafka import KafkaServer
from inbound.servers.postgres import PostgresServer
from inbound.smpp.status import Status
from schemas.cloudevents import header
from tests.e2e.script import Submit
from tests.fix_servers import QUICK_JAVA
from tests.fix_service import WINDOW, Role, Service, eventually, open_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = 300
COMMANDS = "CLIENT info", "CLIENT sms stop", "CLIENT sms start"
MOMENT = 50
SETTLED_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Servers:
    """Servers of this module alone, because it kills them."""

    postgres: PostgresServer
    kafka: KafkaServer


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("killed")
    with (
        PostgresServer(folder / "postgres") as postgres,
        KafkaServer(folder / "kafka", heap_mb=256, java_options=QUICK_JAVA) as kafka,
    ):
        yield Servers(postgres, kafka)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, servers: Servers
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    async with open_service(folder, servers.postgres.url, servers.kafka.bootstrap) as service:
        service.revive()
        yield service


# -- one stream, one blow, one balance ---------------------------------------------------


async def _stream(service: Service, strike: Callable[[], None]) -> list[str]:
    """Have 300 people text, `strike` in the middle, and wait until all requests are final."""
    numbers = service.new_numbers(PEOPLE)
    service.import_clients_of(numbers)
    mine, acknowledged = set(numbers), Counter[str]()

    def watch(submit: Submit) -> None:
        if submit.number in mine and submit.acknowledges:
            acknowledged[submit.number] += 1
            if acknowledged.total() == MOMENT:
                strike()

    service.script.watch = watch
    settled = [
        service.deliver(number, text)
        for number, text in zip(numbers, cycle(COMMANDS), strict=False)
    ]
    async with asyncio.timeout(SETTLED_WITHIN_S):
        statuses = await asyncio.gather(*settled)
    assert set(statuses) == {Status.ESME_ROK}
    await service.completed(*numbers, within_s=SETTLED_WITHIN_S)
    return numbers


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


async def test_gateway(service: Service) -> None:
    numbers = await _stream(service, service.one("gateway").kill)
    unknown = _check(service, numbers)
    # What was sent and whose result was not stored yet, and what was claimed ahead of sending.
    assert unknown.total() <= MOMENT + 2 * WINDOW


@pytest.mark.parametrize("role", ["worker", "relay"])
async def test_a_process_that_does_not_send(service: Service, role: Role) -> None:
    numbers = await _stream(service, service.one(role).kill)
    assert not _check(service, numbers), "messages became unknown though the gateway lived"
    await _check_published(service)


async def test_one_of_two_of_each(service: Service) -> None:
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


# -- servers -----------------------------------------------------------------------------


async def test_kafka(service: Service, servers: Servers) -> None:
    restarted = Restart(servers.kafka.kill, servers.kafka.start)
    numbers = await _stream(service, restarted)
    await restarted.done()
    _check(service, numbers)
    await _check_published(service)


async def test_postgres(service: Service, servers: Servers) -> None:
    restarted = Restart(servers.postgres.kill, servers.postgres.start)
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
