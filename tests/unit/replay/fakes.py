"""Candidates in folders, whose code a test writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from inbound.replay.diff.process import ProcessCandidate
from inbound.replay.diff.protocol import CandidateConfig


@contextmanager
def candidate(
    code: Path,
    orders: CandidateConfig | None = None,
    limit_s: float = 300,
    *,
    trusted: bool = False,
) -> Iterator[ProcessCandidate]:
    running = ProcessCandidate(code, orders or CandidateConfig(), limit_s, trusted=trusted)
    try:
        yield running
    finally:
        running.close()


def fake(tmp_path: Path, serve: str) -> Path:
    """A candidate whose entry point does as `serve` says."""
    folder = tmp_path / "fake"
    place = folder / "inbound/replay/diff"
    place.mkdir(parents=True)
    (folder / "schemas").mkdir()
    for package in ("inbound", "inbound/replay", "inbound/replay/diff", "schemas"):
        (folder / package / "__init__.py").touch()
    head = """
        import json, os, sys, time
        HELLO = {"protocol": 1, "release": "9", "policies": {}, "texts": {}}
        def serve(requests, answers):
            def say(what):
                answers.write(json.dumps(what).encode() + b"\\n")
                answers.flush()
            hello = json.loads(requests.readline())
    """
    body = "\n".join(" " * 4 + line for line in dedent(serve).strip().splitlines())
    (place / "child.py").write_text(dedent(head).strip() + "\n" + body + "\n", "utf-8")
    return folder
