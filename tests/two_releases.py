"""A service that runs processes of two releases, and programs and phones that use it meanwhile."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count, cycle
from pathlib import Path
from typing import Final

import httpx
import psutil

from schemas.topics import TopicNames
from tests import forks
from tests.fix_service import Role, RoleProcess, Service, free_port
from tests.patience import PATIENCE_S

TEXTS: Final = ("CLIENT sms stop", "CLIENT sms start", "CLIENT info")

_PAUSE_S: Final = 0.1
_TEXTS_PER_ORDER: Final = 2
_WAYS: Final[tuple[Role, ...]] = ("api", "ingress")


class TwoReleases(Service):
    """The service with processes of this tree, or of `old_tree` while `is_old`."""

    def __init__(
        self, folder: Path, database_url: str, bootstrap: str, prefix: str, old_tree: Path
    ) -> None:
        """Run nothing yet; processes are first those of `old_tree`."""
        super().__init__(folder, database_url, bootstrap, TopicNames.prefixed(prefix), prefix)
        self.old_tree = old_tree
        self.is_old = True
        self._old_forks = forks.fork_server_of(old_tree)
        self._ports: dict[tuple[Role, int], int] = {}

    def environment(self, health_port: int = 0) -> dict[str, str]:
        """Return the environment; each process has listeners of its own."""
        return super().environment(health_port) | {
            "SCSERV_SMPP__BIND": f"main-{health_port}",
            "SCSERV_API__PORT": str(self.port_of("api", health_port)),
            "SCSERV_INGRESS__PORT": str(self.port_of("ingress", health_port)),
            "SCSERV_SMPP_SERVER__PORT": "0",
            "SCSERV_DESK__PORT": "0",
        }

    def port_of(self, role: Role, health_port: int) -> int:
        """Return the port that the process with this health port serves programs at."""
        return self._ports.setdefault((role, health_port), free_port())

    async def _run(self, role: Role, port: int) -> asyncio.subprocess.Process | forks.Forked:
        if not self.is_old:
            return await super()._run(role, port)
        arguments, log = (role, *self._config(role, port)), str(self.folder / f"{role}-{port}.log")
        wanted = forks.Wanted(arguments, self._old_environment(port), str(self.folder), log, log)
        return await forks.start(wanted, self._old_forks)

    async def close(self) -> None:
        """End every process and the centre."""
        await super().close()
        self._old_forks.close()

    def run_old(self, *arguments: str) -> str:
        """Run a command of the old release and return what it prints. Blocks."""
        return self.run_python("-m", self.program, *arguments)

    def run_python(self, *arguments: str) -> str:
        """Run Python with the code of the old release and return what it prints. Blocks."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self._old_environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tree_of(self, process: RoleProcess) -> Path:
        """Return the source tree whose code a process runs."""
        return Path(psutil.Process(process.process.pid).environ()["PYTHONPATH"])

    def _load_clients(self, file: Path) -> None:
        self.run_old("clients", "import", str(file))

    def _old_environment(self, port: int = 0) -> dict[str, str]:
        return self.environment(port) | {"PYTHONPATH": str(self.old_tree)}


class Load:
    """People who text, each when the text before was accepted, and programs that order messages."""

    def __init__(self, service: TwoReleases, numbers: Sequence[str], ordered: str) -> None:
        """People text from `numbers` in turns; messages are ordered for `ordered`. Blocks."""
        self._service = service
        self._turns = cycle(numbers)
        self._ordered = ordered
        self._attempts = count()
        # Commands of the old release: before the database is migrated, this one's refuse it.
        token = service.run_old("tokens", "create", "--name", "crm", "--scope", "send")
        self._token = token.strip()
        self._account = json.loads(service.run_old("accounts", "create", "shop", "--json"))
        self.ended = False
        self.texts: Counter[str] = Counter()
        self.orders: list[str] = []

    async def run(self) -> None:
        """Text and order until `ended`."""
        try:
            async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
                while not self.ended:
                    await self._text(next(self._turns))
                    if self.texts.total() % _TEXTS_PER_ORDER == 0:
                        await self._order(http)
                    await asyncio.sleep(_PAUSE_S)
        finally:
            self.ended = True

    async def _text(self, number: str) -> None:
        await self._service.text(number, TEXTS[self.texts[number] % len(TEXTS)])
        self.texts[number] += 1

    async def _order(self, http: httpx.AsyncClient) -> None:
        """Order a message; again, with the same id, while no process answers."""
        number = len(self.orders)
        way = _WAYS[number % len(_WAYS)]
        text = f"Заявка {number} выполнена."
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if await self._is_taken(http, way, number, text):
                    break
                await asyncio.sleep(_PAUSE_S)
        self.orders.append(text)

    async def _is_taken(self, http: httpx.AsyncClient, way: Role, number: int, text: str) -> bool:
        processes = [one for one in self._service.running if one.role == way]
        process = processes[next(self._attempts) % len(processes)]
        base = f"http://127.0.0.1:{self._service.port_of(way, process.port)}"
        try:
            if way == "api":
                headers = {
                    "Authorization": f"Bearer {self._token}",
                    "Idempotency-Key": f"case-{number}",
                }
                body = {"to": self._ordered, "text": text}
                answer = await http.post(f"{base}/v1/messages", json=body, headers=headers)
                assert answer.status_code in {202, 503}, answer.text
                return answer.status_code == 202
            fields = {"phones": self._ordered, "mes": text, "id": 1000 + number, "fmt": 3}
            signed = {"login": self._account["login"], "psw": self._account["password"]}
            form = {**signed, **fields, "charset": "utf-8"}
            told = (await http.post(f"{base}/sys/send.php", data=form)).json()
        except httpx.TransportError:
            return False
        assert told.get("error", "service is not available") == "service is not available", told
        return "error" not in told


@asynccontextmanager
async def under(load: Load) -> AsyncIterator[None]:
    """Run the load during the block; what it finds wrong fails the test."""
    running = asyncio.create_task(load.run())
    try:
        yield
        assert not running.done(), running.exception()
    finally:
        load.ended = True
        await running
