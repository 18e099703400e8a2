"""Runs `scserv` and writes what it loaded, opened and talked to: REPORT ARGUMENTS...

PostgreSQL's client library connects without Python's socket module, so a thread looks at the
connections of the process all the time. A short one could escape it on a busy machine, so those of
psycopg are looked at as soon as they are there, too.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import psycopg

from inbound.cli import main


class Peers:
    """The addresses that this process has been connected to."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._process = psutil.Process()
        self._connect = psycopg.connect

    def look(self) -> None:
        connections = self._process.net_connections()
        self.found.update(f"{c.raddr.ip}:{c.raddr.port}" for c in connections if c.raddr)

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Connect as psycopg does, and look."""
        connection = self._connect(*args, **kwargs)
        self.look()
        return connection


def run(report: Path, arguments: list[str]) -> int:
    python_connects: list[str] = []
    opened: set[str] = set()
    peers = Peers()
    started: list[str] = []
    ended = threading.Event()

    def look_at_connections() -> None:
        while not ended.wait(0.001):
            peers.look()

    looking = threading.Thread(target=look_at_connections)

    def look(event: str, args: tuple[object, ...]) -> None:
        if ended.is_set() or threading.current_thread() is looking:
            return
        if event == "socket.connect":
            python_connects.append(str(args[1]))
        if event == "open":
            opened.add(str(args[0]))
        if event == "subprocess.Popen":
            started.append(str(args[0]))

    psycopg.connect = peers.connect
    sys.addaudithook(look)
    looking.start()
    sys.argv = ["scserv", *arguments]
    status = 0
    try:
        main()
    except SystemExit as end:
        status = int(end.code or 0)
    ended.set()
    looking.join()
    found = {
        "status": status,
        "modules": sorted(sys.modules),
        "python_connects": python_connects,
        "peers": sorted(peers.found),
        "opened": sorted(opened),
        "started": started,
    }
    report.write_text(json.dumps(found), "utf-8")
    return status


if __name__ == "__main__":
    code = run(Path(sys.argv[1]), sys.argv[2:])
    os._exit(code)
