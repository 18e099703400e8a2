"""`scserv registrations` and `scserv subscriptions` as they are typed."""

import asyncio
import json
import os
import socket
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from click.testing import CliRunner, Result

from inbound.cli import scserv
from inbound.cli._os_user import os_user
from inbound.errors import SetupError
from inbound.handlers.policies import Policies
from inbound.store.worker_policies import report_policies
from tests.integration.registrations.test_ceilings import ask, crowd, fulfilments, numbers
from tests.integration.streams.world import PostgresBackend, World

pytestmark = pytest.mark.usefixtures("settings_of_the_service")
WHY = ("--reason", "they called us")


async def run(*arguments: str, status: int = 0) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, scserv, arguments)
    if isinstance(result.exception, SetupError):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
async def world(postgres_backend: PostgresBackend) -> World:
    """Eight clients have asked, and three of them are held."""
    world = crowd(postgres_backend)
    await ask(world, numbers(8))
    return world


async def held(*options: str) -> list[dict[str, str]]:
    listed = await run("registrations", "list", "--json", *options)
    return [json.loads(line) for line in listed.output.splitlines()]


async def test_held_requests_are_listed_masked_and_revealed_with_an_entry(world: World) -> None:
    for line in (await run("registrations", "list")).output.splitlines():
        assert "+7916*****0" in line
        assert "minute_ceiling" in line
    shown = {one["number"] for one in await held("--reveal", "ring them up")}
    assert shown == set(numbers(8)[5:])
    entries = (await run("audit")).output.splitlines()
    assert len([line for line in entries if "reveal" in line and "ring them up" in line]) == 3


async def test_the_state_is_shown(world: World) -> None:
    lines = (await run("registrations", "status")).output.splitlines()
    assert lines[0] == "registrations are on"
    assert lines[1:3] == ["sent within a minute: 5 of 20", "sent within an hour: 5 of 120"]
    assert lines[3] == "  asked for through main: 5 of 120 in the hour"
    assert lines[4].startswith("no worker has reported its policies within 90 s: these ceilings")
    assert lines[-1].startswith("held: 3; the first expires at 2024-05-20 15:00")
    state = json.loads((await run("registrations", "status", "--json")).output)
    assert (state["held"], state["minute"]) == (3, {"sent": 5, "ceiling": 20})


async def test_the_ceilings_shown_are_those_of_the_workers(
    world: World, postgres_backend: PostgresBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCSERV_POLICIES__REGISTRATIONS_PER_MINUTE", "7")  # of this command only
    with psycopg.connect(postgres_backend.url, autocommit=True) as connection:
        for name, minute in (("one", 50), ("two", 50), ("three", 60)):
            monkeypatch.setattr(socket, "gethostname", lambda name=name: name)
            rules = Policies(registrations_per_minute=minute, registrations_need="open_case")
            report_policies(connection, rules)
    lines = (await run("registrations", "status")).output.splitlines()
    assert lines[1] == "sent within a minute: 5 of 50"
    assert "sent only to clients with an open case" in lines
    workers = f"one-{os.getpid()}, two-{os.getpid()}"
    assert any(line.startswith(f"ceilings of 2 workers ({workers}), reported ") for line in lines)
    (other,) = (line for line in lines if line.startswith("workers differ! 1 worker (three-"))
    assert "minute 60, hour 120, centre_minute none, centre_hour 120, need open_case" in other
    state = json.loads((await run("registrations", "status", "--json")).output)
    assert [one["minute"] for one in state["workers"]] == [50, 60]
    with psycopg.connect(postgres_backend.url, autocommit=True) as connection:
        connection.execute("UPDATE worker_policies SET seen_at = now() - interval '2 minutes'")
    lines = (await run("registrations", "status")).output.splitlines()
    assert lines[1] == "sent within a minute: 5 of 7"


async def test_requests_are_released_by_id_and_refused_together(world: World) -> None:
    first = (await held())[0]["request_id"]
    assert (await run("registrations", "release", first, *WHY)).output == "released: 1 request\n"
    again = await run("registrations", "release", first, *WHY, status=1)
    assert "not held: 1 request" in again.output
    said = await run("registrations", "refuse", "--all", *WHY)
    assert said.output == "refused: 2 requests\n"
    assert (await run("registrations", "refuse", "--all", *WHY)).output == "refused: 0 requests\n"
    assert fulfilments(world.owed()) == {"registration": 6, "registration_refused": 2}
    entry = (await run("audit", "--limit", "1")).output
    assert f"{os_user()}, refuse registration" in entry


@pytest.mark.parametrize("named", [(), ("--all", "9b260b4f-0000-4000-8000-000000000000")])
async def test_a_release_names_requests_or_all(world: World, named: tuple[str, ...]) -> None:
    with pytest.raises(SetupError, match="name the requests, or give --all"):
        await run("registrations", "release", *named, *WHY)
    with pytest.raises(SetupError, match="--reason: a reason must not contain a phone number"):
        await run("registrations", "release", "--all", "--reason", "of +79161234567")
    assert len(await held()) == 3


async def test_the_switch_says_what_it_did(world: World) -> None:
    off = ("registrations", "off", "--reason", "an attack")
    assert (await run(*off)).output == "registrations are off\n"
    assert (await run(*off)).output == "registrations were off already\n"
    first = (await run("registrations", "status")).output.splitlines()[0]
    assert first.startswith(f"registrations are off, by {os_user()} at ")
    assert first.endswith(": an attack")
    await ask(world, numbers(1, 20))
    assert (await held())[-1]["reason"] == "switched_off"
    assert (await run("registrations", "on", *WHY)).output == "registrations are on\n"


async def test_a_burst_of_stops_is_undone_by_one_command(world: World) -> None:
    since = datetime.now(UTC).isoformat()
    await world.commands([world.text("CLIENT sms stop", number) for number in numbers(4, 20)])
    undo = ("subscriptions", "undo-stops", "--since", since, "--until", "0s", *WHY)
    assert (await run(*undo, "--dry-run")).output.startswith("would be undone: 4 stops; 4 people ")
    assert "subscription.restored" not in await world.types()
    assert (await run(*undo)).output.startswith("undone: 4 stops; 4 people stopped ")
    again = (await run(*undo)).output
    assert again.startswith("undone: 0 stops; 4 people stopped ")
    assert "left alone: 4 people who stopped again later, are on already" in again
    assert "undo stops: they called us" in (await run("audit", "--limit", "1")).output
    assert (await run("audit")).output.count("subscription.restore") == 4
    with pytest.raises(SetupError, match="--until must be later than --since"):
        await run(*undo[:2], "--since", "0s", "--until", since, *WHY)


async def test_the_stop_of_one_person_is_undone(world: World) -> None:
    since = datetime.now(UTC).isoformat()
    wanted, other, repeated = numbers(3, 20)
    await world.commands([world.text("CLIENT sms stop", one) for one in (wanted, other, repeated)])
    until = datetime.now(UTC).isoformat()
    world.now += timedelta(minutes=2)
    await world.commands([world.text("CLIENT sms stop", repeated)])
    undo = ("subscriptions", "undo-stops", "--since", since, "--until", until, *WHY)
    assert (await run(*undo, wanted)).output.startswith("undone: 1 stop; 1 person stopped ")
    again = (await run(*undo, repeated)).output
    assert again.startswith("undone: 0 stops; 1 person stopped ")
    assert (await run(*undo, "+79169999999")).output.startswith("undone: 0 stops; 0 people ")
    assert (await world.types()).count("subscription.restored") == 1
    with pytest.raises(SetupError, match="NUMBER: "):
        await run(*undo, "nobody")
