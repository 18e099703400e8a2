"""Uploaded tables: who finds them, how long they stay, what a restart leaves."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from inbound.desk import uploads as module
from inbound.desk.problems import ErrorPage
from inbound.desk.uploads import KEPT, MOST_PER_USER, Upload, Uploads

ANN, BOB = UUID(int=1), UUID(int=2)


class World:
    """Uploads in a folder, at a time that a test decides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "uploads"
        self.now = datetime.now(UTC)
        self.uploads = Uploads(self.folder, lambda: self.now)

    def upload(self, content: bytes = b"x", owner: UUID = ANN) -> Upload:
        draft = self.uploads.begin()
        draft.write(content)
        kept = self.uploads.keep(draft, owner, "broadcasts", "клиенты.csv")
        draft.discard()
        return kept

    def find(self, upload: Upload, owner: UUID = ANN, purpose: str = "broadcasts") -> Upload | None:
        return self.uploads.find(upload.upload_id, owner, purpose)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_upload_is_found_by_its_owner_for_its_purpose_alone(world: World) -> None:
    kept = world.upload(b"msisdn\n")
    assert world.find(kept) == kept
    assert kept.path.read_bytes() == b"msisdn\n"
    assert kept.name == "клиенты.csv"
    assert world.find(kept, BOB) is None
    assert world.find(kept, purpose="clients") is None
    assert world.uploads.find(uuid4(), ANN, "broadcasts") is None


def test_a_restart_keeps_what_was_accepted_and_how_it_is_read(world: World) -> None:
    kept = world.uploads.choose(world.upload(), {"encoding": "cp1251"})
    later = Uploads(world.folder, lambda: world.now)
    assert later.find(kept.upload_id, ANN, "broadcasts") == kept
    assert kept.choices == {"encoding": "cp1251"}


def test_only_the_user_of_the_process_can_read_the_files(world: World) -> None:
    world.upload()
    assert world.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in world.folder.iterdir()} == {0o600}


def test_an_upload_is_deleted_after_a_day(world: World) -> None:
    kept, other = world.upload(), world.upload(owner=BOB)
    world.now += KEPT
    world.uploads.sweep()
    assert world.find(kept)
    world.now += timedelta(seconds=1)
    world.uploads.sweep()
    assert world.find(kept) is None
    assert world.find(other, BOB) is None
    assert list(world.folder.iterdir()) == []


def test_an_interrupted_upload_is_deleted_and_one_in_progress_is_not(world: World) -> None:
    draft = world.uploads.begin()
    draft.write(b"half")
    world.uploads.sweep()
    [left] = world.folder.glob("*.part")
    old = world.now.timestamp() - 7200
    os.utime(left, (old, old))
    world.uploads.sweep()
    assert list(world.folder.iterdir()) == []
    draft.discard()


def test_one_more_upload_replaces_the_oldest_of_its_user(world: World) -> None:
    theirs = world.upload(owner=BOB)
    mine = []
    for _ in range(MOST_PER_USER + 1):
        world.now += timedelta(seconds=1)
        mine.append(world.upload())
    assert world.find(mine[0]) is None
    assert all(world.find(one) for one in mine[1:])
    assert world.find(theirs, BOB)


def test_uploads_do_not_fill_the_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = world.upload(b"x" * 100)
    monkeypatch.setattr(module, "BYTES_OF_ALL", 99)
    with pytest.raises(ErrorPage) as refused:
        world.upload()
    assert refused.value.status_code == 503
    world.uploads.delete(kept)
    world.upload()


def test_a_name_is_one_line_of_limited_length(world: World) -> None:
    draft = world.uploads.begin()
    draft.write(b"x")
    kept = world.uploads.keep(draft, ANN, "broadcasts", "a\r\n" + "б" * 300 + ".csv")
    assert len(kept.name) <= 120
    assert kept.name.endswith(".csv")
    assert kept.name.isprintable()
