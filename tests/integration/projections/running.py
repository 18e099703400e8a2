"""A projector on a thread of the test."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self
from uuid import uuid4

from inbound.projections.projector import Projector
from inbound.store.connections import connect
from tests.integration.projections.lines import append_stop
from tests.patience import PATIENCE_S


@contextmanager
def growing_log(url: str) -> Iterator[threading.Event]:
    """Append events on a thread until the event is set, or this ends.

    Not without an end: on a busy machine one process that does all the rest would never catch up.
    """
    done = threading.Event()

    def write() -> None:
        with connect(url, "writer") as writing:
            for _ in range(1000):
                if done.is_set():
                    return
                append_stop(writing, uuid4())

    with ThreadPoolExecutor(1) as threads:
        writer = threads.submit(write)
        try:
            yield done
        finally:
            done.set()
            writer.result(PATIENCE_S)


class Running:
    """A projector on a thread, and what it reports."""

    def __init__(self, url: str, name: str = "tests projector") -> None:
        self.reports: list[tuple[bool, str]] = []
        self._reported = threading.Condition()
        self.projector = Projector(
            lambda: connect(url, name), lambda: connect(url, name, long=True), self._report
        )
        self._thread = threading.Thread(target=self.projector.run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.projector.stopping.set()
        self._thread.join(PATIENCE_S)

    def until(self, so: Callable[[], bool]) -> None:
        """Wait until a round after which it is so."""
        with self._reported:
            assert self._reported.wait_for(so, PATIENCE_S), self.reports[-3:]

    def _report(self, ok: bool, reason: str) -> None:
        with self._reported:
            self.reports.append((ok, reason))
            self._reported.notify_all()
