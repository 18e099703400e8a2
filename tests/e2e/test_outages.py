"""Each row of the table of outages in docs/RELIABILITY.md, on real servers and processes.

What is common to all: what was accepted is answered once the outage is over, without anybody's
help but the supervisor's, who starts again what ends. `test_reliability` in tests/unit holds
the names of these tests against the rows.
"""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.kafka_listeners import OPEN
from inbound.local.servers.postgres import PostgresServer
from inbound.local.simulator.faults import Proceed
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from tests.chaos import stepped_clock
from tests.e2e import poison
from tests.e2e.aimed import REPOSITORY
from tests.e2e.disks import Disk, small_disk
from tests.e2e.script import ACCOUNT
from tests.fix_service import (
    ROLES,
    STARTED,
    STOPPED,
    SUBJECT_KEY,
    Role,
    Service,
    eventually,
    free_port,
    open_service,
)
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

REFUSED = "a text could not be stored"
DISK_MB = 450
"""More than the servers want to see free, before they start."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Two servers on file systems of their own; a disk is None where none can be mounted."""

    postgres: PostgresServer
    kafka: KafkaServer
    postgres_disk: Disk | None
    kafka_disk: Disk | None


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("outages")
    with (
        small_disk(folder / "one", DISK_MB) as postgres_disk,
        small_disk(folder / "two", DISK_MB) as kafka_disk,
        PostgresServer(folder / "one" / "postgres") as postgres,
        KafkaServer(folder / "two" / "kafka", heap_mb=256, listener=OPEN) as kafka,
    ):
        yield Machine(postgres, kafka, postgres_disk, kafka_disk)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, machine: Machine
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    clock = folder / "clock"
    clock.write_bytes(bytes(stepped_clock.SIZE))
    async with open_service(
        folder,
        machine.postgres.url,
        machine.kafka.bootstrap,
        {
            "CHAOS_CLOCK": str(clock),
            "PYTHONPATH": str(REPOSITORY),
            # An outage is longer than a repetition; no test can wait for a minute of it.
            "SCSERV_POLICIES__DUPLICATE_WITHIN_S": "2",
        },
        program="tests.chaos.stepped_clock",
    ) as service:
        service.revive()
        yield service


def reasons(service: Service, role: Role) -> str:
    """Return what the health port of a role has against it."""
    return service.one(role).not_ready()


async def says(service: Service, role: Role, wanted: str) -> None:
    """Wait until the health of a role names a reason."""
    await eventually(
        lambda: re.search(wanted, reasons(service, role)) is not None,
        lambda: f"{role} says {reasons(service, role)!r}, not {wanted!r}",
    )


async def is_well(service: Service) -> None:
    """Wait until all is ready, and one more text is answered as ever."""
    await service.ready()
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)


def deliver(service: Service, people: int) -> tuple[list[str], "list[asyncio.Future[int]]"]:
    """Have this many new clients text."""
    numbers = service.new_numbers(people)
    return numbers, [service.deliver(number, "CLIENT sms stop") for number in numbers]


async def all_answered(
    service: Service, numbers: list[str], settled: "list[asyncio.Future[int]]"
) -> None:
    """Wait until every text is accepted and every request is completed, once."""
    async with asyncio.timeout(PATIENCE_S):
        assert set(await asyncio.gather(*settled)) == {Status.ESME_ROK}
    await service.completed(*numbers)
    for number in numbers:
        assert service.accepted(number) == ["sms_stop"]


# -- Kafka ------------------------------------------------------------------------------------


async def test_kafka_away(service: Service, machine: Machine) -> None:
    machine.kafka.kill()
    numbers, settled = deliver(service, 5)
    for role in ROLES:
        await says(service, role, "kafka: no Kafka at")
    await eventually(
        lambda: REFUSED in service.log_of("gateway"),
        lambda: service.log_of("gateway")[-2000:],
    )
    assert not any(future.done() for future in settled), "the centre has to keep them"
    await asyncio.to_thread(machine.kafka.start)
    await all_answered(service, numbers, settled)
    await is_well(service)


async def test_kafka_hangs(service: Service, machine: Machine) -> None:
    """What it was sent meanwhile it may store afterwards, beside the text's next delivery."""
    assert machine.kafka.pid is not None
    ledger = service.centre.ledger
    before = ledger.counts["deliver_sm_resp"]
    os.kill(machine.kafka.pid, signal.SIGSTOP)
    try:
        numbers, settled = deliver(service, 5)
        # More refusals than texts: at least one was delivered, refused and delivered again.
        async with asyncio.timeout(PATIENCE_S):
            await ledger.count("deliver_sm_resp", before + len(numbers) + 1)
        assert not any(future.done() for future in settled), "the centre has to keep them"
        for role in ROLES:
            await says(service, role, "kafka: no Kafka at .*: no answer within 2 s")
    finally:
        os.kill(machine.kafka.pid, signal.SIGCONT)
    await all_answered(service, numbers, settled)
    await is_well(service)


async def test_kafka_disk_full(service: Service, machine: Machine) -> None:
    disk = _disk(machine.kafka_disk)
    disk.fill(leave=16_384)
    numbers: list[str] = []
    settled: list[asyncio.Future[int]] = []
    # A broker whose only log folder fails ends itself; until then it takes what still fits.
    async with asyncio.timeout(PATIENCE_S):
        while machine.kafka.pid is not None:
            if all(future.done() for future in settled):
                assert len(numbers) < 2000, "the disk is not full"
                some, futures = deliver(service, 20)
                numbers, settled = numbers + some, settled + futures
            await asyncio.wait(settled, timeout=0.5)
    await says(service, "gateway", "kafka: no Kafka at")
    disk.free()
    await asyncio.to_thread(machine.kafka.stop)
    await asyncio.to_thread(machine.kafka.start)
    await all_answered(service, numbers, settled)
    await is_well(service)


# -- PostgreSQL --------------------------------------------------------------------------------


async def test_postgres_away(service: Service, machine: Machine) -> None:
    machine.postgres.kill()
    numbers, settled = deliver(service, 5)
    async with asyncio.timeout(PATIENCE_S):
        assert set(await asyncio.gather(*settled)) == {Status.ESME_ROK}, "Kafka takes them"
    await says(service, "worker", "commands.*: PostgreSQL at .* can't be reached")
    await says(service, "gateway", "database.*: PostgreSQL")
    await says(service, "relay", "shards.*: PostgreSQL at .* can't be reached")
    assert "processing waits: PostgreSQL" in service.log_of("worker")
    await asyncio.to_thread(machine.postgres.start)
    await all_answered(service, numbers, settled)
    await is_well(service)


async def test_postgres_hangs(service: Service, machine: Machine) -> None:
    """It closes no connection and ends no statement: each process has to notice by itself."""
    assert machine.postgres.pid is not None
    server = psutil.Process(machine.postgres.pid)
    stopped = [server]
    server.suspend()
    try:
        stopped += server.children(recursive=True)  # no more are begun
        for process in stopped[1:]:
            process.suspend()
        numbers, settled = deliver(service, 5)
        async with asyncio.timeout(PATIENCE_S):
            assert set(await asyncio.gather(*settled)) == {Status.ESME_ROK}, "Kafka takes them"
        for role in ROLES:
            await says(service, role, "database.*: PostgreSQL at .* has not answered for")
    finally:
        for process in stopped:
            process.resume()
    await all_answered(service, numbers, settled)
    await is_well(service)


async def test_postgres_disk_full(service: Service, machine: Machine) -> None:
    disk = _disk(machine.postgres_disk)
    disk.fill()
    numbers: list[str] = []
    settled: list[asyncio.Future[int]] = []

    def is_full() -> bool:
        return machine.postgres.pid is None or "its disk is full" in reasons(service, "worker")

    def is_processed() -> bool:
        """Whether the worker has got through what there is, or can't."""
        return is_full() or bool(service.accepted(numbers[-1]))

    # Some rows still fit on pages that are there.
    while not await asyncio.to_thread(is_full):
        assert len(numbers) < 5000, "the disk is not full"
        some, futures = deliver(service, 100)
        numbers, settled = numbers + some, settled + futures
        await eventually(is_processed, lambda: reasons(service, "worker"))
    async with asyncio.timeout(PATIENCE_S):
        assert set(await asyncio.gather(*settled)) == {Status.ESME_ROK}, "Kafka takes them"
    disk.free()
    if machine.postgres.pid is None:  # the log was full: it ends, and comes back by its supervisor
        await asyncio.to_thread(machine.postgres.stop)
        await asyncio.to_thread(machine.postgres.start)
    await all_answered(service, numbers, settled)
    await is_well(service)


def _disk(disk: Disk | None) -> Disk:
    if disk is None:
        pytest.skip("this machine does not let us mount a file system to fill")
    return disk


# -- the SMS centre ----------------------------------------------------------------------------


async def test_centre_away(service: Service) -> None:
    client = service.new_client()
    port, left = service.centre.port, asyncio.Event()

    async def leave(_pdu: SubmitSm, session: Session, _proceed: Proceed) -> Answer:
        session.abort("the centre goes down")
        left.set()
        return None

    service.script.fault = leave
    await service.text(client.number, "CLIENT info")
    async with asyncio.timeout(PATIENCE_S):
        await left.wait()
    await service.centre.close()
    await says(service, "gateway", "bind: ")
    sent = len(service.script.to(client.number))
    service.script.fault = None
    service.centre = Simulator(
        SimulatorSettings(port=port, accounts=(ACCOUNT,), retry_s=0.1), faults=service.script
    )
    await service.centre.start()
    await service.completed(client.number)
    types = [event.type for event in service.events(client.number)]
    assert types.count("message.unknown") >= 1, "it was sent and never answered"
    assert len(service.script.to(client.number)) > sent
    assert client.registration in service.script.texts_to(client.number)
    await is_well(service)


async def test_centre_silent(service: Service) -> None:
    client = service.new_client()
    seen = 0

    async def ignore(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        nonlocal seen
        if pdu.destination_addr == client.number[1:] and seen == 0:
            seen += 1
            return None
        return await proceed(pdu, session)

    service.script.fault = ignore
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    service.script.fault = None
    events = service.events(client.number)
    unknown = [event.data for event in events if event.type == "message.unknown"]
    assert [(one["purpose"], one["final"]) for one in unknown] == [("acknowledgement", False)]
    assert service.script.texts_to(client.number)[-1] == STOPPED
    await is_well(service)


# -- what an operator has set up ----------------------------------------------------------------


@pytest.mark.parametrize("role", ["gateway", "worker", "relay"])
async def test_key_missing(service: Service, role: Role) -> None:
    service.extra_environment["SCSERV_VAULT_KEY"] = ""
    try:
        ran = await service.command(role)
    finally:
        del service.extra_environment["SCSERV_VAULT_KEY"]
    assert ran.status == 2
    [line] = ran.err.splitlines()[-1:]
    assert line.startswith("scserv: SCSERV_VAULT_KEY is not set")
    assert "openssl rand -base64 32" in line


@pytest.mark.parametrize("role", ["gateway", "worker", "relay"])
async def test_key_wrong(service: Service, role: Role) -> None:
    before = service.sizes("subjects", "events", "key_checks")
    service.extra_environment["SCSERV_VAULT_KEY"] = SUBJECT_KEY.hex()
    try:
        ran = await service.command(role)
    finally:
        del service.extra_environment["SCSERV_VAULT_KEY"]
    assert ran.status == 2
    refusal = ran.err[ran.err.index("scserv: ") :].splitlines()
    assert refusal[0].startswith("scserv: SCSERV_VAULT_KEY does not fit this database")
    assert refusal[1].startswith("Set SCSERV_VAULT_KEY to the key that")
    assert SUBJECT_KEY.hex() not in ran.err
    assert service.sizes("subjects", "events", "key_checks") == before


# -- clock, dead letters, telemetry -------------------------------------------------------------


@pytest.mark.parametrize("hours", [2, -2])
async def test_clock_jump(service: Service, hours: int) -> None:
    client = service.new_client()
    clock = Path(service.extra_environment["CHAOS_CLOCK"])
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    stepped_clock.set_offset(clock, hours * 3600)
    try:
        await service.text(client.number, "CLIENT sms start")
        await service.completed(client.number, requests=2)
        assert service.script.texts_to(client.number)[-1] == STARTED
        await says(service, "worker", "clock: the clock of this machine is 7[12].. seconds")
    finally:
        stepped_clock.set_offset(clock, 0)
    await is_well(service)
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number, requests=3)
    assert service.accepted(client.number) == ["sms_stop", "sms_start", "sms_stop"]
    switched = [e.type for e in service.events(client.number) if "subscription" in e.type]
    assert switched[-1] == "subscription.stopped"
    assert "acknowledgement.late" not in {e.type for e in service.events(client.number)}
    await is_well(service)


async def test_no_room_for_dead_letters(service: Service) -> None:
    await _restart_worker(service, {"SCSERV_DEAD_LETTERS_MAX": "3"})
    client = service.new_client()
    try:
        poison.put(service, service.names.mo, [b"garbage"] * 3, number=client.number)
        await eventually(
            lambda: service.sizes("dead_letters") == {"dead_letters": 3}, lambda: "not set aside"
        )
        [garbage] = poison.put(service, service.names.mo, [b"more"], number=client.number)
        await says(service, "worker", "dead letters of commands: no room for 1 more .* 3 of 3")
        await service.text(client.number, "CLIENT sms stop")
        assert service.accepted(client.number) == []
        assert service.sizes("dead_letters") == {"dead_letters": 3}
        ran = await service.command("deadletters", "discard", "--all", "--reason", "tests", "--yes")
        assert ran.out == "3 discarded\n"
        await service.completed(client.number)
        assert service.value("SELECT kafka_offset FROM dead_letters") == garbage.offset
    finally:
        await _restart_worker(service, {})
    await is_well(service)


async def test_collector_away(service: Service) -> None:
    nobody = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    await _restart_worker(service, nobody)
    await is_well(service)
    await _restart_worker(service, {})
    await is_well(service)


async def _restart_worker(service: Service, environment: dict[str, str]) -> None:
    """As an operator changes a setting: stopped politely, started again, watched as before."""
    settings = {"SCSERV_DEAD_LETTERS_MAX", "OTEL_EXPORTER_OTLP_ENDPOINT"}
    for name in settings:
        service.extra_environment.pop(name, None)
    service.extra_environment.update(environment)
    assert await service.stop(service.one("worker")) == 0
    service.revive(*await service.start("worker"))
