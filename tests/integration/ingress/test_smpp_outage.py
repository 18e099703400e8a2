"""What the SMPP server logs while its database is away: the begin and the end, loop by loop."""

import logging

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from inbound.ingress.smpp import delivering, long_messages, outages
from tests.integration.ingress.smpp_world import bind, create_account, eventually, serving

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

LOOPS = {
    "counts of links over SMPP",
    "checks of links over SMPP",
    "parts of long messages over SMPP",
    "deliveries over SMPP",
}
AGAIN = "the database can be reached again: "
ALLOW = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


async def test_each_loop_logs_the_begin_and_the_end_of_an_outage(
    database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_messages, "SWEEP_S", 0.1)
    monkeypatch.setattr(delivering, "_LONG_BREAK_S", 0.1)
    caplog.set_level(logging.INFO, outages.__name__)

    def logged(beginning: str, end: str) -> set[str]:
        lines = [one.getMessage() for one in caplog.records if one.name == outages.__name__]
        return {loop for loop in LOOPS if any(f"{beginning}{loop}{end}" in line for line in lines)}

    shop = create_account("shop")
    name = sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
    administrator = make_conninfo(database_url, dbname="postgres")
    async with serving() as (port,):
        await bind(port, shop)
        with psycopg.connect(administrator, autocommit=True) as conn:
            conn.execute(ALLOW.format(name, sql.SQL("false")))
            conn.execute(END_SESSIONS, [conninfo_to_dict(database_url)["dbname"]])
            await eventually(lambda: logged("", " wait: ") == LOOPS)
            assert not logged(AGAIN, " continue")
            conn.execute(ALLOW.format(name, sql.SQL("true")))
        await eventually(lambda: logged(AGAIN, " continue") == LOOPS)
    ends = [record for record in caplog.records if AGAIN in record.getMessage()]
    assert len(ends) == len(LOOPS)
