"""Another release decides in a process of its own, and can do this one no harm."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest

from inbound.errors import SetupError
from inbound.replay.diff import process
from inbound.replay.diff.candidates import LocalCandidate
from inbound.replay.diff.child import serve
from inbound.replay.diff.process import ProcessCandidate
from inbound.replay.diff.protocol import CandidateConfig, PastStream, StreamVerdict
from tests.unit.replay.fakes import candidate, fake
from tests.unit.replay.streams import INFO, START, STOP, History

ROOT = Path(__file__).parents[3]
STRICT = CandidateConfig(policies={"commands_per_hour": 1})


def people(count: int) -> list[PastStream]:
    made = []
    for n in range(1, count + 1):
        history = History()
        for number, command in enumerate((STOP, INFO, START)):
            history.whole(command, number * 600)
        made.append(PastStream(UUID(int=n), history.stream()))
    return made


def verdicts(
    judge: Callable[..., Iterator[list[StreamVerdict]]],
    streams: Sequence[PastStream],
    at_once: int = 3,
) -> list[StreamVerdict]:
    batches = [streams[n : n + at_once] for n in range(0, len(streams), at_once)]
    return [verdict for batch in judge(batches, ["started"]) for verdict in batch]


def plain(found: Sequence[StreamVerdict]) -> object:
    return json.loads(json.dumps(found, default=str))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A candidate release: this one's code in a folder, to be changed."""
    folder = tmp_path / "release"
    for package in ("inbound", "schemas"):
        # With the bytecode: each candidate would compile hundreds of modules.
        shutil.copytree(ROOT / package, folder / package)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_this_release_as_a_candidate_says_what_it_says_here(source: Path) -> None:
    streams = people(7)
    with candidate(source, STRICT) as other:
        here = LocalCandidate(STRICT)
        assert other.description == here.description
        there = verdicts(other.judge, streams)
        assert plain(there) == plain(verdicts(here.judge, streams))
        assert sum(len(verdict.differences) for verdict in there) == 14


def test_a_wheel_is_as_good_as_a_folder(source: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "scserv-9.9-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted(source.rglob("*")):
            if path.suffix in {".py", ".toml", ".sql"} and path.parent != source:
                archive.write(path, path.relative_to(source))
        archive.writestr("scserv-9.9.dist-info/METADATA", "Name: scserv\nVersion: 9.9\n")
    with candidate(wheel) as other:
        assert other.description.release == "9.9"
        assert verdicts(other.judge, people(1))[0].differences == []


def test_its_own_handlers_templates_and_defaults_count(source: Path) -> None:
    change(source, "inbound/handlers/policies.py", "default=10,", "default=1,")
    change(
        source,
        "inbound/templates/default.toml",
        "СМС-уведомления и СМС-оповещения включены",
        "Включено",
    )
    change(source, "pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    with candidate(source) as other:
        assert other.description.release == "0.2.0"
        assert other.description.texts["started"].text.startswith("Включено")
        found = verdicts(other.judge, people(1))[0]
    assert [one.disposition for one in found.differences] == ["limited", "limited"]


def test_an_older_event_is_read_by_its_upcaster(source: Path) -> None:
    """A release with version 2 of an event, decided against a log of version 1."""
    change(
        source,
        "schemas/events.py",
        'TYPE = "subscription.stopped"\n\n    request_id: RequestId\n    at:',
        'TYPE = "subscription.stopped"\n    VERSION = 2\n\n    request_id: RequestId\n    since:',
    )
    decided = "SubscriptionStopped(request_id=request.request_id, "
    change(source, "inbound/handlers/definitions.py", decided + "at=", decided + "since=")
    with candidate(source) as other:
        (found,) = verdicts(other.judge, people(1))
    assert ["no upcaster" in str(one.error) for one in found.differences] == [True]
    change(
        source,
        "schemas/upcasters.py",
        "UPCASTERS: Mapping[tuple[str, int], Cast] = {}",
        "UPCASTERS = {('subscription.stopped', 1): lambda old: {**old, 'since': old['at']}}",
    )
    with candidate(source) as other:
        (found,) = verdicts(other.judge, people(1))
    assert found.differences == []
    assert (found.commands, found.results) == (3, 6)


def test_it_gets_no_environment_no_folder_and_no_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCSERV_DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(ROOT)
    folder = fake(
        tmp_path,
        """
        import stat
        files = []
        for n in range(128):
            try:
                files.append("pipe" if stat.S_ISFIFO(os.fstat(n).st_mode) else "other")
            except OSError:
                pass
        say({**HELLO, "policies": {
            "environment": dict(os.environ), "here": os.listdir("."), "files": files,
            "ours": [p for p in sys.path if os.path.isdir(p + "/inbound")],
            "site": "site" in sys.modules,
        }})
        requests.read()
        """,
    )
    with candidate(folder) as other:
        seen = other.description.policies
    assert seen["environment"].keys() <= {"LC_CTYPE", "LD_LIBRARY_PATH"}
    assert seen["here"] == []
    assert seen["files"] == ["pipe"] * 4
    assert seen["ours"] == [str(folder)]
    assert not seen["site"]


def test_what_it_prints_is_no_answer(source: Path) -> None:
    change(
        source,
        "inbound/handlers/commands.py",
        '    """Return what follows from',
        '    print("{}")\n    """Return what follows from',
    )
    with candidate(source) as other:
        assert verdicts(other.judge, people(4))[3].differences == []


def broken_at_third(source: Path, statement: str) -> None:
    """Make the handler do something when it comes to the second command of subject 3."""
    change(
        source,
        "inbound/handlers/results.py",
        "    reported = range(1, request.unknown_attempts + 1)\n",
        "    reported = range(1, request.unknown_attempts + 1)\n"
        "    if result.subject_id.int == 3 and result.request_id.int == 2:\n"
        f"        import os, time\n        {statement}\n",
    )


WHO = f"deciding request {UUID(int=2)} \\(subject {UUID(int=3)}, version 7\\)"


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("os._exit(7)", "ended with status 7"),
        ("raise SystemExit", "ended with status 0"),
        ("os.kill(os.getpid(), 9)", "ended by signal 9"),
        ("time.sleep(600)", "gave no answer within 10 s"),
        ("os.write(3, b'rubbish' + bytes([10]))", "answered 'rubbish', which is not a JSON object"),
    ],
)
def test_crash_or_hang_names_the_request(source: Path, statement: str, what: str) -> None:
    broken_at_third(source, statement)
    with (
        candidate(source, limit_s=10 if "sleep" in statement else 60) as other,
        pytest.raises(SetupError, match=f"the candidate release {what} while {WHO}"),
    ):
        verdicts(other.judge, people(9), at_once=4)


def test_crash_that_does_not_repeat_is_reported(tmp_path: Path) -> None:
    mark = tmp_path / "crashed"
    folder = fake(
        tmp_path,
        f"""
        say(HELLO)
        for line in requests:
            batch = json.loads(line)
            if not os.path.exists({str(mark)!r}):
                open({str(mark)!r}, "w")
                os._exit(1)
            say({{"verdicts": [[s, 1, 1, [], []] for s, _ in batch["streams"]]}})
        """,
    )
    with (
        candidate(folder, trusted=True) as other,  # isolated it could not leave a mark
        pytest.raises(SetupError, match=r"ended with status 1 .* but did not when asked again"),
    ):
        verdicts(other.judge, people(2))


@pytest.mark.parametrize(
    ("serve", "what"),
    [
        ("os._exit(3)", "ended with status 3"),
        ("time.sleep(600)", "gave no answer within 1 s"),
        ("os.close(answers.fileno()); os.close(2); time.sleep(600)", "closed its output"),
        ("answers.write(b'hm' + bytes([10])); answers.flush()", "answered 'hm'"),
        ("answers.write(b'[]' + bytes([10])); answers.flush()", "which is not a JSON object"),
        ("say({'error': 'does not feel like it'})", "does not feel like it"),
        ("say({**HELLO, 'protocol': 2})", "speaks replay protocol 2, not 1"),
        ("say({'protocol': 1})", "sent a description of another form"),
        ("raise OSError('no disk')", "it wrote: .*OSError: no disk"),
        ("import torch_of_the_future", "torch_of_the_future"),
    ],
)
def test_candidate_without_a_greeting_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: str, what: str
) -> None:
    if "answer within" in what:
        monkeypatch.setattr(process, "START_LIMIT_S", 1.0)
    with pytest.raises(SetupError, match=f"the candidate fake .*{what}"):
        ProcessCandidate(fake(tmp_path, serve), CandidateConfig())


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ("{}", "sent an answer of another form"),
        ("{'verdicts': 5}", "sent an answer of another form"),
        ("{'verdicts': []}", "answered for other subjects than asked"),
        ("{'verdicts': [['no id', 1, 1, [], []]]}", "sent an answer of another form"),
        ("{'verdicts': [[s, 1, 1, [[1]], []] for s, _ in b['streams']]}", "of another form"),
    ],
)
def test_unusable_answers_are_errors(tmp_path: Path, answer: str, what: str) -> None:
    serve = f"say(HELLO)\nfor line in requests:\n    b = json.loads(line)\n    say({answer})"
    with (
        candidate(fake(tmp_path, serve)) as other,
        pytest.raises(SetupError, match=f"{what}.* before it decided 2 subjects"),
    ):
        verdicts(other.judge, people(2))


def test_endless_output_is_not_collected(tmp_path: Path) -> None:
    serve = "say(HELLO)\nwhile True:\n    answers.write(b'{}' + bytes([10]))"
    with candidate(fake(tmp_path, serve)) as other, pytest.raises(SetupError, match="another form"):
        verdicts(other.judge, people(2))


def test_path_that_is_not_a_release_is_refused(tmp_path: Path) -> None:
    for path, what in (
        (tmp_path, "no folder inbound in it"),
        (tmp_path / "none.whl", "does not exist; name a wheel or a folder"),
        (ROOT / "pyproject.toml", "neither a wheel nor a folder"),
    ):
        with pytest.raises(SetupError, match=f"--code {path}: {what}"):
            ProcessCandidate(path, CandidateConfig())


def test_release_without_replay_is_reported(source: Path) -> None:
    shutil.rmtree(source / "inbound/replay")
    with pytest.raises(SetupError, match=r"is older than the replay: it has no inbound\.replay"):
        ProcessCandidate(source, CandidateConfig())


def test_incomplete_release_does_not_use_this_one(source: Path) -> None:
    shutil.rmtree(source / "schemas")
    with pytest.raises(SetupError, match="has no schemas"):
        ProcessCandidate(source, CandidateConfig())


def test_installed_scserv_is_not_mixed_in(source: Path, tmp_path: Path) -> None:
    """As when this release is installed as a package, and the candidate brings half of one."""
    installed = tmp_path / "site-packages"
    shutil.copytree(source, installed)
    shutil.rmtree(source / "schemas")
    plan = {
        "code": str(source),
        "names": ["inbound"],
        "installed": [str(installed), *installed_packages()],
        "readable": [],
        "memory_bytes": process.MEMORY_BYTES,
        "trusted": False,
        "parent": os.getpid(),
    }
    empty = tmp_path / "empty"
    empty.mkdir()
    done = subprocess.run(
        [sys.executable, "-I", "-S", process.START, json.dumps(plan)],
        input=b"",
        capture_output=True,
        check=True,
        cwd=empty,
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"isolated": True},
        {"error": "brings no package 'schemas'"},
    ]


def test_a_protocol_that_it_does_not_speak_is_said() -> None:
    answers = BytesIO()
    serve(BytesIO(b'{"protocol": 2, "orders": {"of": "tomorrow"}}\n'), answers)
    assert json.loads(answers.getvalue()) == {"error": "speaks replay protocol 1, not 2"}


def installed_packages() -> list[str]:
    return [path for path in sys.path if path.endswith("-packages")]


def test_a_missing_dependency_is_named(source: Path) -> None:
    change(
        source,
        "inbound/handlers/definitions.py",
        "from dataclasses",
        "import newest\nfrom dataclasses",
    )
    with pytest.raises(SetupError, match="needs the package 'newest', which is not installed"):
        ProcessCandidate(source, CandidateConfig())


def test_a_policy_that_it_does_not_know_is_named(source: Path) -> None:
    with pytest.raises(SetupError, match="policy night_rest: unknown field"):
        ProcessCandidate(source, CandidateConfig(policies={"night_rest": 1}))
