"""Ctrl-C ends every command with one line and status 130, whatever it waits for."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests import forks
from tests.patience import PATIENCE_S

KEY, OTHER = (bytes(range(n, n + 32)).hex() for n in (0, 1))
LINE = "scserv: interrupted\n"
LINES = {"projections rebuild": "stopped; the same command resumes it\n"}
"""Of commands that say how to go on."""
COMMANDS = (
    "status",
    "binds",
    "timeline --phone +79161234567",
    "messages --account default",
    "notify --phone +79161234567 --text x",
    "erase --phone +79161234567 --reason asked --yes",
    "clients import clients.csv --yes",
    "accounts list",
    "broadcast list",
    "registrations list",
    "subscriptions set +79161234567 off --reason asked",
    "deadletters list",
    "callbacks list",
    "projections list",
    "projections rebuild",
    "replay diff --since 1h",
    "log verify --no-kafka",
    "log export log.zst",
    "keys show",
    "keys status",
    "keys rotate",
    "keys give-up",
    "keys rotate-subject",
    "tokens list",
    "users list",
    "migrate",
)


@pytest.mark.parametrize("words", COMMANDS)
async def test_of_a_command_that_waits_for_the_database(words: str, tmp_path: Path) -> None:
    connected = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read(-1)
        writer.close()

    (tmp_path / "clients.csv").write_text("msisdn,client_id,personal_code,login,password\n")
    out, err = tmp_path / "out", tmp_path / "err"
    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        environment = {
            **os.environ,
            "SCSERV_DATABASE_URL": f"postgresql://scserv@127.0.0.1:{port}/scserv",
            "SCSERV_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
            "SCSERV_VAULT_KEY": KEY,
            "SCSERV_OTHER_VAULT_KEY": OTHER,
            "SCSERV_SUBJECT_KEY": KEY,
        }
        wanted = forks.Wanted(words.split(), environment, str(tmp_path), str(out), str(err))
        command = await forks.start(wanted)
        async with asyncio.timeout(PATIENCE_S):
            await connected.wait()
            command.send_signal(signal.SIGINT)
            status = await command.wait()
    assert (status, out.read_text("utf-8")) == (130, "")
    assert err.read_text("utf-8") == LINES.get(words, LINE)


def test_at_a_question_it_ends_the_line_of_the_question() -> None:
    program = """
        import sys, types
        import click
        from inbound.cli import main
        from inbound.cli._commands import COMMANDS, ListedCommand
        from inbound.terminal import confirm

        module = sys.modules["inbound.cli.asking"] = types.ModuleType("inbound.cli.asking")
        module.asking = click.command(lambda: confirm("Really?"))
        COMMANDS["asking"] = ListedCommand("asking:asking", "")
        sys.argv[1:] = ["asking"]
        main()
    """
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", dedent(program)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 — no threads here
    ) as command:
        os.close(theirs)
        said = b""
        while not said.endswith(b"[y/N]: "):
            said += os.read(ours, 1000)
        while state_of(command.pid) in "RD":  # it does not read yet, and would not be interrupted
            os.sched_yield()
        command.send_signal(signal.SIGINT)
        try:
            assert command.wait(PATIENCE_S) == 130
        finally:
            command.kill()
    assert os.read(ours, 1000) == b"\r\nscserv: interrupted\r\n"
    os.close(ours)


def state_of(pid: int) -> str:
    """Return the state of a process: S while it waits (proc_pid_stat(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
