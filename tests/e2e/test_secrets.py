"""Canaries go through the whole service, a kill included, and are looked for everywhere.

A personal code, a login and a password may stand nowhere in the clear; a number and a text
in `sms.mo.v1` alone. They are looked for as they are, in UTF-16, in hex and in base64.
"""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from inbound.servers.kafka import KafkaServer
from inbound.servers.postgres import PostgresServer
from tests.canaries import Canaries
from tests.e2e.script import ACCOUNT, Submit
from tests.fix_service import SUBJECT_KEY, VAULT_KEY, Client, Service, open_service

SECRETS = "code-canary", "login-canary", "pass-canary"
NUMBERS, TEXT = "792555501", "text-canary"
PEOPLE = 40
MOMENT = 10
UDHI = 0x40
UCS_2 = 0x08


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: PostgresServer,
    kafka_server: KafkaServer,
) -> AsyncIterator[Service]:
    """A service that logs as much as it can, after everything has happened to it."""
    folder = tmp_path_factory.mktemp("service")
    async with open_service(
        folder,
        postgres_server.url,
        kafka_server.bootstrap,
        {"SCSERV_LOG_LEVEL": "debug"},
    ) as service:
        service.revive()
        await _live_through_it(service)
        yield service


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
    await service.completed(*(client.number for client in clients), within_s=60)
    texts = [text for client in clients for text in service.script.texts_to(client.number)]
    assert all(client.registration in texts for client in clients), "the canaries never flew"


EVERYTHING = Canaries(*SECRETS, NUMBERS, TEXT)


def test_the_search_finds_what_is_there() -> None:
    for octets in (
        b'{"login": "login-canary-3"}',
        "pass-canary".encode("utf-16-be"),
        b64encode(b"x text-canary y"),
        b64encode(b"{+79255550133}"),
        b"code-canary".hex().encode(),
    ):
        assert EVERYTHING.sing_in(octets), octets


def test_no_log_holds_any(
    service: Service, postgres_server: PostgresServer, kafka_server: KafkaServer
) -> None:
    logs = [*service.folder.glob("*.log"), postgres_server.log, kafka_server.log]
    assert len(logs) >= 3 * 2 + 2, "a log for each process that there was"
    assert "bound" in service.log_of("gateway")
    keys = Canaries(ACCOUNT.password, VAULT_KEY.hex(), SUBJECT_KEY.hex())
    [password] = re.findall(r"://[^:]+:([^@]+)@", service.database_url)
    for log in logs:
        octets = log.read_bytes()
        assert not EVERYTHING.sing_in(octets), log
        assert not keys.sing_in(octets), log
        assert password.encode() not in octets, log


def test_no_topic_but_one_holds_any(service: Service) -> None:
    names = service.names
    seen = Counter[str]()
    for spec in names.specs():
        for record in service.records(spec.name):
            seen[spec.name] += 1
            allowed = spec.name == names.mo
            search = Canaries(*SECRETS) if allowed else EVERYTHING
            labels = b"\n".join([record.key or b"", *_headers(record.headers)])
            assert not search.sing_in(record.value or b""), spec.name
            assert not EVERYTHING.sing_in(labels), spec.name
    full = {names.mo, names.mt_urgent, names.mt_normal, names.receipts, names.events}
    assert set(seen) - {names.log_heads} == full  # heads come once in a while
    assert seen[names.mo] >= 4 * PEOPLE


def _headers(headers: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    for name, value in headers:
        yield name.encode()
        yield value


def test_no_column_holds_any(service: Service) -> None:
    with psycopg.connect(service.database_url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        assert {"events", "outbox_default", "clients", "mo_parts"} <= {name for (name,) in tables}
        for (table,) in tables:
            for row in connection.execute(
                sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
            ):
                octets = b"\n".join(v if isinstance(v, bytes) else repr(v).encode() for v in row)
                assert not EVERYTHING.sing_in(octets), table
    assert service.value("SELECT count(*) FROM mo_parts") == PEOPLE
    assert service.value("SELECT count(*) FROM vault") == 0


def test_no_file_of_the_database_holds_any(postgres_server: PostgresServer) -> None:
    """What was written and deleted since, and the write-ahead log, too."""
    searched = 0
    for path in (postgres_server.data_dir / "data").rglob("*"):
        if _is_data(path):
            searched += 1
            assert not EVERYTHING.sing_in(path.read_bytes()), path
    assert searched > 100


def _is_data(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
