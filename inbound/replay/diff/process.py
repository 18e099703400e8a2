"""A candidate release in its own process, isolated from the host.

The process gets no environment and no open files of this process. `isolation` shows it its own
code, the Python library and the installed packages, read-only, and no network, process or
device; where that can't be enforced, the candidate is refused. A trusted candidate has the
rights of the user. Either it answers within the time limit, or `SetupError` names the request.

Two batches are in flight, so that both processes work. After a crash or a time-out a fresh
process gets the same streams and announces each step.
"""

import json
import os
import sys
import zipfile
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json
from typing_extensions import override

from inbound.errors import SetupError
from inbound.plurals import counted
from inbound.printing import printable
from inbound.replay.diff._answers import read_description, read_isolation, read_verdicts
from inbound.replay.diff._line_process import LineProcess, NoAnswerError
from inbound.replay.diff.candidates import Candidate
from inbound.replay.diff.protocol import (
    PROTOCOL,
    CandidateConfig,
    CandidateDescription,
    PastStream,
    StreamVerdict,
)

START: Final = Path(__file__).with_name("_bootstrap.py")
START_LIMIT_S = 60.0
TIME_LIMIT_S: Final = 30.0
MEMORY_BYTES: Final = 1 << 30
_BATCHES_IN_FLIGHT: Final = 2
# The parts of a release that deciding may need. A checkout may also contain keys and databases.
_SHOWN: Final = ("inbound", "schemas", "streams", "pyproject.toml")
_SHOWN_METADATA: Final = (".dist-info", ".egg-info")


class CandidateError(SetupError):
    """The candidate failed, not this release."""


def check_code(path: Path) -> Path:
    """Return the absolute path of a wheel or source folder. Raises `SetupError`."""
    path = path.resolve()
    if path.is_dir():
        if not (path / "inbound").is_dir():
            raise SetupError(f"--code {path}: no folder inbound in it; name the root of a release")
    elif not path.exists():
        raise SetupError(f"--code {path}: does not exist; name a wheel or a folder")
    elif not zipfile.is_zipfile(path):
        raise SetupError(f"--code {path}: neither a wheel nor a folder")
    return path


class ProcessCandidate(Candidate):
    """Another release. Blocks for at most `time_limit_s` on each answer, a minute on the first."""

    def __init__(
        self,
        code: Path,
        config: CandidateConfig,
        time_limit_s: float = TIME_LIMIT_S,
        *,
        trusted: bool = False,
    ) -> None:
        """Start it and read its description.

        Raises `SetupError` if it can't be a candidate, and if it is not trusted and can't be
        isolated.
        """
        self._code = check_code(code)
        self._config = config
        self._limit_s = time_limit_s
        self._trusted = trusted
        self._process, self._description = self._start()

    @property
    @override
    def description(self) -> CandidateDescription:
        return self._description

    @override
    def judge(
        self, batches: Iterable[Sequence[PastStream]], asked: Collection[str]
    ) -> Iterator[list[StreamVerdict]]:
        waiting: deque[Sequence[PastStream]] = deque()
        try:
            for batch in batches:
                self._process.send(_request(batch, asked, trace=False))
                waiting.append(batch)
                if len(waiting) == _BATCHES_IN_FLIGHT:
                    yield read_verdicts(self._process.answer(self._limit_s), waiting[0], asked)
                    waiting.popleft()
            while waiting:
                yield read_verdicts(self._process.answer(self._limit_s), waiting[0], asked)
                waiting.popleft()
        except NoAnswerError as silent:
            raise self._blame(waiting[0], asked, silent) from None

    @override
    def close(self) -> None:
        self._process.close()

    def _start(self) -> tuple[LineProcess, CandidateDescription]:
        process = LineProcess(_command(self._code, self._config, trusted=self._trusted))
        try:
            _check_isolation(process.answer(START_LIMIT_S))
            process.send({"protocol": PROTOCOL, "orders": asdict(self._config)})
            return process, read_description(process.answer(START_LIMIT_S))
        except NoAnswerError as silent:
            raise self._failed(process, str(silent)) from None
        except BaseException:
            process.close()
            raise

    def _blame(
        self, batch: Sequence[PastStream], asked: Collection[str], silent: NoAnswerError
    ) -> CandidateError:
        """Return an error that names the request at which the candidate failed."""
        self._process.close()
        self._process, _ = self._start()
        at = None
        try:
            self._process.send(_request(batch, asked, trace=True))
            # Each event is announced before it is read, and before it is decided.
            for _ in range(2 * sum(len(stream.events) for stream in batch) + 1):
                answer = self._process.answer(self._limit_s)
                if "deciding" not in answer:
                    break
                at = answer["deciding"]
            read_verdicts(answer, batch, asked)
        except NoAnswerError as again:
            return self._failed(self._process, f"{again} {_where(batch, at)}")
        return self._failed(
            self._process,
            f"{silent} while deciding {counted(len(batch), 'subject')} from {batch[0].subject} on, "
            "but did not when asked again",
        )

    def _failed(self, process: LineProcess, what: str) -> CandidateError:
        """End the process and return an error with its last lines on standard error."""
        process.close()
        lines = process.last_errors()
        said = f"; it wrote: {' | '.join(lines)}" if lines else ""
        return CandidateError(f"the candidate {printable(self._code.name)} {what}{said}")


def _where(batch: Sequence[PastStream], at: Any) -> str:  # noqa: ANN401 — as the candidate said it
    """Name the request that a traced candidate was deciding."""
    try:
        subject, version = UUID(at[0]), int(at[1])
        data = next(
            event.data
            for stream in batch
            for event in stream.events
            if stream.subject == subject and event.version == version
        )
        request = from_json(data).get("request_id", "none")
    except (TypeError, ValueError, AttributeError, LookupError, StopIteration):
        return f"before it decided {counted(len(batch), 'subject')} from {batch[0].subject} on"
    return f"while deciding request {request} (subject {subject}, version {version})"


def _request(batch: Sequence[PastStream], asked: Collection[str], *, trace: bool) -> dict[str, Any]:
    return {"asked": sorted(asked), "trace": trace, "streams": batch}


_NOT_ISOLATED: Final = (
    "--code: this system does not let the candidate be isolated: {why}. Allow user namespaces, run "
    "the diff on another machine, or add --trust if you trust that code like this release: it then "
    "runs with all your rights"
)


def _check_isolation(answer: dict[str, Any]) -> None:
    if why := read_isolation(answer):
        raise CandidateError(_NOT_ISOLATED.format(why=why))


def _command(code: Path, config: CandidateConfig, *, trusted: bool) -> list[str]:
    """Return the command line of an interpreter that imports the candidate first."""
    # These folders don't add this release: without `site` path files are not read.
    installed = [path for path in sys.path if path.rstrip("/").endswith("-packages")]
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    plan = {
        "code": str(code),
        "names": _entries_to_show(code) if code.is_dir() else [],
        "installed": installed,
        "readable": [path for path in (config.templates, *libraries) if path],
        "memory_bytes": MEMORY_BYTES,
        "trusted": trusted,
        "parent": os.getpid(),
    }
    return [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(START), json.dumps(plan)]


def _entries_to_show(folder: Path) -> list[str]:
    return [
        path.name
        for path in folder.iterdir()
        if path.name in _SHOWN or path.name.endswith(_SHOWN_METADATA)
    ]
