"""One running role of the service."""

import asyncio
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from tests import forks
from tests.patience import PATIENCE_S

PAGES: Final = ("/health", "/health/ready", "/health/live", "/metrics")

Role = Literal["gateway", "worker", "relay", "scheduler", "projector", "api", "desk", "ingress"]
# The roles that a reply needs; a test that needs a projector starts one.
ROLES: Final[tuple[Role, ...]] = ("relay", "worker", "gateway")


@dataclass(slots=True)
class RoleProcess:
    """One running role."""

    role: Role
    process: asyncio.subprocess.Process | forks.Forked
    port: int
    killed: bool = False
    host: str = "127.0.0.1"

    @property
    def is_alive(self) -> bool:
        """Whether it runs: it has not ended, and `kill` is not ending it."""
        return not self.killed and self.process.returncode is None

    def kill(self) -> None:
        """Send SIGKILL, as a crash would. Safe to repeat, also after its end."""
        self.killed = True
        with suppress(ProcessLookupError):
            self.process.kill()

    def terminate(self) -> None:
        """Send SIGTERM, as an operator would. Safe to repeat, also after its end."""
        with suppress(ProcessLookupError):
            self.process.terminate()

    def page(self, path: str) -> bytes:
        """Return a page of its health port, or b"" when nothing listens there. Blocks."""
        url = f"http://{self.host}:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            with error:
                return error.read()
        except OSError:
            return b""

    def not_ready(self) -> str:
        """Return why it is not ready, or "" when it is. Blocks, 2 s at most.

        A process that is only slow is "not ready" too: poll, or use `Service.ready`.
        """
        if self.process.returncode is not None:
            return f"{self.role} has ended with status {self.process.returncode}"
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.port}/health/ready", timeout=2):
                return ""
        except urllib.error.HTTPError as error:
            with error:
                return f"{self.role}: {error.read().decode()}"
        except OSError as error:
            return f"{self.role}: {error}"
