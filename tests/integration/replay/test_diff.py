"""`scserv replay diff` on a real log."""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import errors

from inbound.cli import _replay_diff, _replay_publish
from inbound.cli import scserv as scserv_command
from inbound.errors import SetupError
from inbound.replay.diff.candidates import LocalCandidate
from inbound.replay.diff.protocol import CandidateConfig, PastEvent
from inbound.replay.diff.report import DiffReport
from inbound.replay.diff.runner import run
from inbound.replay.publish.topics import PreparedTopic
from inbound.store.connections import connect
from inbound.store.log import replay_inputs
from inbound.store.transactions.postgres import PostgresStore
from tests.bench import history
from tests.fix_orders import intake_on, order
from tests.integration.replay.conftest import ROOT, Scserv
from tests.integration.streams.world import NUMBER
from tests.patience import PATIENCE_S
from tests.unit.templates.test_catalogue import BUILT_IN

pytestmark = pytest.mark.usefixtures("answered")


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_the_rules_in_force_decide_as_they_did(scserv: Scserv) -> None:
    done = scserv("replay", "diff", "--since", "1h")
    assert (done.status, done.err) == (0, "")
    assert "6 commands and orders, 12 results, 2 subjects" in done.out
    assert "no differences" in done.out
    assert "left no event" in done.out


async def test_orders_are_decided_again(scserv: Scserv, postgres_store: PostgresStore) -> None:
    await intake_on(postgres_store).place([order(), order(), order(client_id="c-404")])
    done = await asyncio.to_thread(scserv, "replay", "diff", "--since", "2001-01-01")
    assert (done.status, done.err) == (0, "")
    assert "9 commands and orders, 12 results, 4 subjects" in done.out
    assert "no differences" in done.out


def test_stricter_policy_gives_differences_status_and_file(scserv: Scserv, tmp_path: Path) -> None:
    rules = file(tmp_path, "new.toml", "[policies]\ncommands_per_hour = 2\n")
    done = scserv(
        "replay", "diff", "--since", "1h", "--settings", rules, "--out", "all.ndjson",
        "--examples", 1,
    )  # fmt: skip
    assert (done.status, done.err) == (1, "")
    assert "policy commands_per_hour: 10 -> 2" in done.out
    assert "        3  limited: was accepted; would exceed the limit per hour" in done.out
    assert done.out.count(": limited\n") == 1
    lines = (tmp_path / "all.ndjson").read_text("utf-8").splitlines()
    assert [json.loads(line)["kinds"] for line in lines] == [["limited"]] * 3
    text = done.out + "".join(lines)
    assert NUMBER.removeprefix("+7") not in text
    assert json.loads(lines[0])["recorded"][0][2]["command"] == "sms_start"


def test_policies_of_the_environment_are_those_in_force(scserv: Scserv, tmp_path: Path) -> None:
    """A diff of texts alone shows no difference of rules that an operator has long set."""
    strict = {"SCSERV_POLICIES__COMMANDS_PER_HOUR": "2"}
    done = scserv("replay", "diff", "--since", "1h", "--json", **strict)
    assert json.loads(done.out)["kinds"] == {"limited": 3}
    rules = file(tmp_path, "new.toml", "[policies]\nduplicate_within_s = 1\n")
    done = scserv("replay", "diff", "--since", "1h", "--json", "--settings", rules, **strict)
    found = json.loads(done.out)
    assert found["kinds"] == {"limited": 3}
    assert any("duplicate_within_s is shorter" in sentence for sentence in found["unseen"])


def test_changed_texts_show_with_every_message_they_would_change(
    scserv: Scserv, tmp_path: Path
) -> None:
    text = BUILT_IN.read_text("utf-8")
    text = text.replace("Ваша заявка принята.", "Принято.").replace(", пароль: {password}", "")
    texts = file(tmp_path, "texts.toml", text)
    done = scserv("replay", "diff", "--since", "1h", "--templates", texts, "--json")
    assert done.status == 1
    found = json.loads(done.out)
    assert found["kinds"] == {"text": 6 + 2, "parts": 2, "fields": 2}
    again = scserv("replay", "diff", "--since", "1h", SCSERV_TEMPLATES_FILE=str(texts))
    assert again.status == 0


def test_a_text_that_does_not_fit_any_more_is_refused(scserv: Scserv, tmp_path: Path) -> None:
    long = BUILT_IN.read_text("utf-8").replace("Ваша заявка", "Ваша замечательная заявка")
    texts = file(tmp_path, "texts.toml", long)
    done = scserv("replay", "diff", "--since", "1h", "--templates", texts)
    assert (done.status, done.out) == (2, "")
    assert "texts.toml: [acknowledgement] could need 2 SMS parts and may have 1" in done.err


def test_another_release_decides(scserv: Scserv, tmp_path: Path) -> None:
    release = tmp_path / "release"
    for package in ("inbound", "schemas"):
        shutil.copytree(ROOT / package, release / package)
    rules = release / "inbound/handlers/definitions.py"
    rule, text = "    if not is_served(request):\n", rules.read_text("utf-8")
    assert text.count(rule) == 1
    refusing = "    if request.command is Command.CLIENT_INFO or not is_served(request):\n"
    rules.write_text(text.replace(rule, refusing), "utf-8")
    done = scserv("replay", "diff", "--since", "1h", "--code", release)
    assert (done.status, done.err) == (1, "")
    assert "        2  refused: was accepted; would be refused with a reply" in done.out
    assert "client_info: plan registration -> unknown_number" in done.out


def test_differences_that_are_carried(scserv: Scserv, tmp_path: Path) -> None:
    """At most one an hour: the second to fifth are refused alone, and all of them together."""
    rules = file(tmp_path, "new.toml", "[policies]\nduplicate_within_s = 700\n")
    alone = scserv("replay", "diff", "--since", "1h", "--settings", rules, "--json")
    carried = scserv("replay", "diff", "--since", "1h", "--settings", rules, "--carry", "--json")
    assert json.loads(alone.out)["kinds"] == {}
    assert json.loads(carried.out)["kinds"] == {}
    once = file(tmp_path, "new.toml", "[policies]\ncommands_per_hour = 4\n")
    for more in ((), ("--carry",)):
        done = scserv("replay", "diff", "--since", "1h", "--settings", once, "--json", *more)
        assert json.loads(done.out)["kinds"] == {"limited": 1}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--since", "soon"), "--since: 'soon' is not a time"),
        (("--since", "1h", "--until", "2h"), "--until must be later than --since"),
        (("--since", "1h", "--settings", "no.toml"), "--settings no.toml: No such file"),
        (("--since", "1h", "--templates", "no.toml"), "can't read the templates file"),
        (("--since", "1h", "--code", "no.whl"), "does not exist; name a wheel or a folder"),
        (("--since", "1h", "--out", "no/such/folder"), "--out no/such/folder: No such file"),
        (("--since", "1h", "--config", "no.toml"), "--config no.toml: No such file"),
        ((), "Missing option '--since'"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_status_2(
    scserv: Scserv, arguments: tuple[str, ...], complaint: str
) -> None:
    done = scserv("replay", "diff", *arguments)
    assert (done.status, done.out) == (2, "")
    assert complaint in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[policies]\ncommands_per_hr = 1", "policy commands_per_hr: unknown field"),
        ("[policy]\nx = 1", "policy is not a setting; did you mean policies?"),
        ("sender = 'X'", "set policies, templates_file or an alphabet"),
        ("policies = 5", "policies, smpp and each of binds must be tables"),
        ("[policies", "not a TOML file"),
        ("[smpp]\nalphabet = 'morse'", "'morse' is not an alphabet; use gsm0338, latin-1"),
    ],
)
def test_settings_that_would_compare_nothing_are_refused(
    scserv: Scserv, tmp_path: Path, text: str, complaint: str
) -> None:
    path = file(tmp_path, "new.toml", text)
    done = scserv("replay", "diff", "--since", "1h", "--settings", path)
    assert (done.status, done.out) == (2, "")
    assert complaint in done.err


def test_without_a_database_or_tables_it_is_not_run(
    scserv: Scserv, empty_database_url: str
) -> None:
    done = scserv("replay", "diff", "--since", "1h", SCSERV_DATABASE_URL="")
    assert done.status == 2
    assert "SCSERV_DATABASE_URL is not set" in done.err
    done = scserv("replay", "diff", "--since", "1h", SCSERV_DATABASE_URL=empty_database_url)
    assert done.status == 2
    assert "run `scserv migrate`" in done.err


def test_a_defect_is_no_difference(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setenv("SCSERV_DATABASE_URL", database_url)
    monkeypatch.setattr(_replay_diff, "run", broken)
    done = CliRunner().invoke(scserv_command, ["replay", "diff", "--since", "1h"])
    assert done.exit_code == 2


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A port at which nobody must knock."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_it_reaches_the_database_and_nothing_else(
    database_url: str, tmp_path: Path, trap: socket.socket
) -> None:
    """By wiring: neither loaded, nor read from the environment, nor talked to."""
    trap.setblocking(False)
    port = trap.getsockname()[1]
    secret = file(tmp_path, "password", "never-read")
    report = tmp_path / "report.json"
    rules = file(tmp_path, "new.toml", "[policies]\ncommands_per_hour = 2\n")
    environment = {
        "PYTHONPATH": str(ROOT),
        "SCSERV_DATABASE_URL": database_url,
        "SCSERV_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
        "SCSERV_SMPP__HOST": "127.0.0.1",
        "SCSERV_SMPP__PORT": str(port),
        "SCSERV_SMPP__PASSWORD_FILE": str(secret),
        "SCSERV_VAULT_KEY_FILE": str(secret),
        "SCSERV_SUBJECT_KEY_FILE": str(secret),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
    }
    subprocess.run(
        [
            *(sys.executable, "-m", "tests.integration.replay.watched", report),
            *("replay", "diff", "--since", "1h", "--settings", rules, "--out", "all.ndjson"),
        ],
        cwd=tmp_path,
        env=environment,
        check=False,
        timeout=PATIENCE_S,
    )
    seen = json.loads(report.read_text("utf-8"))
    assert seen["status"] == 1, "it has to run to prove anything"
    database = urlsplit(database_url)
    assert set(seen["peers"]) == {f"{database.hostname}:{database.port}"}
    assert seen["python_connects"] == []
    assert seen["started"] == []
    with pytest.raises(BlockingIOError):
        trap.accept()
    assert str(secret) not in seen["opened"]
    loaded = {name.split(".")[0] for name in seen["modules"]}
    assert not loaded & {
        "kafka",
        "aiokafka",
        "faust",
        "mode",
        "streams",
        "aiohttp",
        "opentelemetry",
    }
    ours = {name for name in seen["modules"] if name.startswith("inbound.")}
    assert {name for name in ours if name.startswith("inbound.smpp.")} <= {
        f"inbound.smpp.{name}"
        for name in (
            "address", "alphabet", "errors", "leniency", "message_ids", "pdu", "segmentation",
            "status", "subscriber", "user_data",
            "_base", "_control", "_message_states", "_messages", "_submitted_messages", "_wire",
        )
    }  # fmt: skip
    writers = "transactions", "claims", "migrations", "outbox", "retention_sweep", "log.appender"
    prefixes = tuple(f"inbound.store.{name}" for name in writers)
    assert not {name for name in ours if name.startswith(prefixes)}
    rooms = {name.split(".")[1] for name in ours}
    assert not rooms & {"outbox", "local", "ops"}
    # How to reach Kafka is a setting like others; no client of it is loaded, as shown above.
    assert {name for name in ours if name.startswith("inbound.kafka.")} <= {
        "inbound.kafka.connection"
    }


def test_the_session_cannot_write(database_url: str) -> None:
    url = f"{database_url}&options=-c%20default_transaction_read_only%3Doff"
    with connect(url, "tests", read_only=True) as conn:
        assert conn.execute("SELECT count(*) > 0 FROM events").fetchone() == (True,)
        with pytest.raises(errors.ReadOnlySqlTransaction):
            conn.execute("DELETE FROM inbox")


@pytest.mark.parametrize("command", ["diff", "publish"])
def test_no_command_of_the_replay_can_write(
    monkeypatch: pytest.MonkeyPatch, database_url: str, conn: psycopg.Connection, command: str
) -> None:
    """Whatever their code comes to be, PostgreSQL refuses."""
    refused: list[type[Exception]] = []

    def write(session: psycopg.Connection, *_: object) -> replay_inputs.LogSpan:
        try:
            session.execute("DELETE FROM inbox")
        except errors.Error as error:
            refused.append(type(error))
        raise SetupError("seen enough")

    monkeypatch.setenv("SCSERV_DATABASE_URL", database_url)
    monkeypatch.setenv("SCSERV_KAFKA_BOOTSTRAP_SERVERS", "nowhere:1")
    monkeypatch.setattr(replay_inputs, "find_span", write)
    monkeypatch.setattr(_replay_publish, "prepare", lambda *_, **__: PreparedTopic())
    topic = ["--to-topic", "t"] if command == "publish" else []
    CliRunner().invoke(scserv_command, ["replay", command, "--since", "1h", *topic])
    assert refused == [errors.ReadOnlySqlTransaction]
    assert conn.execute("SELECT count(*) > 0 FROM inbox").fetchone() == (True,)


def describe() -> tuple[LocalCandidate, DiffReport]:
    candidate = LocalCandidate(CandidateConfig())
    return candidate, DiffReport(candidate.description, candidate.description)


def test_the_time_asked_for_is_decided_and_what_was_before_is_folded(
    database_url: str, conn: psycopg.Connection
) -> None:
    conn.execute("ALTER TABLE events DISABLE TRIGGER events_are_append_only")
    conn.execute("TRUNCATE events, subjects CASCADE")
    history.fill(database_url, requests=400)
    accepted = [
        moment
        for (moment,) in conn.execute(
            "SELECT recorded_at FROM events WHERE type = 'request.accepted' ORDER BY position"
        )
    ]
    begin, upto = accepted[200], accepted[260]  # the first counts, the last does not
    span = replay_inputs.find_span(conn, begin, upto)
    candidate, report = describe()
    steps: list[tuple[int, int]] = []
    run(conn, span, candidate, report, lambda done, total: steps.append((done, total)))
    assert report.commands == 60
    assert report.by_kind() == {}
    assert steps[-1][0] == steps[-1][1] == report.subjects
    events, subjects = conn.execute(
        "SELECT count(*), count(DISTINCT stream_id) FROM events"
        " WHERE recorded_at > %s AND recorded_at < %s",
        (begin - timedelta(hours=1), upto + timedelta(hours=1)),
    ).fetchone() or (0, 0)
    assert report.subjects <= subjects, "others are not read"
    assert report.events > events, "states are folded from the first event"


def test_what_is_written_meanwhile_is_not_seen(database_url: str, conn: psycopg.Connection) -> None:
    span = replay_inputs.find_span(conn, replay_inputs.EARLIEST, replay_inputs.LATEST)
    (last,) = conn.execute("SELECT max(position) FROM events").fetchone() or (0,)
    assert (span.after, span.upto) == (0, last)
    narrow = replay_inputs.LogSpan(span.since, span.until, 0, 4)
    subjects = replay_inputs.list_subjects(conn, narrow)
    (ids,) = replay_inputs.unpack_subjects(subjects, 9)
    streams = replay_inputs.read_streams(conn, ids, narrow, PastEvent)
    assert sum(len(events) for _, events in streams) == 4
