"""Runs `scserv` and writes what it loaded, opened and talked to: REPORT ARGUMENTS...

PostgreSQL's client library connects without Python's socket module, so a thread looks at the
connections of the process all the time.
"""

import json
import os
import sys
import threading
from pathlib import Path

import psutil

from inbound.cli import main


def run(report: Path, arguments: list[str]) -> int:
    me = psutil.Process()
    python_connects: list[str] = []
    opened: set[str] = set()
    peers: set[str] = set()
    started: list[str] = []
    ended = threading.Event()

    def look_at_connections() -> None:
        while not ended.wait(0.001):
            peers.update(f"{c.raddr.ip}:{c.raddr.port}" for c in me.net_connections() if c.raddr)

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
        "peers": sorted(peers),
        "opened": sorted(opened),
        "started": started,
    }
    report.write_text(json.dumps(found), "utf-8")
    return status


if __name__ == "__main__":
    code = run(Path(sys.argv[1]), sys.argv[2:])
    os._exit(code)
