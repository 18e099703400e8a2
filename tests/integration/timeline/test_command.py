"""`scserv timeline` and `scserv audit` as they are typed."""

import asyncio
import json
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from inbound.cli import scserv
from inbound.cli._os_user import os_user
from inbound.errors import SetupError
from schemas.messages import Outcome
from tests.fix_store import NOON
from tests.integration.streams.world import CODE, LOGIN, NUMBER, PASSWORD, STRANGER, World

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


def run(*arguments: str, columns: int = 80) -> Result:
    """Run a command; what the operator has to change is raised."""
    result = CliRunner().invoke(scserv, arguments, env={"COLUMNS": str(columns)})
    if isinstance(result.exception, SetupError):
        raise result.exception
    return result


async def three_requests(world: World) -> None:
    """All of NUMBER, ten minutes apart; the first is answered."""
    for n, text in enumerate(["CLIENT info", "CLIENT sms stop", "CLIENT sms start"]):
        world.now = NOON + timedelta(minutes=10 * n)
        await world.commands([world.text(text)])
    first = world.owed()[0]
    await world.delivery([world.results(world.result(first, Outcome.SUBMITTED))])
    world.now += timedelta(minutes=1)
    await world.commands([world.text("CLIENT  info")])


async def test_all_of_a_number_newest_first_and_masked(postgres_world: World) -> None:
    await three_requests(postgres_world)
    result = run("timeline", "--phone", NUMBER, "--lang", "en")
    assert result.exit_code == 0
    said = [line for line in result.output.splitlines() if line.startswith(("Your", "A text"))]
    assert [line.split("reached")[0].strip() for line in said] == [
        "A text that",
        "Your text with the command CLIENT sms start",
        "Your text with the command CLIENT sms stop",
        "Your text with the command CLIENT info",
    ]
    assert "+7916*****67" in result.output
    for secret in (NUMBER, NUMBER[1:], NUMBER[2:], CODE, LOGIN, PASSWORD):
        assert secret not in result.output


@pytest.mark.parametrize("columns", [60, 80, 120])
async def test_it_fits_its_terminal(postgres_world: World, columns: int) -> None:
    await three_requests(postgres_world)
    for lang in ("ru", "en"):
        result = run("timeline", "--phone", NUMBER, "--lang", lang, columns=columns)
        assert max(map(len, result.output.splitlines())) <= columns
        assert "…" not in result.output
        assert "\x1b" not in result.output


async def test_a_page_names_the_next(postgres_world: World) -> None:
    await three_requests(postgres_world)
    first = run("timeline", "--phone", NUMBER, "--lang", "en", "--limit", "2")
    [line] = [line for line in first.output.splitlines() if "--until" in line]
    assert line.startswith("older requests not shown: 1; show them with: --until ")
    until = line.split()[-1]
    second = run("timeline", "--phone", NUMBER, "--lang", "en", "--until", until)
    assert "CLIENT info" in second.output
    assert "CLIENT sms stop" not in second.output


async def test_json_is_the_timeline_itself(postgres_world: World) -> None:
    await three_requests(postgres_world)
    [line] = run("timeline", "--phone", NUMBER, "--json").output.splitlines()
    timeline = json.loads(line)
    assert timeline["number"] == "+7916*****67"
    assert timeline["language"] == "ru"
    assert [request["command"] for request in timeline["requests"]] == [
        "sms_start",
        "sms_stop",
        "client_info",
    ]
    assert timeline["requests"][0]["steps"][0]["local"].endswith("+03:00")
    assert [miss["kind"] for miss in timeline["misses"]] == ["spacing"]
    request_id = timeline["requests"][2]["request_id"]
    [line] = run("timeline", "--request", request_id, "--json").output.splitlines()
    assert json.loads(line)["requests"] == [timeline["requests"][2]]


async def test_the_zone_is_a_setting(
    postgres_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await three_requests(postgres_world)
    monkeypatch.setenv("SCSERV_TIME_ZONE", "Asia/Vladivostok")
    assert "22:00:00" in run("timeline", "--phone", NUMBER).output
    monkeypatch.setenv("SCSERV_TIME_ZONE", "Mars/Olympus")
    with pytest.raises(SetupError, match=r"SCSERV_TIME_ZONE.*is not a time zone"):
        run("timeline", "--phone", NUMBER)


async def test_a_reveal_is_in_the_audit(postgres_world: World) -> None:
    await three_requests(postgres_world)
    assert NUMBER in run("timeline", "--phone", NUMBER, "--reveal", "case 12").output
    recorded = run("audit").output
    assert f"{os_user()}, timeline.reveal, subject " in recorded
    assert recorded.rstrip().endswith(": case 12")
    assert NUMBER[2:] not in recorded
    entry = json.loads(run("audit", "--json", "--since", "1h").output)
    assert (entry["actor"], entry["reason"]) == (os_user(), "case 12")
    assert "no entries since 2001" not in recorded
    assert run("audit", "--since", "2999-01-01").output.startswith("no entries since")


def test_nothing_arrived() -> None:
    result = run("timeline", "--phone", NUMBER, "--lang", "en")
    assert (result.exit_code, "We have no record of a text from this number." in result.output) == (
        0,
        True,
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give exactly one of --phone, --request, --order, --message-id, --trace"),
        (["--phone", NUMBER, "--request", "x"], "give exactly one of"),
        (["--phone", "12"], "--phone: "),
        (["--request", "17"], "--request: not an id like"),
        (["--order", "17"], "--order: not an id like"),
        (["--trace", "17"], "--trace: not a trace id"),
        (["--phone", NUMBER, "--since", "tomorrow"], "--since: 'tomorrow' is not"),
        (["--phone", NUMBER, "--since", "1h", "--until", "2h"], "--until must be later"),
        (["--phone", NUMBER, "--reveal", " "], "--reveal: a reason is needed"),
        (["--phone", NUMBER, "--reveal", NUMBER], "--reveal: a reason must not contain a phone"),
    ],
)
def test_bad_input_gets_a_clear_line(arguments: list[str], complaint: str) -> None:
    with pytest.raises(SetupError) as refused:
        run("timeline", *arguments)
    assert str(refused.value).startswith(complaint)
    assert NUMBER not in str(refused.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--request", "7a0a6442-bd60-4496-9d09-36b591bc1f08"],
        ["--message-id", "17"],
        ["--trace", "0af7651916cd43dd8448eb211c80319c"],
    ],
)
def test_an_id_that_leads_nowhere(arguments: list[str]) -> None:
    result = run("timeline", *arguments)
    assert result.exit_code == 1
    assert result.output.startswith(("no request has", "no request or order has"))


# -- the raw events beside it ------------------------------------------------------------------


async def test_raw_events_of_a_person(postgres_world: World) -> None:
    await three_requests(postgres_world)

    async def lines(*arguments: str) -> list[str]:
        result = await asyncio.to_thread(run, "events", *arguments)  # it has a loop of its own
        assert result.exit_code == 0
        return result.output.splitlines()

    of_phone = await lines("--phone", NUMBER)
    events = [json.loads(line) for line in of_phone]
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["data"]["command"] == "client_info"
    assert await lines("--subject", events[0]["subject"]) == of_phone
    assert await lines("--phone", STRANGER) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give exactly one of"),
        (["--phone", "1"], "--phone: "),
        (["--subject", "1"], "--subject: "),
        (["--order", "1"], "--order: "),
        (["--account", "shop", "--broadcast", "1"], "give exactly one of"),
    ],
)
def test_raw_events_of_nobody(arguments: list[str], complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint):
        run("events", *arguments)
