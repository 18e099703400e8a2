"""Files about broadcasts that users download: written by jobs (`long_work`), beside the uploads.

They hold whole numbers, so each is recorded before it is written, only its user finds it, and it
is deleted when it was downloaded or an hour has passed.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from inbound.broadcasts.control import UnknownBroadcastError
from inbound.broadcasts.files import AudienceDeletedError, FileOrder, Written
from inbound.broadcasts.sealing import AudienceSealer
from inbound.desk.job_words import no_room, writing_file
from inbound.desk.long_work import JobRefusedError, Result, Work
from inbound.desk.uploads import FILES, Upload, Uploads
from inbound.errors import SetupError
from inbound.temporary_folder import TemporaryFolder

Write = Callable[[psycopg.Connection, UUID, FileOrder], Written]
TYPES: Final[Mapping[str, str]] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class FileWish:
    """A file that a user asked for: `what` is in it, and `why`; `by` is the name for the audit."""

    broadcast_id: UUID
    what: str
    kind: str
    by: str
    why: str
    in_russian: bool

    @property
    def name(self) -> str:
        """The name of the file."""
        return f"broadcast-{self.broadcast_id}.{self.what}.{self.kind}"


class BroadcastFiles:
    """Writes files into the folder of uploads."""

    def __init__(self, uploads: Uploads, sealer: AudienceSealer, zone: str) -> None:
        """Times in files are in `zone`."""
        self._uploads = uploads
        self._sealer = sealer
        self._zone = zone

    def write(self, conn: psycopg.Connection, work: Work, wish: FileWish, write: Write) -> Result:
        """Write a file; the result has the id of its upload. Blocks for minutes.

        Raises JobRefusedError and errors of the store.
        """
        with self._folder() as folder:
            order = FileOrder(
                self._sealer,
                folder / wish.name,
                self._zone,
                wish.by,
                wish.why,
                work.advance,
                in_russian=wish.in_russian,
            )
            with _refusing():
                written = write(conn, wish.broadcast_id, order)
            if written.path is None:
                raise JobRefusedError({"problem": "empty"})
            with writing_file():
                taken = self._uploads.take(written.path, work.order.owner, FILES, wish.name)
            return {"upload": str(taken.upload_id)}

    def find(self, upload_id: str, owner: UUID) -> Upload | None:
        """Return a file that was written for a user, while it is there."""
        return self._uploads.find(UUID(upload_id), owner, FILES)

    def delete(self, file: Upload) -> None:
        """Delete a file. Safe to repeat."""
        self._uploads.delete(file)

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with writing_file():
            folder = TemporaryFolder("desk", self._uploads.make_room())
        try:
            yield folder.path
        finally:
            folder.close()


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except UnknownBroadcastError:
        refusal = JobRefusedError({"problem": "unknown"})
    except AudienceDeletedError:
        refusal = JobRefusedError({"problem": "deleted"})
    except SetupError:  # the file can't be written
        refusal = no_room()
    else:
        return
    raise refusal
