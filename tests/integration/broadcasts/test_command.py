"""`scserv broadcast` as an editor types it."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.errors import SetupError
from inbound.handlers.broadcasts import BroadcastAction
from tests.integration.broadcasts.commands import create, run, table, timeline
from tests.integration.broadcasts.conftest import Bench, number
from tests.integration.broadcasts.test_broadcasts import opt_out

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


async def test_excluded_rows_keep_all_columns_and_load_again(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients(map(number, range(3)))
    await opt_out(bench, number(1))
    path = table(
        tmp_path,
        f"{number(0)},Ann,Omsk",
        f"{number(1)},Bob,Perm",
        f"{number(0)},Ann again,Omsk",
        f"{number(9)},Cid,Tomsk",
        ",Dan,Kazan",
        f"{number(2)},,Ufa",
    )
    id_ = create(path)["id"]
    file = tmp_path / "excluded.xlsx"
    run("excluded", id_, "--file", str(file))
    # The people concerned are clients now, and nobody has opted out of anything.
    bench.add_clients([number(9)])
    bench.conn.execute("DELETE FROM subject_states")
    again = create(file)
    assert (again["recipients"], again["excluded_by_reason"]) == (2, {"no_number": 2, "fields": 1})
    rest = tmp_path / "rest.csv"
    run("excluded", again["id"], "--file", str(rest))
    lines = rest.read_text("utf-8-sig").splitlines()
    assert lines[0] == "row,state,reason,time,msisdn,name,town"
    assert lines[1].endswith(",,Ann again,Omsk")
    assert lines[2].endswith(",,Dan,Kazan")
    assert lines[3].endswith(f",{number(2)},,Ufa")


@pytest.mark.parametrize("header", ["msisdn", "msisdn,name,town"])
def test_a_repeated_row_is_no_recipient_of_another_broadcast(
    bench: Bench, tmp_path: Path, header: str
) -> None:
    bench.add_clients([number(0)])
    rows = [number(0), number(0)] if header == "msisdn" else [f"{number(0)},Ann,Omsk"] * 2
    first = create(table(tmp_path, *rows, header=header), "Closed.")
    assert (first["recipients"], first["excluded_by_reason"]) == (1, {"repeated": 1})
    file = tmp_path / "excluded.csv"
    run("excluded", first["id"], "--file", str(file))
    assert f"in row 2; msisdn was {number(0)}" in file.read_text("utf-8-sig")
    second = create(file, "Closed.")
    assert (second["recipients"], second["excluded_by_reason"]) == (0, {"no_number": 1})


def test_the_file_of_excluded_rows_is_named_by_its_option(bench: Bench, tmp_path: Path) -> None:
    id_ = create(table(tmp_path, "123,Ann,Omsk"))["id"]
    file = tmp_path / "excluded.csv"
    file.touch()
    with pytest.raises(SetupError, match=r"excluded rows \(it exists\).*--file"):
        run("excluded", id_, "--file", str(file))


@pytest.mark.parametrize(
    ("language", "said", "row"),
    [
        ("en", "notifications had been switched off; if they still are", "4 (repeated)"),
        (
            "ru",
            "СМС-уведомления и СМС-оповещения были отключены; если они ещё отключены",
            "4 (номер повторяется)",
        ),
    ],
)
async def test_a_timeline_names_broadcasts_that_left_somebody_out(
    bench: Bench, language: str, said: str, row: str
) -> None:
    bench.add_clients(map(number, range(3)))
    await opt_out(bench, number(1))
    one = bench.create([f"{number(0)},Ann", f"{number(1)},Bob", f"{number(0)},Ann"])
    asked = ("--lang", language, "--json")
    assert (await timeline(number(1), *asked))["excluded"] == []  # it is a draft
    bench.act(one, BroadcastAction.START)
    await bench.rounds(2)
    left_out = await timeline(number(1), *asked)
    [excluded] = left_out["excluded"]
    assert (excluded["broadcast"], excluded["reason"], excluded["row"]) == (
        "Spring",
        "opted_out",
        3,
    )
    assert said in excluded["sentence"]
    assert left_out["sentence"].startswith(excluded["sentence"])
    sent = await timeline(number(0), *asked)
    assert [order["broadcast"] for order in sent["orders"]] == ["Spring"]
    assert [row["reason"] for row in sent["excluded"]] == ["repeated"]
    options = ("--phone", number(0), "--lang", language)
    printed = await asyncio.to_thread(run, *options, command="timeline")
    assert printed.count(f"Spring ({one.broadcast_id})") == 2
    assert row in printed


async def test_a_draft_shows_what_it_sends_and_what_its_account_can_not(
    bench: Bench, tmp_path: Path
) -> None:
    bench.add_clients(map(number, range(4)))
    change = ("--per-day", "3", "--price", "2.5", "--balance", "5", "--pattern", "Dear .*")
    CliRunner().invoke(scserv, ["accounts", "change", "default", *change], catch_exceptions=False)
    rows = [f"{number(n)},{name},Omsk" for n, name in enumerate(("Ann", "Bob", "Cid", "Д" * 90))]
    made = create(table(tmp_path, *rows), "{name}, the office is closed.")
    assert (made["text"], made["sample"]) == (
        "{name}, the office is closed.",
        "Ann, the office is closed.",
    )
    assert (made["recipients"], made["parts"], made["most_parts"]) == (4, 5, 2)
    assert (made["price"], made["balance"], made["currency"]) == ("12.50", "5.00", "RUB")
    reasons = [warning["reason"] for warning in made["warnings"]]
    assert reasons == ["text_not_allowed", "daily_limit", "balance"]
    shown = run("show", made["id"])
    for line in (
        "to the first recipient: Ann, the office is closed.",
        "the longest text has 2 SMS parts, all texts 5 SMS parts at most",
        "costs 12.50 RUB at most; balance 5.00 RUB",
        "may send 3 messages a day and has sent 0: 1 of 4 recipients would be refused",
        "raise the limit with `scserv accounts change default --per-day 4`",
        "top it up with `scserv accounts change default --top-up 7.50`",
        "Europe/Moscow",
    ):
        assert line in shown
    assert " UTC" not in shown
    for fix in (("--per-day", "4"), ("--top-up", "7.5"), ("--any-text",)):
        CliRunner().invoke(scserv, ["accounts", "change", "default", *fix], catch_exceptions=False)
    assert json.loads(run("show", made["id"], "--json"))["warnings"] == []


def test_a_broadcast_that_waits_for_its_hours_says_until_when(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients([number(0)])
    now = datetime.now(ZoneInfo("Europe/Moscow"))
    opens, closes = now + timedelta(hours=2), now + timedelta(hours=3)
    made = create(
        table(tmp_path, f"{number(0)},Ann,Omsk"),
        "Closed.",
        *("--hours", f"{opens:%H:%M}-{closes:%H:%M}"),
    )
    assert made["waits_until"] is None
    said = run("start", made["id"])
    assert f"it waits for its sending hours until {opens:%Y-%m-%d %H:%M}:00 Europe/Moscow" in said
    listed = run("list")
    assert "0 of 1 sent  Spring" in listed
    run("cancel", made["id"])
    with pytest.raises(SetupError, match="it is cancelled; a broadcast can be started while it is"):
        run("start", made["id"])


def test_a_template_says_which_languages_it_lacks(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients([number(0)])
    template = ["templates", "create", "closed", "--ru", "Закрыто до {day}.", "--field", "day:date"]
    CliRunner().invoke(scserv, template, catch_exceptions=False)
    path = table(tmp_path, f"{number(0)},2026-05-17", header="msisdn,day")
    made = json.loads(
        run(
            *("create", "--name", "Spring", "--template", "closed", "--audience", str(path)),
            "--json",
        )
    )
    assert (made["sample"], made["sample_language"]) == ("Закрыто до 17.05.2026.", "ru")
    assert made["missing_languages"] == ["en"]
    assert "template closed, version 1, the newest when the draft" in run("show", made["id"])
    short = table(tmp_path, number(0), header="msisdn")
    with pytest.raises(SetupError, match="no column for day; its columns are A “msisdn”;"):
        run("create", "--name", "A", "--template", "closed", "--audience", str(short))


@pytest.mark.parametrize(
    "option",
    [
        ("--client-id", "K0000*"),
        ("--client-id", ""),
        ("--language", "en"),
        ("--open-case",),
        ("--updated-since", "3d"),
    ],
)
def test_a_filter_of_clients_is_refused_with_a_table(
    bench: Bench, tmp_path: Path, option: tuple[str, ...]
) -> None:
    bench.add_clients([number(0)])
    path = table(tmp_path, f"{number(0)},Ann,Omsk")
    with pytest.raises(SetupError, match=f"{option[0]}: .*not a table; use it with --audience all"):
        create(path, "Closed.", *option)
    assert "no broadcasts yet" in run("list")


def test_an_option_of_tables_is_refused_with_all_clients(bench: Bench) -> None:
    bench.add_clients([number(0)])
    with pytest.raises(SetupError, match=r"--map, --sheet: .*not all clients"):
        create(Path("all"), "Closed.", "--map", "msisdn=#B", "--sheet", "May")


def test_start_says_when_and_moves_a_scheduled_broadcast_only_when_told(
    bench: Bench, tmp_path: Path
) -> None:
    bench.add_clients([number(0)])
    id_ = create(table(tmp_path, f"{number(0)},Ann,Omsk"), "Closed.")["id"]
    first, second = "2090-05-17 21:40:00 Europe/Moscow", "2090-05-17 22:00:00 Europe/Moscow"
    assert run("start", id_, "--at", "2090-05-17T21:40") == f"Spring starts at {first}\n"
    for action in ("start", "confirm", "resume", "approve"):
        with pytest.raises(SetupError, match=f"It starts at {first}"):
            run(action, id_)
    moved = run("start", id_, "--at", "2090-05-17T22:00")
    assert moved == f"Spring starts at {second}, not at {first}\n"
    entries = bench.conn.execute("SELECT action, reason FROM audit ORDER BY id").fetchall()
    was, is_ = "2090-05-17 18:40:00 UTC", "2090-05-17 19:00:00 UTC"
    assert entries == [
        ("broadcast.create", "Spring"),
        ("broadcast.start", f"Spring, starts at {was}"),
        ("broadcast.move", f"Spring, starts at {is_}, not at {was}"),
    ]
    history = json.loads(run("show", id_, "--json"))["history"]
    assert [step["action"] for step in history] == ["create", "start", "move"]
    assert "moved 20" in run("show", id_)
    assert "Spring starts at 20" in run("start", id_, "--at", "0m")


def test_a_draft_without_recipients_warns_why_it_can_not_start(
    bench: Bench, tmp_path: Path
) -> None:
    path = table(tmp_path, f"{number(0)},Ann,Omsk", "12,Bob,Perm")
    made = run("create", "--name", "A", "--text", "Closed.", "--audience", str(path))
    assert (
        "warning: it has no recipients (excluded 1: not in the client directory, 1: not a phone "
        "number, or not certainly one), so it can't be started"
    ) in made
    options = ("create", "--name", "A", "--text", "Closed.", "--audience", str(path), "--json")
    said = CliRunner().invoke(scserv, ["broadcast", *options])
    assert "warning: it has no recipients" in said.stderr
    with pytest.raises(SetupError, match=r"no recipients \(excluded 1: not in the.* create it ag"):
        run("start", json.loads(said.stdout)["id"])
    everybody = run("create", "--name", "A", "--text", "Closed.", "--audience", "all")
    assert "it has no recipients (the audience is empty), so it can't" in everybody


def test_a_draft_can_be_deleted_and_what_was_started_can_not(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients([number(0)])
    path = table(tmp_path, f"{number(0)},Ann,Omsk", "12,Bob,Perm")
    draft, other, started = (create(path, "Closed.")["id"] for _ in range(3))
    assert run("delete", draft) == "deleted the draft Spring; nothing of it was sent\n"
    with pytest.raises(SetupError, match="there is no broadcast"):
        run("delete", draft)
    run("start", started, "--at", "2d")
    run("pause", started)
    with pytest.raises(SetupError, match="can't be deleted: it is paused, and only a draft that"):
        run("delete", started)
    for rows in ("broadcasts", "broadcast_recipients", "broadcast_exclusions"):
        left = bench.conn.execute(f"SELECT broadcast_id FROM {rows}").fetchall()  # noqa: S608
        assert {str(id_) for (id_,) in left} == {other, started}
    entries = bench.conn.execute("SELECT reason FROM audit WHERE action = 'broadcast.delete'")
    assert entries.fetchall() == [("Spring",)]


def test_a_sender_that_is_not_approved_says_how_to_ask(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="`scserv accounts senders add default Shop`"):
        create(table(tmp_path, f"{number(0)},Ann,Omsk"), "Closed.", "--sender", "Shop")


def test_retired_templates_are_mentioned_when_there_are_no_others(bench: Bench) -> None:
    assert "no templates yet" in run("list", command="templates")
    run("create", "shut", "--en", "Closed.", command="templates")
    run("retire", "shut", command="templates")
    assert "`scserv templates list --all`" in run("list", command="templates")


def test_a_template_has_a_sample_for_each_language_that_somebody_gets(
    bench: Bench, tmp_path: Path
) -> None:
    bench.add_clients(map(number, range(3)))
    bench.conn.execute(
        "UPDATE clients SET language = 'en' WHERE number_hash = %s", [bench.hasher.hash(number(1))]
    )
    run("create", "shut", "--ru", "Закрыто.", "--en", "Closed.", command="templates")
    path = table(tmp_path, *map(number, range(3)), header="msisdn")
    options = ("create", "--name", "Spring", "--template", "shut", "--json")
    made = json.loads(run(*options, "--audience", str(path)))
    assert made["samples"] == [
        {"text": "Закрыто.", "language": "ru", "recipients": 2},
        {"text": "Closed.", "language": "en", "recipients": 1},
    ]
    shown = run("show", made["id"])
    assert "to 2 recipients in ru, the first one: Закрыто." in shown
    assert "to 1 recipient in en, the first one: Closed." in shown
    for language, recipients in (("ru", 2), ("en", 1)):
        filtered = json.loads(run(*options, "--audience", "all", "--language", language))
        assert filtered["recipients"] == recipients
        assert [one["language"] for one in filtered["samples"]] == [language]
    run("create", "zu", "--ru", "Закрыто.", command="templates")
    refused = ("create", "--name", "A", "--template", "zu", "--audience", "all", "--language", "en")
    with pytest.raises(SetupError, match="the template zu has no text in it; those clients get"):
        run(*refused)


def test_a_draft_says_how_long_it_takes_and_that_it_needs_approval(
    bench: Bench, tmp_path: Path
) -> None:
    bench.add_clients(map(number, range(3)))
    bench.need_approval_above(2)
    path = table(tmp_path, *(f"{number(n)},Ann,Omsk" for n in range(3)))
    made = create(path, "Closed.", "--rate", "1")
    begins, ends = (datetime.fromisoformat(made[name]) for name in ("created_at", "expected_end"))
    assert timedelta(seconds=3) <= ends - begins < timedelta(minutes=5)
    assert made["approval_above"] == 2
    shown = run("show", made["id"])
    assert "if it were started now, it would send from 20" in shown
    assert "it needs approval, as it has more than 2 recipients: after `start`, another" in shown
    assert f"scserv broadcast approve {made['id']}" in shown
    assert create(path, "Closed.")["expected_end"] is None
    assert "as fast as the SMS centre takes it" in run("show", create(path, "Closed.")["id"])
