"""docs/OPERATORS.md, "Upgrades": from the landed release to this one and back, under load.

The database and the topics are first those of the old release, whose processes run from its own
source, and are upgraded while they run. Then each role of the new release runs beside the old one's
and takes over, and gives back in the same order: so each role works once with all that are older,
and once with all that are newer. Roles that are replaced together run in both releases meanwhile.
Nothing is lost, answered twice, or left open.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from itertools import chain
from pathlib import Path
from typing import Final

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from inbound.store.migrations.runner import pending
from tests import forks
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import Role, eventually
from tests.patience import PATIENCE_S
from tests.released.landed import extract_landed
from tests.two_releases import Load, TwoReleases, under

# Two minutes on a quiet machine; each of some twenty processes starts while all others work.
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.drill,
    pytest.mark.timeout(1200),
]

ORDER: Final[tuple[tuple[Role, ...], ...]] = (
    ("relay",),
    ("worker",),
    ("gateway",),
    ("scheduler", "projector"),
    ("api", "desk", "ingress"),
)
"""That of docs/OPERATORS.md; those of one group are replaced together."""

PEOPLE: Final = 8
COMPLETED: Final = "SELECT count(*) FROM events WHERE type = 'request.completed'"
SENT: Final = "SELECT count(*) FROM orders WHERE state = 'sent'"


@pytest_asyncio.fixture(loop_scope="module")
async def service(
    tmp_path: Path, postgres_server: SharedPostgres, kafka_server: SharedKafka
) -> AsyncIterator[TwoReleases]:
    """A service as the old release sets it up, without processes."""
    old_tree = tmp_path / "old"
    old_tree.mkdir()
    extract_landed(old_tree)
    mark = os.urandom(6).hex()
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        name = sql.Identifier(f"upgrade_{mark}")
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    url = postgres_server.url(f"upgrade_{mark}")
    service = TwoReleases(tmp_path, url, kafka_server.bootstrap, f"e2e-{mark}.", old_tree)
    service.extra_environment["SCSERV_POLICIES__COMMANDS_PER_HOUR"] = "0"
    await service.centre.start()
    try:
        where = service.run_python("-c", "import inbound; print(inbound.__file__)")
        assert Path(where).is_relative_to(old_tree)
        await asyncio.to_thread(service.run_old, "migrate")
        await asyncio.to_thread(service.run_old, "topics", "apply")
        yield service
    finally:
        await service.close()


async def scserv(service: TwoReleases, *arguments: str) -> None:
    """Run a command of this release."""
    async with asyncio.timeout(PATIENCE_S):
        done = await service.command(*arguments)
    assert done.status == 0, done.out + done.err


async def replace(service: TwoReleases, load: Load) -> None:
    """Start each role from the other release, and stop the one that it replaces."""
    for roles in ORDER:
        before = [one for one in service.running if one.role in roles]
        after = await service.start(*roles)
        assert sorted(one.role for one in before) == sorted(roles)
        for group, is_old in ((before, not service.is_old), (after, service.is_old)):
            tree = service.old_tree if is_old else forks.REPOSITORY
            assert {service.tree_of(one) for one in group} == {tree}
        await all_answered(service, load)  # both releases have partitions, binds or shards
        for one in before:
            assert await service.stop(one) == 0, service.log_of(one.role)[-2000:]
    await all_answered(service, load)


async def all_answered(service: TwoReleases, load: Load) -> None:
    """Wait until two texts and an order that come from now on, and all before, are answered."""
    texts, orders = load.texts.total() + 2, len(load.orders) + 1
    await eventually(
        lambda: load.ended or (load.texts.total() >= texts and len(load.orders) >= orders),
        lambda: "no more texts or orders are accepted",
    )
    texts, orders = load.texts.total(), len(load.orders)
    await eventually(
        lambda: service.value(COMPLETED) >= texts and service.value(SENT) >= orders,
        lambda: (
            f"{service.value(COMPLETED)} of {texts} requests are completed, and "
            f"{service.value(SENT)} of {orders} orders sent"
        ),
    )


async def test_every_role_is_upgraded_and_goes_back_without_a_gap(service: TwoReleases) -> None:
    await service.start(*chain.from_iterable(ORDER))
    *numbers, ordered = service.new_numbers(PEOPLE + 1)
    service.import_clients_of([*numbers, ordered])
    load = await asyncio.to_thread(Load, service, numbers, ordered)
    async with under(load):
        await all_answered(service, load)
        await scserv(service, "migrate")
        await scserv(service, "topics", "apply")
        assert pending(service.database_url) == []
        await all_answered(service, load)
        service.is_old = False
        await replace(service, load)
        service.is_old = True
        await replace(service, load)
    await all_answered(service, load)
    for number in numbers:
        assert len(service.accepted(number)) == load.texts[number]
        await service.script.replies(number, 2 * load.texts[number])
        assert len(service.script.texts_to(number)) == 2 * load.texts[number]
    assert sorted(service.script.texts_to(ordered)) == sorted(load.orders)
    assert service.value("SELECT count(*) FROM dead_letters") == 0
    await scserv(service, "log", "verify", "--kafka")
    await scserv(service, "projections", "verify")
