"""Each cause for which PostgreSQL can't be used says what it is, on real servers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from inbound.local.servers.postgres import PostgresServer
from inbound.store.connections import connect
from inbound.store.errors import StoreUnavailable
from tests.certificates import Authority
from tests.fix_service import free_port

PASSWORD = "s3cret-password"


def reason(url: str) -> str:
    """Return what a process says of a database, which is one line without any secret."""
    with pytest.raises(StoreUnavailable) as failed:
        connect(url, "tests")
    said = str(failed.value)
    assert "\n" not in said
    assert PASSWORD not in said
    assert failed.value.__cause__ is None
    return said


def changed(url: str, **parts: str) -> str:
    """Return a URL with other parts."""
    scheme, _, rest = url.partition("://")
    who, _, where = rest.rpartition("@")
    user, _, password = who.partition(":")
    address, _, name = where.partition("/")
    database, _, options = name.partition("?")
    given = {
        "user": user,
        "password": password,
        "address": address,
        "database": database,
        "options": options,
    } | parts
    return "{}://{user}:{password}@{address}/{database}?{options}".format(scheme, **given)


def test_a_wrong_password(database_url: str) -> None:
    said = reason(changed(database_url, password=PASSWORD))
    assert "refuses this user with this password: correct" in said
    assert "SCSERV_DATABASE_URL" in said


def test_no_password(database_url: str) -> None:
    assert "wants a password, and SCSERV_DATABASE_URL has none" in reason(
        changed(database_url, password="")
    )


def test_a_missing_database(database_url: str) -> None:
    assert "has no database of this name: create it" in reason(
        changed(database_url, database="nowhere")
    )


def test_nothing_listens() -> None:
    said = reason(f"postgresql://user:{PASSWORD}@127.0.0.1:{free_port()}/scserv")
    assert "nothing listens there: start it, or correct host and port" in said


def test_no_host_has_the_name() -> None:
    assert "has an unknown host name: correct the host" in reason(
        f"postgresql://user:{PASSWORD}@nowhere.invalid/scserv"
    )


def test_no_tls_there(database_url: str) -> None:
    assert "has no TLS: switch `ssl` on there" in reason(
        changed(database_url, options="sslmode=require")
    )


class Secured:
    """A PostgreSQL that lets nobody in without TLS."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder, "authority")
        self.stranger = Authority(folder, "stranger")
        with PostgresServer(folder / "postgres") as first:
            data = next(first.data_dir.rglob("pg_hba.conf")).parent
        owner = data.stat()
        certificate = data / "server.pem"
        certificate.write_bytes(self.authority.issue("server").read_bytes())
        certificate.chmod(0o600)
        os.chown(certificate, owner.st_uid, owner.st_gid)
        (data / "pg_hba.conf").write_text("hostssl all all all scram-sha-256\n")
        tls = {"ssl": "on", "ssl_cert_file": "server.pem", "ssl_key_file": "server.pem"}
        self.server = PostgresServer(folder / "postgres", settings=tls)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("secured"))
    with made.server:
        yield made


def verified(secured: Secured, authority: Authority) -> str:
    options = f"sslmode=verify-full&sslrootcert={authority.certificate}"
    return changed(secured.server.url(), options=options)


def test_it_wants_tls(secured: Secured) -> None:
    said = reason(changed(secured.server.url(), options="sslmode=disable"))
    assert "lets nobody in from here without TLS" in said
    assert "sslmode=verify-full" in said


def test_with_tls_it_works(secured: Secured) -> None:
    with connect(verified(secured, secured.authority), "tests") as conn:
        assert conn.pgconn.ssl_in_use


def test_an_unknown_authority(secured: Secured) -> None:
    said = reason(verified(secured, secured.stranger))
    assert "shows a certificate that is not trusted" in said


def test_another_host(secured: Secured) -> None:
    url = verified(secured, secured.authority).replace("127.0.0.1", "localhost")
    assert "shows a certificate for another host" in reason(url)


def test_the_file_of_the_authority_is_missing(secured: Secured) -> None:
    secured.stranger.certificate.with_name("gone.pem").unlink(missing_ok=True)
    url = verified(secured, secured.authority).replace("authority.pem", "gone.pem")
    assert "the file of sslrootcert in SCSERV_DATABASE_URL can't be read" in reason(url)


def test_its_certificate_is_watched(secured: Secured) -> None:
    from inbound.clock import database_clock
    from inbound.ops import metrics
    from inbound.ops.health import Health
    from inbound.store.database_watch import DatabaseWatch

    DatabaseWatch(verified(secured, secured.authority), Health(), 30).ask()
    database_clock.forget()
    found = {dict(labels)["certificate"] for labels in metrics.CERTIFICATE_EXPIRY.values()}
    assert "PostgreSQL at 127.0.0.1" in found
