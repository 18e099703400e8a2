"""Files of users: tables that they uploaded, and files that were written for them to download.

They are kept in a folder until they are used or expire. An upload is accepted once it and its
description are on disk, so a restart loses none. Only its owner finds it, for the purpose it was
made for. Files may have numbers and secrets: only the desk's own user can read them. Neither one
user nor all together can fill the disk.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID, uuid4

from inbound.desk.problems import ErrorPage
from inbound.private_files import open_file, prepare_folder, write_file

KEPT: Final = timedelta(days=1)
FILES: Final = "files"
"""The purpose of files to download, which hold whole numbers and are deleted sooner."""
FILES_KEPT: Final = timedelta(hours=1)
_USE_KEPT: Final = timedelta(days=30)
"""For how long it is known what a deleted table was used for."""
BYTES_MAX: Final = 1 << 28
"""The limit for one file, as large as for a workbook that is read."""
BYTES_OF_ALL: Final = 1 << 31
MOST_PER_USER: Final = 10
"""The limit for each purpose. One more replaces the oldest."""
_PART_KEPT: Final = timedelta(hours=1)
_SWEEP_EVERY_S: Final = 600.0
_NAME_CHARS: Final = 120


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file. `name` is what its user calls it, `choices` how they want it read."""

    upload_id: UUID
    owner: UUID
    purpose: str
    name: str
    at: datetime
    path: Path
    choices: Mapping[str, str] = field(default_factory=dict)


class PartialUpload:
    """An upload that is still being received."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file

    def write(self, content: bytes) -> None:
        """Add content. Blocks; raises OSError."""
        self._file.write(content)

    def keep(self, path: Path) -> None:
        """Bring the content to disk under its own name. Blocks; raises OSError."""
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        self._path.replace(path)

    def discard(self) -> None:
        """Delete it. Safe to repeat."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


class Uploads:
    """The uploads in one folder. Every method blocks on the disk."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        """Creates the folder with the first upload."""
        self._folder = folder
        self._clock = clock

    def begin(self) -> PartialUpload:
        """Begin to receive a file. Raises ErrorPage if there is no room, and SetupError."""
        self.make_room()
        path = self._folder / f"{uuid4()}.part"
        return PartialUpload(path, open_file(path, "xb"))  # type: ignore[arg-type]

    def make_room(self) -> Path:
        """Sweep, and return the folder. Raises ErrorPage if there is no room, and SetupError."""
        prepare_folder(self._folder)
        self.sweep()
        if sum(path.stat().st_size for path in self._files()) > BYTES_OF_ALL:
            raise ErrorPage(
                503,
                "There is no room for another table now.",
                "Uploaded tables are deleted after a day at the latest. Try again later, or tell "
                "an operator.",
            )
        return self._folder

    def take(self, path: Path, owner: UUID, purpose: str, name: str) -> Upload:
        """Accept a file that was written beside the uploads, and move it. Raises OSError."""
        return self.keep(PartialUpload(path, path.open("ab")), owner, purpose, name)

    def keep(self, draft: PartialUpload, owner: UUID, purpose: str, name: str) -> Upload:
        """Accept an upload: it is on disk when this returns. Raises OSError."""
        shown = "".join(char for char in name if char.isprintable())[-_NAME_CHARS:]
        upload_id = uuid4()
        path = self._folder / f"{upload_id}.table"
        upload = Upload(upload_id, owner, purpose, shown, self._clock(), path)
        draft.keep(upload.path)
        self._describe(upload)
        alike = (one for one in self._all() if (one.owner, one.purpose) == (owner, purpose))
        for oldest in sorted(alike, key=lambda one: one.at)[:-MOST_PER_USER]:
            self.delete(oldest)
        return upload

    def find(self, upload_id: UUID, owner: UUID, purpose: str) -> Upload | None:
        """Return an upload of a user; None if it no longer exists, or never did."""
        found = self._read(self._folder / f"{upload_id}.json")
        is_theirs = found is not None and (found.owner, found.purpose) == (owner, purpose)
        return found if is_theirs else None

    def choose(self, upload: Upload, choices: Mapping[str, str]) -> Upload:
        """Remember how an upload is to be read."""
        chosen = replace(upload, choices=dict(choices))
        self._describe(chosen)
        return chosen

    def note_use(self, upload: Upload, made: UUID) -> None:
        """Remember what was made of an upload, longer than the upload itself."""
        told = {"owner": str(upload.owner), "purpose": upload.purpose, "made": str(made)}
        write_file(self._folder / f"{upload.upload_id}.used", json.dumps(told))

    def find_use(self, upload_id: UUID, owner: UUID, purpose: str) -> UUID | None:
        """Return what was last made of an upload of a user."""
        try:
            told = json.loads((self._folder / f"{upload_id}.used").read_text("utf-8"))
            is_theirs = (told["owner"], told["purpose"]) == (str(owner), purpose)
            return UUID(told["made"]) if is_theirs else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def delete(self, upload: Upload) -> None:
        """Delete an upload. Safe to repeat."""
        upload.path.unlink(missing_ok=True)
        upload.path.with_suffix(".json").unlink(missing_ok=True)

    def sweep(self) -> None:
        """Delete files that are too old, and the remains of interrupted uploads."""
        now = self._clock()
        for upload in self._all():
            if now - upload.at > (FILES_KEPT if upload.purpose == FILES else KEPT):
                self.delete(upload)
        for path in self._files():
            with contextlib.suppress(OSError):
                is_left = path.suffix == ".part" or not path.with_suffix(".json").exists()
                age = now.timestamp() - path.stat().st_mtime
                if is_left and age > _PART_KEPT.total_seconds():
                    path.unlink()

        for path in self._folder.glob("*.used"):
            with contextlib.suppress(OSError):
                if now.timestamp() - path.stat().st_mtime > _USE_KEPT.total_seconds():
                    path.unlink()

    @asynccontextmanager
    async def sweeping(self) -> AsyncIterator[None]:
        """Sweep now and every ten minutes, as long as the block runs."""

        async def repeat() -> None:
            while True:
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(self.sweep)
                await asyncio.sleep(_SWEEP_EVERY_S)

        task = asyncio.create_task(repeat())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _files(self) -> Iterator[Path]:
        for kind in ("*.table", "*.part"):
            yield from self._folder.glob(kind)

    def _all(self) -> list[Upload]:
        found = (self._read(path) for path in self._folder.glob("*.json"))
        return [upload for upload in found if upload is not None]

    def _read(self, path: Path) -> Upload | None:
        try:
            told = json.loads(path.read_text("utf-8"))
            at = datetime.fromisoformat(told["at"])
            table = path.with_suffix(".table")
            owner = UUID(told["owner"])
            purpose, name, choices = told["purpose"], told["name"], told["choices"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        if not table.exists():
            return None
        return Upload(UUID(path.stem), owner, purpose, name, at, table, choices)

    def _describe(self, upload: Upload) -> None:
        told = {
            "owner": str(upload.owner),
            "purpose": upload.purpose,
            "name": upload.name,
            "at": upload.at.isoformat(),
            "choices": dict(upload.choices),
        }
        write_file(upload.path.with_suffix(".json"), json.dumps(told))
