"""An attack: one text from each of many spoofed numbers, and what an operator does then.

`make test-long` attacks from three times as many.
"""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from hypothesis import settings

from inbound.handlers.policies import Policies
from inbound.handlers.registrations import Ceilings, ceilings
from inbound.handlers.unknown_numbers import unknown_number_ceilings
from tests import forks
from tests.e2e.collector import Collector, open_collector
from tests.e2e.script import Submit
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import Service, eventually, open_service
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

ATTACKED = 3000 if settings.get_current_profile_name() == "long" else 1000
"""Eight times the highest ceiling."""
UNKNOWN = unknown_number_ceilings(Policies(), ATTACKED)


class Received:
    """What phones received, counted as it arrives: acknowledgements, and parts of other texts."""

    def __init__(self) -> None:
        self.acknowledgements = 0
        self.parts: Counter[str] = Counter()
        self.parts_of_a_text = 0

    def __call__(self, submit: Submit) -> None:
        if submit.acknowledges:
            self.acknowledgements += 1
        elif submit.part is not None:
            self.parts[submit.number] += 1
            self.parts_of_a_text = submit.part.total


@pytest.fixture(scope="module")
def received() -> Received:
    return Received()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with open_collector() as collector:
        yield collector


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
    collector: Collector,
    received: Received,
) -> AsyncIterator[Service]:
    """A service with the ceilings that it has by default for its directory."""
    limits = ceilings(Policies(), ATTACKED)
    assert limits == Ceilings(20, 120, 120)
    environment = {
        "SCSERV_POLICIES__REGISTRATIONS_PER_MINUTE": str(limits.minute),
        "SCSERV_POLICIES__REGISTRATIONS_PER_HOUR": str(limits.hour),
        "SCSERV_POLICIES__REGISTRATIONS_PER_CENTRE_HOUR": str(limits.centre_hour),
        "SCSERV_POLICIES__UNKNOWN_NUMBERS_PER_MINUTE": str(UNKNOWN.minute),
        "SCSERV_POLICIES__UNKNOWN_NUMBERS_PER_HOUR": str(UNKNOWN.hour),
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        # A message that is not answered in time goes again, and this test counts messages.
        "SCSERV_SMPP__RESPONSE_TIMEOUT_S": f"{PATIENCE_S:.0f}",
    }
    folder = tmp_path_factory.mktemp("guarded")
    async with open_service(
        folder, postgres_server.url, kafka_server.bootstrap, environment
    ) as service:
        service.script.watch = received
        yield service


def count_events(service: Service, type_: str) -> int:
    found: int = service.value("SELECT count(*) FROM events WHERE type = %s", type_)
    return found


async def run(service: Service, *arguments: str) -> str:
    ran = await service.command(*arguments)
    assert ran.status == 0, ran.out + ran.err
    return ran.out


async def test_an_attack_gets_no_more_than_the_ceiling(
    guarded: Service, collector: Collector, received: Received
) -> None:
    numbers = guarded.new_numbers(ATTACKED)
    guarded.import_clients_of(numbers)
    began = datetime.now(UTC)
    answers = []
    for n, number in enumerate(numbers):
        answers.append(guarded.deliver(number, "CLIENT info"))
        if n % 200 == 199:
            for answer in answers[-200:]:
                await answer
    await eventually(
        lambda: count_events(guarded, "request.accepted") == ATTACKED,
        lambda: f"{count_events(guarded, 'request.accepted')} requests are accepted",
    )
    await guarded.script.until(
        lambda: received.acknowledgements == ATTACKED,
        "every request is acknowledged",
    )
    minutes = (datetime.now(UTC) - began).total_seconds() / 60
    held = count_events(guarded, "registration.held")
    assert len(received.parts) <= ATTACKED - held
    assert 0 < ATTACKED - held <= min(120, 20 * (minutes + 1))
    assert guarded.sizes("held_registrations") == {"held_registrations": held}
    await collector.until(
        lambda: (
            sum(
                value
                for labels, value in collector.values.get("scserv.registrations", {}).items()
                if ("outcome", "held") in labels
            )
            == held
        ),
        "the metric counts what is held",
    )
    status = json.loads(await run(guarded, "registrations", "status", "--json"))
    assert (status["held"], status["off"]) == (held, False)
    listed = await run(guarded, "registrations", "list", "--limit", str(ATTACKED))
    assert len(listed.splitlines()) == held
    assert not re.search(r"\+7\d{10}", listed), "numbers are masked"


async def test_a_release_that_is_killed_and_repeated_sends_each_once(
    guarded: Service, received: Received
) -> None:
    held = guarded.sizes("held_registrations")["held_registrations"]
    before = count_events(guarded, "registration.released")
    log = str(guarded.folder / "release.log")
    arguments = ("registrations", "release", "--all", "--reason", "they called us")
    wanted = forks.Wanted(arguments, guarded.environment(), str(guarded.folder), log, log)
    killed = await forks.start(wanted)
    await eventually(
        lambda: count_events(guarded, "registration.released") > before,
        lambda: "nothing was released",
    )
    killed.kill()
    await killed.wait()
    await run(guarded, *arguments)
    assert guarded.sizes("held_registrations") == {"held_registrations": 0}
    assert count_events(guarded, "registration.released") == held
    await eventually(
        lambda: count_events(guarded, "request.completed") == ATTACKED,
        lambda: f"{count_events(guarded, 'request.completed')} requests are completed",
    )
    assert len(received.parts) == ATTACKED
    assert set(received.parts.values()) == {received.parts_of_a_text}, "each text came once"
    audited = guarded.value(
        "SELECT count(*) FROM audit WHERE action = 'release registration'"
        " AND reason = 'they called us'"
    )
    assert audited == held


async def test_the_switch_holds_within_seconds_and_survives_a_restart(guarded: Service) -> None:
    client = guarded.new_client()
    said = await run(guarded, "registrations", "off", "--reason", "an attack")
    assert said == "registrations are off\n"
    worker = guarded.one("worker")
    await guarded.kill(worker)
    await guarded.start("worker")
    await guarded.text(client.number, "CLIENT info")
    assert len(await guarded.script.replies(client.number, 1)) == 1
    listed = json.loads(await run(guarded, "registrations", "list", "--json"))
    assert (listed["reason"], listed["number"][-2:]) == ("switched_off", client.number[-2:])
    timeline = await run(guarded, "timeline", "--phone", client.number, "--lang", "en")
    assert "waits until one of our staff has checked the request" in " ".join(timeline.split())
    await run(guarded, "registrations", "on", "--reason", "it is over")
    request_id = listed["request_id"]
    await run(guarded, "registrations", "refuse", request_id, "--reason", "spoofed")
    again = await guarded.command("registrations", "refuse", request_id, "--reason", "spoofed")
    assert again.status == 1
    await guarded.completed(client.number)
    last = guarded.script.texts_to(client.number)[-1]
    assert last == "Запрос CLIENT info не выполнен. Обратитесь в службу поддержки."


async def test_a_burst_of_stops_is_undone(guarded: Service) -> None:
    clients = guarded.new_numbers(30)
    guarded.import_clients_of(clients)
    since = datetime.now(UTC).isoformat()
    for number in clients:
        await guarded.text(number, "CLIENT sms stop")
    await guarded.completed(*clients)
    undo = ("subscriptions", "undo-stops", "--since", since, "--until", "0s", "--reason", "spoofed")
    assert "would be undone: 30 stops" in await run(guarded, *undo, "--dry-run")
    assert count_events(guarded, "subscription.restored") == 0
    assert "undone: 30 stops; 30 people stopped from " in await run(guarded, *undo)
    again = await run(guarded, *undo)
    assert "undone: 0 stops; 30 people stopped" in again
    assert "left alone: 30 people who stopped again later" in again
    subject = str(guarded.events(clients[0])[0].stream_id)

    def last_state() -> object:
        records = [r for r in guarded.records(guarded.names.subscriptions) if r.key]
        states = [json.loads(r.value) for r in records if r.key == subject.encode()]
        return states[-1]["may_be_texted"] if states else None

    await eventually(lambda: last_state() is True, lambda: f"{last_state()}")


async def test_a_flood_of_strangers_is_not_answered_and_delays_no_client(guarded: Service) -> None:
    client = guarded.new_client()
    before = count_events(guarded, "request.accepted")
    began = datetime.now(UTC)
    flood = [guarded.deliver(f"+7999{n:07d}", "CLIENT sms stop") for n in range(ATTACKED)]
    await guarded.text(client.number, "CLIENT sms stop")
    assert len(await guarded.script.replies(client.number, 1)) == 1
    for answer in flood:
        await answer
    await eventually(
        lambda: (
            refused_strangers(guarded) + count_events(guarded, "request.accepted")
            >= before + ATTACKED + 1
        ),
        lambda: f"{refused_strangers(guarded)} strangers were refused",
    )
    minutes = (datetime.now(UTC) - began).total_seconds() / 60
    answered = count_events(guarded, "request.accepted") - before - 1
    assert UNKNOWN.minute is not None
    assert 0 < answered <= UNKNOWN.minute * (minutes + 1)


def refused_strangers(service: Service) -> int:
    found: int = service.value(
        "SELECT coalesce(sum(count), 0) FROM rejected_mos WHERE kind = 'unknown_number_ceiling'"
    )
    return found
