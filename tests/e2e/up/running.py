"""A running `scserv up`: what it says, its processes, and commands beside it."""

import json
import os
import subprocess
import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import psutil

from inbound.kafka.connection import KafkaConnection
from inbound.local.spawning import SCSERV
from tests.core_dumps import core_dumps_allowed, core_dumps_possible
from tests.patience import PATIENCE_S
from tests.service.waiting import eventually_blocking

CODE, LOGIN, PASSWORD = SECRETS = "kod-canary-9", "login-canary-9", "parol-canary-9"
NUMBER: Final = "+79255550109"
"""The only number that texts it."""

_PORTS: Final = ("--port", "--api-port", "--desk-port", "--ingress-port", "--smpp-port")
_CLIENTS: Final = "msisdn,client_id,personal_code,login,password"


class Up:
    """A `scserv up` that may dump its memory if it does not forbid it itself.

    Everyone may enter the folder of its data, so that each file there depends on its own mode.
    """

    def __init__(self, above: Path) -> None:
        """Start it; `ready` waits for it."""
        self.folder = above / "data"
        self.folder.mkdir(mode=0o755)
        self._above = above
        self._said: list[str] = []
        self._read = 0
        self._spoke = threading.Condition()
        with core_dumps_allowed() if core_dumps_possible() else nullcontext():
            self._process = subprocess.Popen(
                self._command("up", *(word for port in _PORTS for word in (port, "0"))),
                cwd=above,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with self._spoke:
                    self._said.append(line)
                    self._spoke.notify()

    @cached_property
    def _environment(self) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if not k.startswith(("SCSERV_", "OTEL_"))}

    def _command(self, *arguments: str) -> list[str]:
        return [*SCSERV, *arguments, "--data-dir", str(self.folder)]

    def run(self, *arguments: str) -> str:
        """Run a command of `scserv` on its data and return what it prints. Blocks."""
        return subprocess.run(
            self._command(*arguments),
            cwd=self._above,
            env=self._environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def import_client(self) -> None:
        """Load the client who has the number and the secrets above."""
        path = self._above / "clients.csv"
        path.write_text(f"{_CLIENTS}\n{NUMBER},C9,{','.join(SECRETS)}\n", "utf-8")
        assert "1 added" in self.run("clients", "import", str(path))
        path.unlink()

    def says(self, *words: str) -> None:
        """Wait until each of the words has been in a line that no call has read before."""
        left = set(words)
        with self._spoke:
            while left:
                heard = self._spoke.wait_for(lambda: len(self._said) > self._read, PATIENCE_S)
                assert heard, f"it did not say {left}: {''.join(self._said[-20:])}"
                line = self._said[self._read]
                self._read += 1
                left -= {word for word in left if word in line}

    @property
    def pid(self) -> int:
        """The id of its own process."""
        return self._process.pid

    def processes(self) -> list[psutil.Process]:
        """Return its own process and all those below it."""
        up = psutil.Process(self.pid)
        return [up, *up.children(recursive=True)]

    def find(self, is_it: Callable[[list[str]], bool]) -> psutil.Process | None:
        """Return the first process with such a command line."""
        return next((one for one in self.processes() if is_it(_words(one))), None)

    def role(self, name: str) -> psutil.Process | None:
        """Return the process of a role, or None while there is none."""
        return self.find(lambda words: words[:4] == [*SCSERV, name])

    def replaced(self, role: str, before: psutil.Process) -> psutil.Process:
        """Wait until a role has another process than before, and return it."""
        eventually_blocking(
            lambda: self.role(role) not in {None, before}, f"no {role} was started again"
        )
        after = self.role(role)
        assert after is not None
        return after

    def stop(self) -> int:
        """Send SIGTERM, wait for the end and return the exit status. Safe to repeat."""
        self._process.terminate()
        status = self._process.wait(PATIENCE_S)
        self._listening.join(PATIENCE_S)
        return status

    @property
    def said(self) -> str:
        """All that it has printed so far."""
        return "".join(self._said)

    # -- its settings ----------------------------------------------------------------------

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What it has written for commands beside it. Only its own user can read that."""
        found: dict[str, Any] = json.loads((self.folder / "service.json").read_text("utf-8"))
        return found

    @property
    def kafka(self) -> KafkaConnection:
        """The address and the credentials of its Kafka."""
        values = self.settings
        return KafkaConnection(
            values["kafka_bootstrap_servers"],
            values["kafka_security_protocol"],
            values["kafka_sasl_mechanism"],
            values["kafka_user"],
            values["kafka_password"],
        )

    @property
    def secrets(self) -> list[str]:
        """Its passwords and keys; the first is PostgreSQL's."""
        url, values = self.settings["database_url"], self.settings
        return [
            url.partition("scserv:")[2].partition("@")[0],
            values["kafka_password"],
            values["vault_key"],
            values["subject_key"],
            values["smpp"]["password"],
        ]

    def port(self, name: str) -> int:
        """Return the port of a listener of its Kafka."""
        return int((self.folder / "kafka" / f"{name}.port").read_text())


def _words(process: psutil.Process) -> list[str]:
    """Return its command line, or nothing if it has ended: PostgreSQL's do at any moment."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
