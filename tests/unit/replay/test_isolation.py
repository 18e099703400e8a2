"""A hostile candidate: each attack works if the candidate is trusted, and fails if it isn't."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

from inbound.errors import SetupError
from inbound.replay.diff import process
from inbound.replay.diff.process import ProcessCandidate
from inbound.replay.diff.protocol import CandidateConfig
from tests.patience import PATIENCE_S
from tests.unit.replay.fakes import candidate, fake
from tests.unit.replay.test_process import people, verdicts

ROOT = Path(__file__).parents[3]

# Runs each attack and reports what came of it, as the value of a policy.
ATTACKS = """
import ctypes, socket, subprocess
HOME, PARENT, PORT = {home!r}, {parent}, {port}
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
    return "done"
def fork():
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "done"
def write(path):
    with open(path, "w") as file:
        return str(file.write("x"))
attacks = {{
    "read a key": lambda: open(HOME + "/keys/vault.key").read(),
    "read by a link in the code": lambda: open(os.path.dirname(__file__) + "/link").read(),
    "read beside the code": lambda: open(os.path.dirname(__file__) + "/../../../.scserv").read(),
    "list the home": lambda: ",".join(os.listdir(HOME)),
    "read the accounts": lambda: open("/etc/passwd").read()[:20],
    "the environment of the parent": lambda: open(f"/proc/{{PARENT}}/environ").read(),
    "connect to the API": lambda: socket.create_connection(("127.0.0.1", PORT)).close(),
    "connect to a local socket": lambda: socket.socket(socket.AF_UNIX).connect("\\0" + HOME),
    "write beside the parent": lambda: write(HOME + "/written"),
    "write in the folder": lambda: write("written"),
    "write its code": lambda: write(__file__),
    "change a mode": lambda: os.chmod(HOME + "/keys/vault.key", 0o644) or "done",
    "keep memory in a file": lambda: os.close(os.memfd_create("x")) or "done",
    "start a process": fork,
    "start a program": lambda: subprocess.run(["/bin/true"]) and "done",
    "signal the parent": lambda: os.kill(PARENT, 0) or "done",
    "trace the parent": lambda: call("ptrace", 0x4206, PARENT, 0, 0),
    "new namespaces": lambda: call("unshare", 0x10000000),
    "mount": lambda: call("mount", b"x", b"/", b"tmpfs", 0, None),
    "all memory": lambda: str(len(bytearray(2 << 30))),
}}
results = {{}}
for name, attack in attacks.items():
    try:
        results[name] = f"succeeded: {{attack()}}"
    except (OSError, MemoryError) as error:
        results[name] = type(error).__name__
say({{**HELLO, "policies": results}})
requests.read()
"""
# These fail for everybody, or are harmless with the rights of a test.
NO_CONTROL = {
    *("the environment of the parent", "write in the folder", "new namespaces", "mount"),
    *("trace the parent", "all memory"),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of the operator, with a key."""
    folder = tmp_path / "home"
    (folder / "keys").mkdir(parents=True)
    key = folder / "keys/vault.key"
    key.write_text("CANARY-key")
    key.chmod(0o600)
    return folder


@pytest.fixture
def listener(home: Path) -> Iterator[int]:
    """A port and a local socket of the service."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0{home}")
        local.listen()
        yield tcp.getsockname()[1]
        tcp.setblocking(False)


def attack(home: Path, port: int, *, trusted: bool) -> dict[str, Any]:
    folder = fake(home.parent, ATTACKS.format(home=str(home), parent=os.getpid(), port=port))
    (folder / "inbound/replay/diff/link").symlink_to(home / "keys/vault.key")
    (folder / ".scserv").write_text("CANARY-data")
    with candidate(folder, trusted=trusted) as hostile:
        return dict(hostile.description.policies)


def test_no_attack_on_the_host_succeeds(home: Path, listener: int) -> None:
    found = attack(home, listener, trusted=False)
    assert [name for name, result in found.items() if result.startswith("succeeded")] == []
    assert (home / "keys/vault.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in home.iterdir()) == ["keys"]


def test_the_attacks_work_on_a_trusting_operator(home: Path, listener: int) -> None:
    found = attack(home, listener, trusted=True)
    failed = {name for name, result in found.items() if not result.startswith("succeeded")}
    assert failed <= NO_CONTROL


def leftovers(mark: Path) -> list[psutil.Process]:
    """Return the processes that have this path in their command line."""
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            if any(str(mark) in word for word in one.cmdline()):
                found.append(one)
    return found


def assert_gone(mark: Path) -> None:
    """Wait until none of these processes is left."""
    _, left = psutil.wait_procs(leftovers(mark), timeout=PATIENCE_S)
    assert left == []


def bootstrap_without(tmp_path: Path, module: str, old: str, new: str) -> Path:
    """Copy the bootstrap with one change in its isolation."""
    copy = tmp_path / "bootstrap"
    original = process.START.parent
    shutil.copytree(original / "isolation", copy / "isolation")
    shutil.copy(process.START, copy)
    path = copy / "isolation" / module
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return copy / process.START.name


DAEMON = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
os.wait()
say(HELLO)
time.sleep(600)
"""


@pytest.fixture
def forking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A candidate that leaves a child behind, if new processes were not forbidden."""
    start = bootstrap_without(
        tmp_path, "restrictions.py", "    linux.forbid_calls(_FORBIDDEN)\n", ""
    )
    monkeypatch.setattr(process, "START", start)
    return fake(tmp_path, DAEMON)


def test_a_child_ends_with_the_candidate(forking: Path) -> None:
    with candidate(forking):
        assert len(leftovers(forking)) == 4  # the launcher, the first process, and two
    assert_gone(forking)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_diff_is_ended(forking: Path, number: signal.Signals) -> None:
    script = f"""
        import sys, time
        from pathlib import Path
        from inbound.replay.diff import process
        process.START = Path({str(process.START)!r})
        from inbound.replay.diff.protocol import CandidateConfig
        running = process.ProcessCandidate(Path(sys.stdin.readline().strip()), CandidateConfig())
        print("runs", flush=True)
        try:
            time.sleep(600)
        finally:
            running.close()
    """
    with subprocess.Popen(
        [sys.executable, "-c", dedent(script)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as diff:
        assert diff.stdin
        assert diff.stdout
        diff.stdin.write(f"{forking}\n".encode())
        diff.stdin.flush()
        assert diff.stdout.readline() == b"runs\n"
        diff.send_signal(number)
    assert_gone(forking)


def test_a_system_without_namespaces_refuses_the_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container, or where AppArmor restricts user namespaces."""
    start = bootstrap_without(
        tmp_path,
        "linux.py",
        '    _check("unshare", _libc.unshare(ctypes.c_int(flags)))',
        '    raise PermissionError(1, "unshare: Operation not permitted")',
    )
    monkeypatch.setattr(process, "START", start)
    mark = tmp_path / "ran"
    folder = fake(tmp_path, "say(HELLO)\nrequests.read()")
    (folder / "inbound/__init__.py").write_text(f"open({str(mark)!r}, 'w')")
    with pytest.raises(SetupError, match=r"unshare: Operation not permitted.* add --trust"):
        ProcessCandidate(folder, CandidateConfig())
    assert not mark.exists()
    with candidate(folder, trusted=True):
        assert mark.exists()


def test_a_symbolic_link_in_place_of_a_package_is_refused(tmp_path: Path, home: Path) -> None:
    folder = fake(tmp_path, "say(HELLO)")
    (folder / "streams").symlink_to(home)
    with pytest.raises(SetupError, match="streams is neither a folder nor a file"):
        ProcessCandidate(folder, CandidateConfig())


STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]")
OSC = "\\x1b]0;title\\x07\\x9b2J\\u202e\\r"


@pytest.mark.parametrize(
    "serve",
    [
        f"sys.stderr.write('{OSC}' * 1000); sys.stderr.flush(); os._exit(1)",
        f"say({{'error': '{OSC}' * 1000}})",
        f"say({{**HELLO, 'protocol': '{OSC}' * 1000}})",
        f"say({{**HELLO, 'release': '{OSC}' * 1000}})",
        f"say({{**HELLO, 'texts': {{'{OSC}': '{OSC}' * 1000}}}})",
        f"answers.write('{OSC}'.encode() * 1000 + bytes([10])); answers.flush()",
        f"raise OSError('{OSC}' * 1000)",
    ],
)
def test_its_last_words_steer_no_terminal(tmp_path: Path, serve: str) -> None:
    with pytest.raises(SetupError) as caught:
        ProcessCandidate(fake(tmp_path, serve), CandidateConfig(), 300)
    assert not STEERING.search(str(caught.value))
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ("b'[' * 10000 + b']' * 10000", "not a JSON object"),
        ("b'x' * (17 << 20)", "a line of more than 16777216 octets"),
        ("b'{\"verdicts\": [' + b'[],' * 2000000 + b'[]]}'", "more than 1000000 values"),
        ("b'{\"verdicts\": [[\"' + s + b'\", 1e400, 1, [], []]]}'", "an answer of another form"),
        ("b'{\"verdicts\": [[\"' + s + b'\", 99, 1, [], []]]}'", "more than happened"),
        ('b\'{"verdicts": [["\' + s + b\'", 1, 1, [], [[1, "x"]]]]}\'', "more than happened"),
    ],
)
def test_answers_are_bounded(tmp_path: Path, answer: str, what: str) -> None:
    serve = f"""
        say(HELLO)
        s = json.loads(requests.readline())["streams"][0][0].encode()
        answers.write({answer} + bytes([10]))
        answers.flush()
        requests.read()
    """
    with candidate(fake(tmp_path, serve)) as hostile, pytest.raises(SetupError) as caught:
        verdicts(hostile.judge, people(1))
    assert "before it decided" in str(caught.value) or what in str(caught.value)


def test_it_can_announce_no_more_than_there_is(tmp_path: Path) -> None:
    serve = """
        say(HELLO)
        batch = json.loads(requests.readline())
        while batch["trace"]:
            say({"deciding": {"no": "list"}})
    """
    with candidate(fake(tmp_path, serve)) as hostile, pytest.raises(SetupError, match="before it"):
        verdicts(hostile.judge, people(1))


def test_json_for_a_terminal_escapes_what_json_does_not() -> None:
    from inbound.replay.diff.report import as_json

    given = {"текст": "\x9b2J\u202e\u2028\x1b"}
    assert not STEERING.search(as_json(given).decode())
    assert json.loads(as_json(given)) == given
    assert "текст" in as_json(given).decode()
