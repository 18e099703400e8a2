"""The log of a server's output is bounded, and steers no terminal whatever a stranger chose."""

import errno
import os
from pathlib import Path
from typing import IO

import pytest

from inbound.local.servers._output import OutputLog


def written(log: OutputLog, *octets: bytes) -> None:
    with log.writer() as sink:
        for each in octets:
            os.write(sink, each)
    log.drain()


def test_what_could_steer_a_terminal_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    written(
        OutputLog(path),
        b'FATAL:  no role "\x1b]0;owned\x07\xc2\x9b2J\xe2\x80\xaeevil"\r\n',
        b"not UTF-8: \xff\xfe\nLOG:  second li",
        b"ne\nwithout an end",
    )
    assert path.read_text().split("\n") == [
        'FATAL:  no role "\\u001b]0;owned\\u0007\\u009b2J\\u202eevil"\\r',
        "not UTF-8: \\xff\\xfe",
        "LOG:  second line",
        "without an end",
        "",
    ]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_flood_takes_no_more_than_two_files_of_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    log = OutputLog(path, limit_bytes=10_000)
    with log.writer() as sink:
        for n in range(2000):
            os.write(sink, b"%06d %s\n" % (n, b"x" * 100))
        for _ in range(20):
            os.write(sink, b"\x1b" * 20_000)  # a line that never ends
    log.drain()
    sizes = {each.name: each.stat().st_size for each in tmp_path.iterdir()}
    assert sizes.keys() == {"server.log", "server.log.1"}
    assert all(size < 10_000 + 6 * 64 * 1024 for size in sizes.values())


def test_the_newest_lines_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    log = OutputLog(path, limit_bytes=1000)
    with log.writer() as sink:
        for n in range(1000):
            os.write(sink, b"line %d\n" % n)
    log.drain()
    kept = path.with_name("server.log.1").read_text() + path.read_text()
    assert kept.endswith("line 998\nline 999\n")


def test_a_full_disk_neither_stops_the_server_nor_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "server.log"
    disks = [Path("/dev/full"), None, Path("/dev/full")]

    def open_(file: Path, mode: str) -> IO[bytes]:
        disk = disks.pop() if disks else file
        if disk is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return disk.open(mode)

    monkeypatch.setattr("inbound.local.servers._output.open_file", open_)
    log = OutputLog(path, limit_bytes=1)
    with log.writer() as sink:
        for _ in range(20):  # more than a pipe holds: a server that nobody reads would wait
            os.write(sink, b"x" * 8_000 + b"\n")
    log.drain()
    full = OutputLog(path)
    disks[:] = [Path("/dev/full")]
    written(full, b"lost\n")
    written(OutputLog(path), b"kept\n")
    assert path.read_text() == "kept\n"
