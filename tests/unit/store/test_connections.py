"""How a database URL is read, named and extended."""

import pytest
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict

from inbound.errors import ScservError, SetupError
from inbound.store.connections import conninfo, describe_database
from inbound.store.errors import Conflict, StoreDefect, StoreUnavailable, translate


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql://me:hunter2@db.example:5433/scserv", "db.example:5433/scserv"),
        ("postgresql://me@db.example", "db.example/me"),
        ("host=db.example dbname=scserv password=hunter2", "db.example/scserv"),
        ("postgresql:///scserv", "the local socket/scserv"),
    ],
)
def test_database_is_named_without_its_password(url: str, named: str) -> None:
    assert describe_database(url) == named


def test_unreadable_url_is_not_repeated() -> None:
    with pytest.raises(SetupError, match="postgresql://user:password@host/name") as caught:
        conninfo("postgresql://me:hunter2@host:not a port/scserv?what", "tests")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


def test_what_the_operator_wrote_wins() -> None:
    url = "postgresql://db/scserv?connect_timeout=1&options=-c%20statement_timeout%3D1s"
    parameters = conninfo_to_dict(conninfo(url, "tests"))
    assert parameters["connect_timeout"] == "1"
    assert str(parameters["options"]).endswith("-c statement_timeout=1s")
    assert parameters["application_name"] == "tests"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (pg.AdminShutdown, StoreUnavailable),
        (pg.CannotConnectNow, StoreUnavailable),
        (pg.DiskFull, StoreUnavailable),
        (pg.TooManyConnections, StoreUnavailable),
        (pg.QueryCanceled, StoreUnavailable),
        (pg.LockNotAvailable, StoreUnavailable),
        (pg.IdleInTransactionSessionTimeout, StoreUnavailable),
        (pg.ReadOnlySqlTransaction, StoreUnavailable),
        (pg.SerializationFailure, Conflict),
        (pg.DeadlockDetected, Conflict),
        (pg.UniqueViolation, Conflict),
        (pg.UndefinedTable, SetupError),
        (pg.NotNullViolation, StoreDefect),
        (pg.InvalidTextRepresentation, StoreDefect),
    ],
)
def test_class_of_an_error_says_what_to_do(
    error: type[pg.Error], expected: type[ScservError]
) -> None:
    translated = translate(error("CANARY"), "db/scserv")
    assert type(translated) is expected
    assert "CANARY" not in str(translated)
    assert str(error.sqlstate) in str(translated)
    assert error.__name__ not in str(translated)


@pytest.mark.parametrize(
    "password", ["pa@ss-canary", "pa/ss-canary", "1/ss-canary", "a/b@ss-canary"]
)
@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_password_that_is_not_percent_encoded_is_never_told(scheme: str, password: str) -> None:
    url = f"{scheme}://u:{password}@db.example.org:5432/scserv?sslmode=require"
    for use in (describe_database, lambda url: conninfo(url, "test")):
        with pytest.raises(SetupError, match="@ is written %40, / is %2F") as raised:
            use(url)
        assert "canary" not in str(raised.value)


def test_a_percent_encoded_password_works() -> None:
    url = "postgresql://u:pa%40s%2Fs@db.example.org:5432/scserv"
    assert describe_database(url) == "db.example.org:5432/scserv"
    assert "password=pa@s/s" in conninfo(url, "test")


def test_sockets_and_several_hosts_are_taken() -> None:
    assert (
        describe_database("postgresql://u@%2Frun%2Fpostgresql/scserv") == "/run/postgresql/scserv"
    )
    assert (
        describe_database("postgresql://a:1,b:2/scserv?target_session_attrs=any")
        == "a:1,b:2/scserv"
    )
    assert describe_database("postgresql://a,b:2/scserv") == "a,b:2/scserv"
    assert describe_database("host=a,b port=1 dbname=x") == "a:1,b:1/x"
    assert describe_database("host=a dbname=b password=p@s/s") == "a/b"


def test_several_hosts_are_tried_for_the_primary() -> None:
    one = conninfo_to_dict(conninfo("postgresql://a/scserv", "tests"))
    assert "target_session_attrs" not in one
    several = conninfo_to_dict(conninfo("postgresql://a,b/scserv", "tests"))
    assert several["target_session_attrs"] == "read-write"
    assert int(str(several["connect_timeout"])) < int(str(one["connect_timeout"]))
    chosen = "postgresql://a,b/scserv?target_session_attrs=any"
    assert conninfo_to_dict(conninfo(chosen, "tests"))["target_session_attrs"] == "any"


def test_a_read_only_session_finds_the_primary_too() -> None:
    for url in ("postgresql://a,b/x", "postgresql://a/x?target_session_attrs=read-write"):
        parameters = conninfo_to_dict(conninfo(url, "tests", read_only=True))
        assert parameters["target_session_attrs"] == "primary"
