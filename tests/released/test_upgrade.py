"""Two releases side by side, as during an upgrade: each reads what the other writes.

Three releases are made from this source tree. The first is the tree as it is. The second
announces the command `CLIENT status`, the third accepts it. An upgrade goes one release at a
time, so the first and the third never run together.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.released import one_release, status_command
from tests.released.status_command import NAME, SPELLING, Edit

pytestmark = pytest.mark.drill

ROOT = Path(__file__).parents[2]
INSTALLED = [path for path in sys.path if path.endswith("-packages")]
TEXTS = ["CLIENT info", "CLIENT sms stop", SPELLING, "CLIENT sms start", SPELLING]


@dataclass
class Release:
    """A copy of the source tree."""

    tree: Path

    def run(self, order: dict[str, Any]) -> dict[str, Any]:
        script = one_release.__file__
        done = subprocess.run(
            [sys.executable, "-I", "-S", script, str(self.tree), *INSTALLED],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    @cached_property
    def written(self) -> dict[str, Any]:
        return self.run({"write": TEXTS})

    def read(self, written: dict[str, Any]) -> dict[str, Any]:
        return self.run({"read": written})

    def schemas(self, command: str) -> tuple[int, str]:
        main = "import sys; sys.path[:0] = sys.argv[1:2]; sys.path += sys.argv[2:-2]; "
        main += "sys.argv[1:] = sys.argv[-2:]; from inbound.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", main, self.tree, *INSTALLED, "schemas", command],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


def release(tree: Path, source: Path, *edits: Edit) -> Release:
    """Return a copy of `source` with some edits."""
    for name in ("inbound", "schemas", "streams", "docs"):
        shutil.copytree(source / name, tree / name)
    shutil.copy(source / "pyproject.toml", tree)
    status_command.apply(edits, tree)
    return Release(tree)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return release(tmp_path_factory.mktemp("old"), ROOT)


@pytest.fixture(scope="module")
def announcing(tmp_path_factory: pytest.TempPathFactory) -> Release:
    tree = tmp_path_factory.mktemp("announcing")
    return release(tree, ROOT, *status_command.COMMAND, status_command.ANNOUNCE)


@pytest.fixture(scope="module")
def new(announcing: Release, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The next release only removes the announcement."""
    tree = tmp_path_factory.mktemp("new")
    return release(tree, announcing.tree, status_command.WITHDRAW)


def test_an_announced_command_is_not_accepted(old: Release, announcing: Release) -> None:
    written = announcing.written
    assert written["missed"] == {SPELLING: "unknown"}
    assert written == old.written


def test_the_old_release_reads_what_the_announcing_one_writes(
    old: Release, announcing: Release
) -> None:
    written = announcing.written
    read = old.read(written)
    assert read["state"][1] == read["stored state"]
    assert read == announcing.read(written)


def test_the_announcing_release_reads_what_the_new_one_writes(
    announcing: Release, new: Release
) -> None:
    written = new.written
    assert written["missed"] == {}
    assert [name for name in written["templates"] if name != "acknowledgement"] == [
        "registration",
        "stopped",
        f"{NAME}_off",
        "started",
        f"{NAME}_on",
    ]
    read = announcing.read(written)
    assert read == new.read(written)
    assert read["state"][1] == read["stored state"]
    assert f"{NAME}_off" in read["owed"]
    assert "отключены" in read["texts"][f"{NAME}_off"]
    newest = {language: sentences[0] for language, sentences in read["sentences"].items()}
    assert "; notifications were on, and the reply that says so was handed" in newest["en"]
    assert "были включены; ответ об этом передан оператору" in newest["ru"]


def test_the_new_release_reads_what_older_ones_wrote(
    old: Release, announcing: Release, new: Release
) -> None:
    for older in (old, announcing):
        written = older.written
        assert new.read(written) == older.read(written)


def test_a_value_that_was_not_announced_stops_the_old_release(old: Release, new: Release) -> None:
    """The reason for announcements: this is what they prevent."""
    with pytest.raises(AssertionError, match="UnknownEventError"):
        old.read(new.written)


# -- scserv schemas ----------------------------------------------------------------------------


def test_a_command_is_released_in_two_steps(tmp_path: Path) -> None:
    first = release(tmp_path / "1", ROOT, *status_command.COMMAND, status_command.ANNOUNCE)
    status, out = first.schemas("release")
    assert status == 0
    for document in ("openapi.json", "asyncapi.json", "SUBSCRIBERS.md"):
        assert f"docs/{document}" in out
    assert first.schemas("check")[0] == 0
    second = release(tmp_path / "2", first.tree, status_command.WITHDRAW)
    status, out = second.schemas("release")
    assert (status, "request.accepted.v1.json" in out) == (0, True)
    assert second.schemas("check")[0] == 0


def test_a_command_is_announced_beside_another(tmp_path: Path) -> None:
    edits = (*status_command.COMMAND, status_command.ANNOUNCE)
    another = release(tmp_path / "1", ROOT, *status_command.renamed(edits, "example"))
    assert another.schemas("release")[0] == 0
    both = release(tmp_path / "2", another.tree, *edits)
    assert both.schemas("release")[0] == 0
    assert both.schemas("check")[0] == 0
    assert both.run({"write": ["CLIENT example", SPELLING]})["missed"] == {
        "CLIENT example": "unknown",
        SPELLING: "unknown",
    }


def test_a_value_that_was_never_announced_is_refused(tmp_path: Path) -> None:
    tree = release(tmp_path, ROOT, *status_command.COMMAND)
    status, out = tree.schemas("check")
    assert status == 1
    assert f"value 'client_{NAME}' is new and was never announced" in out
    assert "list it in ANNOUNCED (schemas/events.py) for one release first" in out


def test_a_value_that_is_announced_and_written_is_refused(tmp_path: Path) -> None:
    impatient = Edit(
        "inbound/handlers/definitions.py",
        "    if not state.notifications_on:\n        return Planned(Plan.STOPPED,",
        f"    if not state.notifications_on:\n        return Planned(Plan.{NAME.upper()}_OFF,",
    )
    tree = release(tmp_path, ROOT, *status_command.COMMAND, status_command.ANNOUNCE, impatient)
    for command in ("check", "release"):
        status, out = tree.schemas(command)
        assert status != 0
        assert f"sms_stop was planned as {NAME}_off, which this release only announces" in out
