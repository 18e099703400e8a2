"""Files about a broadcast: excluded rows and recipients, to be corrected and loaded again."""

import asyncio
import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from inbound.broadcasts import outcomes
from inbound.errors import SetupError
from inbound.handlers.broadcasts import BroadcastAction
from tests.integration.broadcasts.commands import create, run, table
from tests.integration.broadcasts.conftest import Bench, number
from tests.integration.broadcasts.test_broadcasts import opt_out

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

MAY_HAVE_ARRIVED = "it may have arrived: the SMS centre has not said what became of it"


def set_state(bench: Bench, person: int, state: str, reason: str | None = None) -> None:
    """Let the order to a person end in a state."""
    changed = bench.conn.execute(
        "UPDATE orders SET state = %s, reason = %s WHERE subject_id ="
        " (SELECT subject_id FROM subjects WHERE number_hash = %s)",
        [state, reason, bench.hasher.hash(number(person))],
    )
    assert changed.rowcount == 1


def read(path: Path, separator: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=separator))


async def sent(bench: Bench, folder: Path, people: int) -> str:
    """Let a broadcast to people be sent, whose outcomes differ; return its id."""
    bench.add_clients(map(number, range(people)))
    rows = [f"Ann;Omsk;{number(n)}" for n in range(people)]
    path = table(folder, *rows, header="name;town;msisdn")
    id_: str = create(path)["id"]
    await asyncio.to_thread(run, "start", id_)
    bench.now = bench.conn.execute("SELECT now()").fetchone()[0]  # type: ignore[index]
    del bench.clients[number(5)]
    await opt_out(bench, number(4))
    await bench.rounds(2)
    for person, state in enumerate(("delivered", "undelivered", "rejected", "unknown")):
        set_state(bench, person, state)
    return id_


async def test_recipients_not_reached_keep_their_table_and_load_again(
    bench: Bench, tmp_path: Path
) -> None:
    id_ = await sent(bench, tmp_path, 7)
    file = tmp_path / "rest.csv"
    said = await asyncio.to_thread(run, "recipients", id_, "--file", str(file))
    assert f"{file}: refused 1, undelivered 2, unknown 1, withheld 1" in said
    assert "1 recipient may have got it (unknown); to leave them out: --state " in said
    head, *lines = read(file, ";")
    assert head == ["row", "state", "reason", "time", "name", "town", "msisdn"]
    assert [(line[0], line[1], *line[4:]) for line in lines] == [
        ("3", "undelivered", "Ann", "Omsk", number(1)),
        ("4", "undelivered", "Ann", "Omsk", number(2)),
        ("5", "unknown", "Ann", "Omsk", number(3)),
        ("6", "withheld", "Ann", "Omsk", number(4)),
        ("7", "refused", "Ann", "Omsk", number(5)),
    ]
    assert [line[2] for line in lines][1:] == [
        "the SMS centre refused it for good",
        MAY_HAVE_ARRIVED,
        "the person had switched notifications off",
        "the number is not in the client directory",
    ]
    assert all(line[3].endswith(" Europe/Moscow") for line in lines)
    again = create(file)
    assert (again["recipients"], again["excluded_by_reason"]) == (4, {"opted_out": 1})


async def test_the_states_of_recipients_are_those_that_are_counted(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "SCAN", 2)
    bench.ahead = 10
    id_ = await sent(bench, tmp_path, 25)
    set_state(bench, 6, "sent")
    for action in (None, "cancel"):
        if action:
            await asyncio.to_thread(run, action, id_)
        shown = json.loads(await asyncio.to_thread(run, "show", id_, "--json"))
        file = tmp_path / f"{action}.csv"
        states = ("waiting", *outcomes.NOT_REACHED, "sent", "delivered")
        await asyncio.to_thread(
            run, "recipients", id_, "--state", ",".join(states), "--file", str(file)
        )
        counted = Counter(line[1] for line in read(file, ";")[1:])
        assert counted == {state: shown[state] for state in states if shown[state]}
        assert counted.total() == 25


async def test_files_with_numbers_are_recorded(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients([number(0)])
    one = bench.create([f"{number(0)},Ann", "12,Bob"])
    id_ = str(one.broadcast_id)
    run("excluded", id_, "--file", str(tmp_path / "a.csv"))
    assert "no recipient is refused" in await asyncio.to_thread(
        run, "recipients", id_, "--state", "refused"
    )
    entries = bench.conn.execute("SELECT action, reason, request_id FROM audit ORDER BY id DESC")
    assert entries.fetchmany(2) == [
        ("broadcast.recipients", "Spring: refused", one.broadcast_id),
        ("broadcast.excluded", "Spring", one.broadcast_id),
    ]
    with pytest.raises(SetupError, match="--state lost: write some of waiting, sent"):
        await asyncio.to_thread(run, "recipients", id_, "--state", "lost")


async def test_a_cancelled_draft_reached_nobody(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients([number(0)])
    one = bench.create([f"{number(0)},Ann"])
    bench.act(one, BroadcastAction.CANCEL)
    file = tmp_path / "rest.csv"
    await asyncio.to_thread(run, "recipients", str(one.broadcast_id), "--file", str(file))
    assert read(file)[1][1:3] == ["withheld", "the broadcast was cancelled"]
    assert read(file)[1][4:] == [number(0), "Ann"]


def test_the_excluded_file_has_the_table_s_columns_and_separator(
    bench: Bench, tmp_path: Path
) -> None:
    path = table(tmp_path, "Омск;12;Ann", header="town;Телефон;name")
    file = tmp_path / "excluded.csv"
    run("excluded", create(path)["id"], "--file", str(file))
    head, line = read(file, ";")
    assert head == ["row", "state", "reason", "time", "town", "msisdn", "name"]
    assert line[4:] == ["Омск", "12", "Ann"]


def test_no_cell_of_a_file_is_a_formula_and_all_reload_as_they_were(
    bench: Bench, tmp_path: Path
) -> None:
    bench.add_clients([number(0)])
    cells = ("@SUM(A1)", "-20%", "+7 (916) 123-45-67", "'quoted", "+1+cmd|' /C calc'!A0")
    header = ",".join(["msisdn", *(f"c{n}" for n in range(len(cells)))])
    path = tmp_path / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([header.split(","), ["12", *cells], ["=1+1", *cells]])
    text = "Closed."
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    run("excluded", create(path, text)["id"], "--file", str(first))
    lines = read(first)
    assert lines[1][5:] == ["'@SUM(A1)", "'-20%", cells[2], "''quoted", "'" + cells[4]]
    assert lines[2][4] == "'=1+1"
    assert lines[2][2] == "msisdn: is a formula: write the value itself"
    run("excluded", create(first, text)["id"], "--file", str(second))
    assert [line[4:] for line in read(second)] == [line[4:] for line in lines]


def test_a_formula_in_a_field_is_refused_with_its_reason(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients([number(0)])
    path = table(tmp_path, f"{number(0)},=A1+1,Omsk")
    file = tmp_path / "excluded.csv"
    made = create(path)
    assert made["excluded_by_reason"] == {"fields": 1}
    run("excluded", made["id"], "--file", str(file))
    assert read(file)[1][2] == "name is a formula: write the value itself; name was =A1+1"
