"""Canaries go through the whole service, kills and poison included, and are looked for everywhere.

A personal code, a login and a password may stand nowhere in the clear; a number and a text
in `sms.mo.v1` alone. They are looked for as they are, in UTF-16, in hex and in base64: in logs,
spans, metrics, health pages, topics, tables, the database's files and the output of
`scserv deadletters`.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

import httpx
import pytest
import pytest_asyncio

from schemas.topics import TopicNames
from tests import searching
from tests.canaries import Canaries
from tests.e2e import poison
from tests.e2e.collector import Recorder, open_recorder
from tests.e2e.script import ACCOUNT, Submit
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import (
    PAGES,
    ROLES,
    SUBJECT_KEY,
    VAULT_KEY,
    Client,
    Role,
    Service,
    eventually,
    free_port,
    open_service,
)
from tests.forks import Ran
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.drill

SECRETS = "code-canary", "login-canary", "pass-canary"
NUMBERS, TEXT = "792555501", "text-canary"
PEOPLE = 40
MOMENT = 10
UDHI = 0x40
UCS_2 = 0x08
BESIDE: Final[tuple[Role, ...]] = ("scheduler", "projector", "api")
EVERYTHING = Canaries(*SECRETS, NUMBERS, TEXT)


class Lived:
    """A service after everything has happened to it, and what it has said."""

    def __init__(self, service: Service, recorder: Recorder) -> None:
        self.service = service
        self.recorder = recorder
        self.poison: set[bytes] = set()
        self.pages: list[bytes] = []
        self.said: list[Ran] = []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lived(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
) -> AsyncIterator[Lived]:
    """A service that logs and exports as much as it can; its roles are stopped by now."""
    folder = tmp_path_factory.mktemp("service")
    async with AsyncExitStack() as stack:
        recorder = await stack.enter_async_context(open_recorder(folder / "telemetry"))
        environment = recorder.environment | {
            "SCSERV_LOG_LEVEL": "debug",
            "SCSERV_API__PORT": str(free_port()),
        }
        service = await stack.enter_async_context(
            open_service(folder, postgres_server.url, kafka_server.bootstrap, environment)
        )
        searching.store_plainly(service.database_url)
        await service.start(*BESIDE)
        service.revive()
        lived = Lived(service, recorder)
        await _live_through_it(service)
        await _take_poison(lived)
        # The spans of those who were killed may have gone with them.
        await service.text(f"+{NUMBERS}00", "CLIENT sms stop")
        await service.completed(f"+{NUMBERS}00", requests=2)
        await service.projected()
        await _say_everything(lived)
        for one in list(service.running):
            assert await service.stop(one) == 0
        yield lived


@pytest.fixture
def service(lived: Lived) -> Service:
    return lived.service


async def _live_through_it(service: Service) -> None:
    clients = [
        Client(f"+{NUMBERS}{n:02d}", f"{SECRETS[0]}-{n:02d}", f"{SECRETS[1]}-{n}", SECRETS[2])
        for n in range(PEOPLE)
    ]
    service.import_clients(clients)
    victims = service.one("gateway"), service.one("worker"), service.one("relay")
    acknowledged = Counter[str]()

    def watch(submit: Submit) -> None:
        acknowledged[submit.number] += submit.acknowledges
        if acknowledged.total() == MOMENT:
            for victim in victims:
                victim.kill()

    service.script.watch = watch
    for client in clients:
        number = client.number
        service.deliver(number, f"{TEXT} CLIENT info")
        service.deliver(number, TEXT.encode("utf-16-be"), data_coding=UCS_2)
        # Half of a long text that never gets its other half.
        service.deliver(number, b"\x05\x00\x03\x07\x02\x01" + TEXT.encode(), esm_class=UDHI)
        service.deliver(number, "CLIENT info")
    await service.completed(*(client.number for client in clients))
    # The centre may have delivered the halves again, after all the rest.
    await eventually(
        lambda: service.sizes("mo_parts") == {"mo_parts": PEOPLE},
        lambda: f"{service.sizes('mo_parts')}",
    )
    texts = [text for client in clients for text in service.script.texts_to(client.number)]
    assert all(client.registration in texts for client in clients), "the canaries never flew"


async def _take_poison(lived: Lived) -> None:
    """Put what can't be processed where each role reads it, with canaries in every place."""
    service, number = lived.service, f"+{NUMBERS}00"
    records = list(poison.with_canaries(service.names, number, SECRETS))
    for topic, value, headers in records:
        poison.put(service, topic, [value], number=number, headers=headers)
        lived.poison.add(value)
    await eventually(
        lambda: service.sizes("dead_letters")["dead_letters"] >= len(records),
        lambda: str(service.rows("SELECT topic, reason FROM dead_letters")),
    )


async def _say_everything(lived: Lived) -> None:
    service = lived.service
    for one in service.running:
        lived.pages += [await asyncio.to_thread(one.page, path) for path in PAGES]
    api_port = service.extra_environment["SCSERV_API__PORT"]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{api_port}", timeout=PATIENCE_S
    ) as api:
        for path in (f"/v1/requests/+{NUMBERS}00", f"/v1/messages/{SECRETS[2]}"):
            answer = await api.get(path, headers={"Authorization": f"Bearer {SECRETS[2]}"})
            lived.pages.append(answer.content)
    listed = await service.command("deadletters", "list", "--json")
    lived.said.append(listed)
    lived.said.append(await service.command("deadletters", "list"))
    for line in listed.out.splitlines():
        for form in ((), ("--json",)):
            lived.said.append(
                await service.command("deadletters", "show", str(json.loads(line)["id"]), *form)
            )


def test_no_log_holds_any(
    service: Service, postgres_server: SharedPostgres, kafka_server: SharedKafka
) -> None:
    logs = [*service.folder.glob("*.log"), postgres_server.log, kafka_server.log]
    assert len(logs) >= 3 * 2 + 2 + 2, "a log for each process that there was"
    assert "bound" in service.log_of("gateway")
    assert "is set aside: no valid mo.received.v1" in service.log_of("worker")
    keys = Canaries(
        *(ACCOUNT.password, VAULT_KEY.hex(), SUBJECT_KEY.hex(), service.index_key.hex())
    )
    [password] = re.findall(r"://[^:]+:([^@]+)@", service.database_url)
    for log in logs:
        octets = log.read_bytes()
        assert not EVERYTHING.sing_in(octets), log
        assert not keys.sing_in(octets), log
        assert password.encode() not in octets, log


def test_no_span_and_no_metric_holds_any(lived: Lived) -> None:
    for role in (*ROLES, *BESIDE):
        assert lived.recorder.exports[role, "/v1/metrics"], role
    for role in ("gateway", "worker"):
        assert lived.recorder.exports[role, "/v1/traces"], (role, lived.recorder.exports)
    assert searching.in_file(lived.recorder.path, Canaries("deliver_sm"))
    assert not searching.in_file(lived.recorder.path, EVERYTHING)


def test_no_page_holds_any(lived: Lived) -> None:
    assert len(lived.pages) == len(PAGES) * len((*ROLES, *BESIDE)) + 2
    for page in lived.pages:
        assert page
        assert not EVERYTHING.sing_in(page), page


def test_a_dead_letter_is_shown_without_any(lived: Lived) -> None:
    assert len(lived.said) >= 2 + 2 * len(lived.poison)
    for ran in lived.said:
        assert ran.status == 0, ran.err
        assert not EVERYTHING.sing_in((ran.out + ran.err).encode()), ran.out


def test_no_topic_but_one_holds_any(lived: Lived) -> None:
    service, names = lived.service, lived.service.names
    seen = Counter[str]()
    for name in _topics(service):
        for record in searching.records(service.bootstrap, name):
            seen[name] += 1
            if record.value in lived.poison:
                continue
            search = Canaries(*SECRETS) if name == names.mo else EVERYTHING
            assert not search.sing_in(record.value or b""), name
            assert not EVERYTHING.sing_in(searching.octets_of_labels(record)), name
    full = {names.mo, names.mt_urgent, names.mt_normal, names.receipts}
    full |= {names.events, names.subscriptions}
    assert set(seen) - {names.log_heads} == full | {"__consumer_offsets"}
    assert seen[names.mo] >= 4 * PEOPLE


def _topics(service: Service) -> set[str]:
    """Return the topics of this service and Kafka's own; not those of other tests."""
    prefix = service.names.mo.removesuffix(TopicNames().mo)
    there = searching.all_topics(service.bootstrap)
    found = {name for name in there if name.startswith((prefix, "_"))}
    assert {spec.name for spec in service.names.specs()} <= found
    return found


def test_no_column_holds_any(service: Service) -> None:
    searched = set(searching.tables(service.database_url))
    wanted = {"public.events", "public.outbox_default", "public.clients", "public.mo_parts"}
    assert wanted | {"public.dead_letters", "projections.requests"} <= searched
    assert list(searching.tables_with(service.database_url, EVERYTHING)) == []
    assert service.value("SELECT count(*) FROM mo_parts WHERE NOT whole") == PEOPLE
    assert service.value("SELECT count(*) FROM vault") == 0


def test_no_file_of_the_database_holds_any(postgres_server: SharedPostgres, lived: Lived) -> None:
    """What was written and deleted since, and the write-ahead log, too.

    The other databases of the server are those of other tests.
    """
    assert lived.service.value("SELECT count(*) FROM dead_letters") > 0
    data = postgres_server.data_dir / "data"
    [[oid]] = lived.service.rows("SELECT oid FROM pg_database WHERE datname = current_database()")
    own = data / "base" / str(oid)
    assert own.is_dir()
    searched = 0
    for path in searching.files_in(data):
        folder = path.parent
        if folder.parent == own.parent and folder.name.isdigit() and folder != own:
            continue
        searched += 1
        assert not searching.in_file(path, EVERYTHING), path
    assert searched > 100
