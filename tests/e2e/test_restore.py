"""The runbook of docs/OPERATORS.md, "Restoring a backup", on real servers with their own programs.

Kafka outlives the database. What was sent since the backup is not sent again, what people decided
since counts, and the log is what it was.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.e2e.backups import Backup, BaseBackup, BeforeDamage, Dump
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.e2e.test_orders import TEXT, notify, state_of
from tests.fix_own_servers import OwnServers
from tests.fix_service import ROLES, STARTED, Service, eventually, open_service
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

REASON: Final = "the disk of the database broke"
WRITERS: Final = ("gateway", "worker", "relay", "scheduler", "api", "desk", "ingress")
"""The roles that write events, or publish them, or send by what the database says."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, own_servers: OwnServers
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    bootstrap = own_servers.kafka.bootstrap
    async with open_service(folder, own_servers.postgres.url, bootstrap) as service:
        yield service


async def published(service: Service) -> None:
    """Wait until the relay has published the whole log and the outbox."""
    query = """
        SELECT (SELECT position FROM outbox_cursors WHERE feed = 'events')
             = (SELECT max(position) FROM events)
    """
    await eventually(lambda: service.value(query), lambda: "the relay lags")


@dataclass
class People:
    """What each of five people does: before the backup, after it, and after the restore."""

    mark: str
    """What the keys of their orders end in."""
    known: str
    """Stops before the backup and starts after it."""
    waiting: str
    """Stops just before the backup; the answer is sent after it."""
    new: str
    """Is known only after the backup, when they stop."""
    gone: str
    """Stops before the backup and is erased after it."""
    ordered: str
    """Gets a message that was ordered just before the backup, and one ordered after it."""


AFTER: Final = "Заявка 8 выполнена."


async def before_and_after(service: Service, people: People, backup: Backup) -> tuple[str, str]:
    """Take a backup in the middle of work; return the ids of both orders."""
    for number in (people.known, people.gone):
        await service.text(number, "CLIENT sms stop")
    await service.completed(people.known, people.gone)
    # Without a relay, what is queued is in the database and not in Kafka.
    await service.stop(service.one("relay"))
    await service.text(people.waiting, "CLIENT sms stop")
    await eventually(
        lambda: service.accepted(people.waiting) == ["sms_stop"], lambda: "not accepted"
    )
    _, first = await notify(service, people.ordered, "--once", f"first-{people.mark}")
    await backup.take()
    await service.start("relay")
    await service.text(people.known, "CLIENT sms start")
    await service.text(people.new, "CLIENT sms stop")
    await service.completed(people.waiting, people.new)
    await service.completed(people.known, requests=2)
    _, second = await notify(service, people.ordered, "--once", f"second-{people.mark}", text=AFTER)
    orders = str(first["id"]), str(second["id"])
    await all_sent(service, orders)
    erased = await service.command("erase", "--phone", people.gone, "--reason", REASON, "--yes")
    assert erased.status == 0, erased.err
    await published(service)
    return orders


async def all_sent(service: Service, orders: tuple[str, str]) -> None:
    def states() -> list[str]:
        return [state_of(service, order) for order in orders]

    await eventually(lambda: states() == ["sent", "sent"], lambda: f"{states()}")


async def nothing_starts_before_the_recovery(service: Service, last: int, published: int) -> None:
    """What a role would write now gets positions that were published already."""
    ends = f"the log in the database ends with event {last}, and event {published} is on Kafka"
    async with asyncio.timeout(PATIENCE_S):
        refused = await asyncio.gather(*(service.command(role) for role in WRITERS))
    for role, ran in zip(WRITERS, refused, strict=True):
        assert ran.status == 2, f"{role}: {ran.err}"
        assert ends in ran.err, f"{role}: {ran.err}"
    assert len(service.events()) == last
    status = await service.command("status")
    assert status.status == 1
    assert f"The log ends with event {last}, and event {published} was published" in status.out


@pytest.mark.parametrize("kind", [Dump, BaseBackup, BeforeDamage])
async def test_nothing_is_lost_or_sent_again_after_a_restore(
    service: Service,
    own_servers: OwnServers,
    tmp_path: Path,
    kind: type[Dump | BaseBackup],
) -> None:
    numbers = service.new_numbers(5)
    people = People(kind.__name__, *numbers)
    service.import_clients_of(numbers)
    backup = kind(service, own_servers.postgres, tmp_path)
    await backup.begin()
    orders = await before_and_after(service, people, backup)
    log = service.events()
    running = await service.command("log", "recover", "--reason", REASON, "--yes")
    assert running.status == 2, running.out
    assert all(f"{role} " in running.err for role in ROLES), running.err
    for one in list(service.running):
        await service.kill(one)
    sent = {number: service.script.texts_to(number) for number in numbers}

    await backup.restore()
    restored = service.events()
    assert len(restored) < len(log)
    await nothing_starts_before_the_recovery(service, len(restored), len(log))
    done = await service.command("log", "recover", "--reason", REASON, "--yes")
    assert done.status == 0, done.err
    assert f"to {len(log)}, the last of" in done.out
    assert "1 new person got the number back" in done.out
    assert "1 person was erased again" in done.out
    assert service.events()[: len(log)] == log
    verified = await service.command("log", "verify", "--kafka")
    assert verified.status == 0, verified.out
    again = await service.command("log", "recover", "--reason", REASON, "--yes")
    assert "the log is complete" in again.out

    await service.start()
    # Whoever orders the lost order again gets the same one.
    _, repeated = await notify(
        service, people.ordered, "--once", f"second-{people.mark}", text=AFTER
    )
    assert repeated["id"] == orders[1]
    await all_sent(service, orders)
    await service.text(people.new, "CLIENT sms start")
    await service.completed(people.new, requests=2)
    await published(service)
    assert service.accepted(people.new) == ["sms_stop", "sms_start"], "another subject"
    assert service.script.texts_to(people.new)[len(sent[people.new]) :] == [
        ACKNOWLEDGEMENT,
        STARTED,
    ]
    for number in numbers:
        if number != people.new:
            assert service.script.texts_to(number) == sent[number]
    assert sorted(sent[people.ordered]) == sorted([TEXT, AFTER])
    assert service.accepted(people.gone) == []
