"""Runs `scserv` and writes what it loaded, opened and talked to: REPORT ARGUMENTS...

PostgreSQL's client library connects by itself, so connections are looked at from outside of
Python too, at every audited event.
"""

import json
import os
import sys
from pathlib import Path

import psutil

from inbound.cli import main

LOOK_AT = ("open", "socket.connect", "socket.bind", "socket.__new__", "compile")


def run(report: Path, arguments: list[str]) -> int:
    me = psutil.Process()
    python_connects: list[str] = []
    opened: set[str] = set()
    peers: set[str] = set()
    started: list[str] = []
    busy = False

    def look(event: str, args: tuple[object, ...]) -> None:
        nonlocal busy
        if busy:
            return
        if event == "socket.connect":
            python_connects.append(str(args[1]))
        if event == "open":
            opened.add(str(args[0]))
        if event == "subprocess.Popen":
            started.append(str(args[0]))
        if event in LOOK_AT:
            busy = True
            peers.update(f"{c.raddr.ip}:{c.raddr.port}" for c in me.net_connections() if c.raddr)
            busy = False

    sys.addaudithook(look)
    sys.argv = ["scserv", *arguments]
    status = 0
    try:
        main()
    except SystemExit as end:
        status = int(end.code or 0)
    busy = True
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
