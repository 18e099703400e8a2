"""A child process that answers line by line and can neither block nor flood this one.

It gets an empty environment, an empty working folder and no open file except its pipes. Each
pipe has a thread, so a full pipe blocks nothing else. An answer is limited in length, depth and
number of values before it is read, so its size in memory is limited too.
"""

import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, Final

from pydantic_core import from_json, to_json

from inbound.printing import printable
from inbound.temporary_folder import TemporaryFolder

# Everything that an interpreter may need to start.
_KEPT_VARIABLES: Final = ("LD_LIBRARY_PATH",)
_LONGEST_LINE: Final = 1 << 24
_MOST_VALUES: Final = 1_000_000  # about 100 MB as Python objects
_EXIT_WITHIN_S: Final = 5.0  # after a process has closed its output
_JOIN_WITHIN_S: Final = 5.0
_POLL_S: Final = 0.01
_LONGEST_SHOWN: Final = 200
_LAST_LINES: Final = 4
_UNREAD: Final = 2
_END: Final = b""


class NoAnswerError(Exception):
    """The process exited, hung or wrote something unusable."""


class LineProcess:
    """The process. The caller has to close it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._closing = False
        self._folder = TemporaryFolder("candidate")
        self._process = subprocess.Popen(
            command,
            env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
            cwd=self._folder.path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches only this process, which ends the child
        )
        self._to_send: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._answers: queue.Queue[bytes] = queue.Queue(_UNREAD)
        self._written: deque[str] = deque(maxlen=_LAST_LINES)
        self._threads = [
            threading.Thread(target=work, args=(pipe,), daemon=True)
            for work, pipe in (
                (self._write, self._process.stdin),
                (self._read, self._process.stdout),
                (self._listen, self._process.stderr),
            )
        ]
        for thread in self._threads:
            thread.start()

    def send(self, what: object) -> None:
        """Queue one line of JSON. The queue is unbounded: the caller limits what waits."""
        self._to_send.put(to_json(what) + b"\n")

    def answer(self, within_s: float) -> dict[str, Any]:
        """Return the next line. Blocks for at most `within_s`; raises `NoAnswerError`."""
        try:
            line = self._answers.get(timeout=within_s)
        except queue.Empty:
            raise NoAnswerError(f"gave no answer within {within_s:g} s") from None
        if line == _END:
            raise NoAnswerError(self._how_it_ended(within_s))
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            raise NoAnswerError(f"wrote a line of more than {_LONGEST_LINE} octets")
        if sum(map(line.count, (b",", b"[", b"{"))) > _MOST_VALUES:
            raise NoAnswerError(f"answered with more than {_MOST_VALUES} values")
        try:
            answer = from_json(line)  # nested 200 levels deep at most
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            shown = line[:_LONGEST_SHOWN].decode("utf-8", "replace").rstrip()
            raise NoAnswerError(f"answered {shown!r}, which is not a JSON object")
        return answer

    def last_errors(self) -> list[str]:
        """Return the last lines it wrote to standard error, as they may be printed."""
        return [line for line in self._written if line]

    def close(self) -> None:
        """Kill its process group. Safe to repeat.

        Blocks until nothing holds its pipes open, but not for long: without isolation a process
        that left the group can hold them.
        """
        self._closing = True
        self._kill_group()
        self._process.wait()
        self._to_send.put(None)
        deadline = time.monotonic() + _JOIN_WITHIN_S
        for thread in self._threads:
            while thread.is_alive() and time.monotonic() < deadline:
                with suppress(queue.Empty):
                    self._answers.get_nowait()
                thread.join(timeout=_POLL_S)
        self._folder.close()

    def _kill_group(self) -> None:
        # The group keeps its number only while the process that leads it isn't waited for.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _how_it_ended(self, within_s: float) -> str:
        deadline = time.monotonic() + min(within_s, _EXIT_WITHIN_S)
        flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
        while not (ended := os.waitid(os.P_PID, self._process.pid, flags)):
            if time.monotonic() > deadline:
                return "closed its output"
            time.sleep(_POLL_S)
        if ended.si_code == os.CLD_EXITED:
            return f"ended with status {ended.si_status}"
        return f"ended by signal {ended.si_status}"

    def _write(self, pipe: IO[bytes]) -> None:
        with suppress(OSError), pipe:  # `answer` reports the exit
            while (line := self._to_send.get()) is not None:
                pipe.write(line)
                pipe.flush()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while (line := pipe.readline(_LONGEST_LINE)) and not self._closing:
                self._answers.put(line)
                if not line.endswith(b"\n"):
                    break
        self._answers.put(_END)

    def _listen(self, pipe: IO[bytes]) -> None:
        with pipe:
            while line := pipe.readline(_LONGEST_SHOWN):
                self._written.append(printable(line.decode("utf-8", "replace").strip()))
