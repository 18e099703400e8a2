"""The processes of `scserv up`: a role that is killed comes back, with and without the fork server.

Their fork server is killed too.
"""

from contextlib import suppress

import psutil
import pytest

from inbound.local.service_children import ROLES
from tests.core_dumps import core_dumps_possible, forbids
from tests.e2e.up.running import NUMBER, Up
from tests.fix_service import STOPPED


@pytest.mark.skipif(not core_dumps_possible(), reason="this machine allows no core dumps")
def test_no_process_may_dump_its_memory(up: Up) -> None:
    names, allowed = set(), []
    for one in up.processes():
        # PostgreSQL has a process for each connection: it may have ended by now.
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            names.add(one.name())
            allowed += [] if forbids(one.pid) else [one.cmdline()]
    assert {"java", "postgres"} <= names
    assert allowed == []


def test_a_killed_role_comes_back_with_and_without_the_fork_server(up: Up) -> None:
    assert [role for role in ("simulator", *ROLES) if up.role(role) is None] == []
    fork_server = up.find(lambda words: any(word.endswith("fork_server.py") for word in words))
    worker, gateway = up.role("worker"), up.role("gateway")
    assert fork_server
    assert worker
    assert gateway
    worker.kill()
    up.says("worker died (signal SIGKILL)")
    worker = up.replaced("worker", worker)
    up.says("worker: ready again")
    fork_server.kill()
    for role, one in (("worker", worker), ("gateway", gateway)):
        one.kill()
        up.says(f"{role} died (signal SIGKILL)")
    up.says("from now on processes start without it", "ready again")
    up.replaced("worker", worker)
    up.replaced("gateway", gateway)
    assert STOPPED in up.run("text", NUMBER, "CLIENT sms stop")
