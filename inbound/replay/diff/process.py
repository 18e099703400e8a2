"""A candidate release in its own process.

The process gets the candidate's code and the installed packages, but no environment, working
folder or open files of this process, so it knows no database, Kafka or SMS centre. Either it
answers within the time limit, or `SetupError` names the request.

Two batches are in flight, so that both processes work. After a crash or a time-out a fresh
process gets the same streams and announces each step.
"""

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
from inbound.replay.diff._line_process import LineProcess, NoAnswerError
from inbound.replay.diff.candidates import Candidate
from inbound.replay.diff.protocol import (
    PROTOCOL,
    CandidateConfig,
    CandidateDescription,
    DecisionDifference,
    PastStream,
    ReplyText,
    StreamVerdict,
)

START: Final = Path(__file__).with_name("_bootstrap.py")
TIME_LIMIT_S: Final = 30.0
_BATCHES_IN_FLIGHT: Final = 2


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
    """Another release. Blocks for at most `time_limit_s` on each answer."""

    def __init__(
        self, code: Path, config: CandidateConfig, time_limit_s: float = TIME_LIMIT_S
    ) -> None:
        """Start it and read its description. Raises `SetupError` if it can't be a candidate."""
        self._code = check_code(code)
        self._config = config
        self._limit_s = time_limit_s
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
                    yield _verdicts(self._process.answer(self._limit_s), waiting[0])
                    waiting.popleft()
            while waiting:
                yield _verdicts(self._process.answer(self._limit_s), waiting[0])
                waiting.popleft()
        except NoAnswerError as silent:
            raise self._blame(waiting[0], asked, silent) from None

    @override
    def close(self) -> None:
        self._process.close()

    def _start(self) -> tuple[LineProcess, CandidateDescription]:
        process = LineProcess(_command(self._code))
        try:
            process.send({"protocol": PROTOCOL, "orders": asdict(self._config)})
            return process, _description(process.answer(self._limit_s))
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
            while "deciding" in (answer := self._process.answer(self._limit_s)):
                at = answer["deciding"]
            _verdicts(answer, batch)
        except NoAnswerError as again:
            return self._failed(self._process, f"{again} {_where(batch, at)}")
        return self._failed(
            self._process,
            f"{silent} while deciding the {len(batch)} subjects from {batch[0].subject} on, but "
            "did not when asked again",
        )

    def _failed(self, process: LineProcess, what: str) -> CandidateError:
        """End the process and return an error with its last lines on standard error."""
        process.close()
        lines = process.last_errors()
        said = f"; it wrote: {' | '.join(lines)}" if lines else ""
        return CandidateError(f"the candidate {self._code.name} {what}{said}")


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
    except (TypeError, ValueError, IndexError, StopIteration):
        return f"before it decided any of the {len(batch)} subjects from {batch[0].subject} on"
    return f"while deciding request {request} (subject {subject}, version {version})"


def _request(batch: Sequence[PastStream], asked: Collection[str], *, trace: bool) -> dict[str, Any]:
    return {"asked": sorted(asked), "trace": trace, "streams": batch}


def _description(answer: dict[str, Any]) -> CandidateDescription:
    if "error" in answer:
        raise NoAnswerError(str(answer["error"]))
    if answer.get("protocol") != PROTOCOL:
        raise NoAnswerError(f"speaks replay protocol {answer.get('protocol')}, not {PROTOCOL}")
    try:
        texts = {
            str(name): ReplyText(str(text), int(parts), tuple(fields), bool(resend))
            for name, (text, parts, fields, resend) in answer["texts"].items()
        }
        return CandidateDescription(str(answer["release"]), dict(answer["policies"]), texts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NoAnswerError(f"sent a description of another form: {error!r}") from None


def _verdicts(answer: dict[str, Any], batch: Sequence[PastStream]) -> list[StreamVerdict]:
    """Parse the verdicts of a batch, one per subject."""
    try:
        verdicts = [
            StreamVerdict(
                UUID(s),
                int(c),
                int(r),
                [DecisionDifference(*d) for d in ds],
                [(m[0], m[1]) for m in ms],
            )
            for s, c, r, ds, ms in answer["verdicts"]
        ]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise NoAnswerError(f"sent an answer of another form: {error!r}") from None
    if [verdict.subject for verdict in verdicts] != [stream.subject for stream in batch]:
        raise NoAnswerError("answered for other subjects than asked")
    return verdicts


def _command(code: Path) -> list[str]:
    """Return the command line of an isolated interpreter that imports the candidate first."""
    # These folders don't add this release: without `site` path files are not read.
    installed = [path for path in sys.path if path.rstrip("/").endswith("-packages")]
    return [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(START), str(code), *installed]
