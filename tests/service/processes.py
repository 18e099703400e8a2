"""The processes of a service: started, killed, stopped, restarted as a supervisor does."""

import asyncio
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests import forks
from tests.patience import PATIENCE_S
from tests.service.ports import free_port
from tests.service.role_process import ROLES, Role, RoleProcess
from tests.service.waiting import eventually

CONFIG: Final = "scserv.toml"
PROGRAM: Final = "inbound.cli"
"""The module that holds `scserv`."""


class Processes(ABC):
    """Processes of roles; `running` are those that the test has not ended.

    Each is forked from one that has imported `program`, or is a new interpreter.
    """

    def __init__(self, folder: Path) -> None:
        """Logs are written to `folder`, where the processes run."""
        self.folder = folder
        self.running: list[RoleProcess] = []
        self.extra_environment: dict[str, str] = {}
        self.program = PROGRAM
        self.is_forked = True
        self._revivals: set[asyncio.Task[None]] = set()
        self._revived: list[RoleProcess] = []

    @abstractmethod
    def environment(self, health_port: int = 0) -> dict[str, str]:
        """Return the environment of its processes and commands."""

    async def start(self, *roles: Role) -> list[RoleProcess]:
        """Start one more process of each role (of `ROLES`, when none is named) and return them."""
        started = [await self._start(role) for role in roles or ROLES]
        await self.ready()
        return started

    async def launch(self, role: Role) -> RoleProcess:
        """Start one more process of a role that may never be ready."""
        return await self._start(role)

    async def ready(self) -> None:
        """Wait until the health port of every running process says that it is ready.

        A process that is restarted when it ends has to be replaced first; no other may have ended.
        """
        await eventually(
            lambda: not any(one.not_ready() for one in self.running) or self._any_ended(),
            self._explain,
        )
        assert not self._any_ended(), self._explain()

    def _any_ended(self) -> bool:
        return any(
            one.process.returncode is not None and one not in self._revived
            for one in list(self.running)
        )

    def _explain(self) -> str:
        late = [(one.role, reason) for one in self.running if (reason := one.not_ready())]
        return "\n".join(f"{reason}\n{self.log_of(role)[-2000:]}" for role, reason in late)

    async def kill(self, victim: RoleProcess) -> None:
        """Send SIGKILL to a process and wait until it has ended. It is not restarted."""
        self.running.remove(victim)
        victim.kill()
        await victim.process.wait()

    async def stop(self, one: RoleProcess) -> int:
        """Send SIGTERM to a process and return its exit status; fail the test if it stays."""
        self.running.remove(one)
        one.terminate()
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await one.process.wait()
        except TimeoutError:
            one.kill()
            pytest.fail(f"{one.role} did not end {PATIENCE_S:g} s after SIGTERM")

    def revive(self, *processes: RoleProcess) -> None:
        """Restart these processes (default: all) from now on whenever they end.

        In production a supervisor does this. A process that `stop` has stopped stays down.
        """
        for one in processes or tuple(self.running):
            self._watch(one)

    def one(self, role: Role) -> RoleProcess:
        """Return the process of a role: the first that is alive, when there are several.

        Where processes are restarted, a killed one is listed until it is replaced: see `alive`.
        """
        of_role = [one for one in self.running if one.role == role]
        assert of_role, f"the test runs no {role}"
        return next((one for one in of_role if one.is_alive), of_role[0])

    async def alive(self, role: Role) -> RoleProcess:
        """Wait until a role has a process that was not killed, and return it."""
        await eventually(lambda: self.one(role).is_alive, lambda: f"no {role} was started again")
        return self.one(role)

    def log_of(self, role: Role) -> str:
        """Return the logs of all processes that this role has had."""
        return "".join(path.read_text("utf-8") for path in sorted(self.folder.glob(f"{role}*.log")))

    async def command(self, *arguments: str) -> forks.Ran:
        """Run a command of `scserv` and wait for its end."""
        return await forks.run(arguments, self.environment(), self.folder)

    async def _start(self, role: Role) -> RoleProcess:
        port = free_port()
        one = RoleProcess(role, await self._run(role, port), port)
        self.running.append(one)
        return one

    async def _run(self, role: Role, port: int) -> asyncio.subprocess.Process | forks.Forked:
        arguments, environment = (role, *self._config(role, port)), self.environment(port)
        log = self.folder / f"{role}-{port}.log"
        if self.is_forked:
            paths = str(self.folder), str(log), str(log)
            return await forks.start(
                forks.Wanted(arguments, environment, *paths, module=self.program)
            )
        with log.open("wb") as out:
            return await asyncio.create_subprocess_exec(
                *(*self._entering(port), sys.executable, "-m", self.program, *arguments),
                cwd=self.folder,
                env=environment,
                stdout=out,
                stderr=out,
            )

    def _entering(self, _port: int) -> Sequence[str]:
        """Return the words that start a process somewhere else, before those of its own."""
        return ()

    def _config(self, _role: Role, _port: int) -> Sequence[str]:
        """Return the option for the TOML file, if the test has written one into the folder."""
        return ("--config", CONFIG) if (self.folder / CONFIG).exists() else ()

    def _watch(self, one: RoleProcess) -> None:
        self._revived.append(one)
        task = asyncio.create_task(self._start_again(one))
        self._revivals.add(task)
        task.add_done_callback(self._revivals.discard)

    async def _start_again(self, one: RoleProcess) -> None:
        await one.process.wait()
        if one in self.running:
            # The successor is listed first: at no moment does a role have no process.
            successor = await self._start(one.role)
            self._watch(successor)
            with suppress(ValueError):  # the test ended it meanwhile
                self.running.remove(one)

    async def end_all(self) -> None:
        """Kill every process and restart none."""
        for task in self._revivals:
            task.cancel()
        await asyncio.gather(*(self.kill(one) for one in list(self.running)))
