"""The service and every kind of its connections over TLS, to a PostgreSQL that demands it.

The server wants a client certificate besides the password, and takes nothing unencrypted.
"""

import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
import pytest_asyncio

from inbound.clock import database_clock
from inbound.keys import VaultCipher
from inbound.local.servers import _system_user
from inbound.local.servers.postgres import PostgresServer
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import LazyConnection, connect
from inbound.store.database_watch import DatabaseWatch
from inbound.store.errors import StoreUnavailable
from inbound.store.migrations.runner import migrate, pending
from inbound.store.outbox import feeds
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from tests.certificates import Authority
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_servers import SharedKafka
from tests.fix_service import Service, open_service
from tests.fix_store import VAULT_KEY, event, inbox_row
from tests.peers.postgres_with_tls import unpack

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY_PASSWORD = "staple"
ONLY_TLS = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
PLAIN: LiteralString = """
    SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
    WHERE datname = current_database() AND NOT ssl
"""
NAMES: LiteralString = """
    SELECT DISTINCT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND starts_with(application_name, 'scserv ')
"""


@dataclass(frozen=True, slots=True)
class Secured:
    server: PostgresServer
    authority: Authority
    stranger: Authority
    certificate: Path

    def url(self, database: str = "scserv", **other: object) -> str:
        wanted = {
            "sslmode": "verify-full",
            "sslrootcert": self.authority.certificate,
            "sslcert": self.certificate,
            "sslkey": self.certificate,
            "sslpassword": KEY_PASSWORD,
            **other,
        }
        given = "&".join(f"{name}={value}" for name, value in wanted.items() if value)
        return f"{self.server.url(database)}&{given}"


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    # PostgreSQL runs as another user, who may not enter pytest's folder.
    with (
        tempfile.TemporaryDirectory(prefix="scserv-tls-") as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        programs = unpack(folder / "programs")
        patch.setattr(_system_user, "programs", lambda _user: programs)
        authority = Authority(folder, "authority")
        certificate = authority.issue("service", password=KEY_PASSWORD)
        certificate.chmod(0o600)  # libpq insists
        own = authority.issue("server")
        own.chmod(0o600)
        _system_user.choose().give(own)
        authority.certificate.chmod(0o644)
        settings = {
            "ssl": "on",
            "ssl_cert_file": str(own),
            "ssl_key_file": str(own),
            "ssl_ca_file": str(authority.certificate),
        }
        with PostgresServer(folder / "postgres", settings=settings) as server:
            (server.data_dir / "data" / "pg_hba.conf").write_text(ONLY_TLS, "utf-8")
            with psycopg.connect(server.url(), autocommit=True) as conn:
                conn.execute("SELECT pg_reload_conf()")
            yield Secured(server, authority, Authority(folder, "stranger"), certificate)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, secured: Secured, kafka_server: SharedKafka
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    async with open_service(folder, secured.url, kafka_server.bootstrap) as service:
        yield service


async def test_a_text_is_answered_and_every_connection_is_encrypted(service: Service) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT info")
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, client.registration]
    await service.completed(client.number)
    names = {name for (name,) in service.rows(NAMES)}
    assert {"scserv store", "scserv relay", "scserv gateway"} <= names, names
    assert service.value(PLAIN) == 0
    ran = await service.command("log", "verify")
    assert ran.status == 0, ran


async def test_tables_are_made_copied_into_and_listened_to(secured: Secured) -> None:
    url = secured.url()
    assert migrate(url)
    store = PostgresStore(url, VaultCipher(VAULT_KEY))
    with connect(url, "tests", long=True) as conn:
        feeds.listen(conn)
        async with store.transaction() as tx:
            row = inbox_row()
            await tx.write(Changes(inbox=[row], events=[event(row.mo_id)]))  # by COPY
        assert feeds.wait_for_rows(conn, 60)
        assert conn.execute(PLAIN).fetchone() == (0,)
    await store.close()


Opening = Callable[[str], Coroutine[None, None, None]]


async def link(url: str) -> None:
    await LazyConnection(url, "tests").get()


async def pool(url: str) -> None:
    await ConnectionPool(url, "tests").run(feeds.listen)


async def plain(url: str) -> None:
    connect(url, "tests").close()


async def migrations(url: str) -> None:
    pending(url)


SAID = {
    "stranger": "shows a certificate that is not trusted",
    "host": "shows a certificate for another host",
    "certificate": "wants a client certificate, another one perhaps: correct sslcert and sslkey",
    "no certificate": "wants a client certificate",
    "no TLS": "lets nobody in from here without TLS",
    "key": "wants a client certificate",
    "no file": "the file of sslrootcert in SCSERV_DATABASE_URL can't be read",
}


@pytest.mark.parametrize("open_", [link, pool, plain, migrations])
@pytest.mark.parametrize("wrong", SAID)
async def test_no_connection_trusts_another_server_or_goes_without_tls(
    secured: Secured, open_: Opening, wrong: str
) -> None:
    stranger = secured.stranger.issue("other", password=KEY_PASSWORD)
    stranger.chmod(0o600)
    url = {
        "stranger": secured.url(sslrootcert=secured.stranger.certificate),
        "host": secured.url().replace("127.0.0.1", "localhost"),
        "certificate": secured.url(sslcert=stranger, sslkey=stranger),
        "no certificate": secured.url(sslcert="", sslkey="", sslpassword=""),
        "no TLS": secured.url(sslmode="disable"),
        "key": secured.url(sslpassword="guess"),
        "no file": secured.url(sslrootcert="/nowhere/authority.pem"),
    }[wrong]
    with pytest.raises(StoreUnavailable) as refused:
        await open_(url)
    assert SAID[wrong] in str(refused.value)
    assert KEY_PASSWORD not in str(refused.value)
    assert "guess" not in str(refused.value)


async def test_when_its_certificate_expires_is_exported(secured: Secured) -> None:
    DatabaseWatch(secured.url(), Health(), skew_max_s=30).ask()
    database_clock.forget()
    found = {dict(labels)["certificate"] for labels in metrics.CERTIFICATE_EXPIRY.values()}
    assert "PostgreSQL at 127.0.0.1" in found
