"""The outages that alerts tell of, on real processes: each brings its metric to where it fires.

The rules themselves, with these values, are in tests/peers/test_alerts.py.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from tests.certificates import Authority
from tests.chaos import stepped_clock
from tests.e2e import poison
from tests.e2e.aimed import REPOSITORY
from tests.e2e.collector import Collector, open_collector
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import Role, RoleProcess, Service, eventually, open_service
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

HOURS = 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with open_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Authority(tmp_path_factory.mktemp("tls"), "authority").issue("api")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
    collector: Collector,
    certificate: Path,
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_METRIC_EXPORT_INTERVAL": "300",
        "PYTHONPATH": str(REPOSITORY),
        "SCSERV_API__TLS_CERT": str(certificate),
        "SCSERV_API__PORT": "0",
        "SCSERV_DESK__PORT": "0",
        "SCSERV_INGRESS__PORT": "0",
        "SCSERV_SMPP_SERVER__PORT": "0",
    }
    async with open_service(
        folder, postgres_server.url, kafka_server.bootstrap, environment
    ) as service:
        yield service


def value(collector: Collector, name: str, **labels: str) -> float | None:
    return collector.values.get(f"scserv.{name}", {}).get(frozenset(labels.items()))


@pytest.mark.parametrize(
    "role", ["gateway", "worker", "relay", "scheduler", "projector", "api", "desk", "ingress"]
)
async def test_each_role_reports_that_it_is_ready_and_nothing_once_it_is_gone(
    service: Service, collector: Collector, role: Role
) -> None:
    """NoApi, NoDesk, NoIngress: the series of a role that is killed gets no more samples."""
    started = [] if any(one.role == role for one in service.running) else await service.start(role)
    await collector.until(lambda: value(collector, "ready", role=role) == 1, f"{role} is ready")
    for one in started:
        await service.kill(one)
        collector.values["scserv.ready"].pop(frozenset({("role", role)}))
        await collector.until(lambda: value(collector, "ready", role="worker") == 1, "an export")
        assert value(collector, "ready", role=role) is None


async def test_a_process_that_crashes_soon_after_its_start_leaves_a_sign_of_it(
    service: Service, collector: Collector
) -> None:
    """CrashLoop: killed or refused it leaves 1, told to stop 0."""
    labels = frozenset({("role", "projector")})
    (killed,) = await service.start("projector")
    await collector.until(lambda: value(collector, "young", role="projector") == 1, "it is young")
    await service.kill(killed)
    assert value(collector, "young", role="projector") == 1

    (told,) = await service.start("projector")
    await service.stop(told)
    await collector.until(lambda: value(collector, "young", role="projector") == 0, "it was told")

    collector.values["scserv.young"].pop(labels)
    service.extra_environment["SCSERV_VAULT_KEY"] = bytes(32).hex()
    try:
        refused = await service.command("projector")
    finally:
        del service.extra_environment["SCSERV_VAULT_KEY"]
    assert refused.status == 2, refused.err
    await collector.until(lambda: value(collector, "young", role="projector") == 1, "it failed")


async def test_a_text_that_nobody_acknowledges_is_counted_while_it_waits(
    service: Service, collector: Collector
) -> None:
    """AcknowledgementOverdue: no gateway and no relay run, and the text came 130 s ago."""
    (projector,) = await service.start("projector")
    client = service.new_client()
    for one in [one for one in service.running if one.role in {"gateway", "relay"}]:
        await service.stop(one)
    arrived_at = (datetime.now(UTC) - timedelta(seconds=130)).isoformat()
    text = poison.text(client.number, arrived_at=arrived_at)
    poison.put(service, service.names.mo, [text], number=client.number)
    await collector.until(
        lambda: value(collector, "acknowledgements.overdue") == 1, "an overdue acknowledgement"
    )
    await service.start("relay", "gateway")
    await service.completed(client.number)
    await collector.until(
        lambda: value(collector, "acknowledgements.overdue") == 0, "no overdue acknowledgement"
    )
    await service.stop(projector)


async def test_a_bind_that_is_down_and_what_waits_for_it_are_told(
    service: Service, collector: Collector
) -> None:
    """BindDown, OldestWaiting, TextsUnprocessed: metrics of a gateway without its SMS centre."""
    client = service.new_client()
    await service.centre.close()
    await collector.until(
        lambda: value(collector, "bind.up", bind="main-1") == 0, "the bind is down"
    )
    arrived_at = (datetime.now(UTC) - timedelta(seconds=29)).isoformat()
    text = poison.text(client.number, arrived_at=arrived_at)
    poison.put(service, service.names.mo, [text], number=client.number)
    await collector.until(
        lambda: (value(collector, "lane.oldest_age", smsc="main", lane="urgent") or 0) > 30,
        "an acknowledgement waits for 30 s",
    )
    await service.centre.start()
    await service.completed(client.number)
    await collector.until(lambda: value(collector, "bind.up", bind="main-1") == 1, "it is up")


async def test_certificates_and_disks_are_exported(service: Service, collector: Collector) -> None:
    """CertificateExpires, DiskFillsUp."""
    (api,) = await service.start("api")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).timestamp()

    def expires_tomorrow() -> bool:
        at = value(collector, "certificate.expiry", certificate="API")
        return at is not None and abs(at - tomorrow) < 3600

    await collector.until(expires_tomorrow, "when the certificate of the API expires")
    for server in ("postgresql", "kafka 1"):
        await collector.until(
            lambda: 0 < (value(collector, "disk.free", server=server) or 0) <= 1,  # noqa: B023 - asked at once
            f"the disk of {server}",
        )
    await service.stop(api)


@pytest_asyncio.fixture(loop_scope="module")
async def with_wrong_clocks(service: Service, tmp_path: Path) -> AsyncIterator[list[RoleProcess]]:
    """A gateway two hours behind and a worker two hours ahead, instead of right ones."""
    for one in [one for one in service.running if one.role in {"gateway", "worker"}]:
        await service.stop(one)
    program, service.program = service.program, "tests.chaos.stepped_clock"
    wrong = []
    offsets: tuple[tuple[Role, int], ...] = (("gateway", -HOURS), ("worker", HOURS))
    for role, hours in offsets:
        clock = tmp_path / role
        clock.write_bytes(bytes(stepped_clock.SIZE))
        stepped_clock.set_offset(clock, hours * 3600)
        service.extra_environment["CHAOS_CLOCK"] = str(clock)
        wrong.append(await service.launch(role))
    yield wrong
    del service.extra_environment["CHAOS_CLOCK"]
    service.program = program
    for one in wrong:
        await service.stop(one)
    await service.start("gateway", "worker")


async def test_clocks_that_differ_by_hours_refuse_nobody_and_are_told(
    service: Service, collector: Collector, with_wrong_clocks: list[RoleProcess]
) -> None:
    """ClockSkewed, NotReady: times are told by the database's clock meanwhile."""
    client = service.new_client()
    await service.text(client.number, "CLIENT info")
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, client.registration]
    await service.completed(client.number)
    accepted = service.events(client.number)[0].data
    waited_s = (
        datetime.fromisoformat(accepted["facts"]["decided_at"])
        - datetime.fromisoformat(accepted["arrived_at"])
    ).total_seconds()
    assert abs(waited_s) < PATIENCE_S
    for one, words in zip(with_wrong_clocks, ("behind", "ahead of"), strict=True):
        await eventually(
            lambda: f"seconds {words} the database's" in one.not_ready(),  # noqa: B023 - asked at once
            one.not_ready,
        )
    skews = collector.values["scserv.clock.skew"]
    await collector.until(
        lambda: abs(skews[frozenset({("clock", "machine")})]) > HOURS * 3600 - 60, "the skew"
    )
