"""Runs Podman with a storage and a network of its own, unnoticed by the rest of the machine."""

import json
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 600.0


class Podman:
    """Podman's command line. Every call blocks until the command has ended."""

    def __init__(self, storage: Path) -> None:
        for program in ("podman", "runc", "mmdebstrap", "ip"):
            if shutil.which(program) is None:
                pytest.fail(f"{program} is not here; .ci/containers installs it", pytrace=False)
        self.storage = storage
        # Podman writes it into its storage and refuses another.
        self._run_root = Path("/run/scserv-containers")
        self._networks = self._run_root / "networks"
        self._networks.mkdir(parents=True, exist_ok=True)
        self._namespace = ""

    @property
    def _inside(self) -> list[str]:
        # Not `ip netns exec`, which hides the control groups.
        return ["nsenter", f"--net=/run/netns/{self._namespace}"] if self._namespace else []

    @property
    def _command(self) -> list[str]:
        return [
            *self._inside,
            "podman",
            *("--root", str(self.storage / "storage"), "--runroot", str(self._run_root)),
            *("--network-config-dir", str(self._networks)),
            # Debian's crun wants a capability that many virtual machines don't give away.
            *("--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file"),
        ]

    def __call__(
        self, *arguments: str, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of Podman; fail with its output unless `check` is false."""
        done = subprocess.run(
            [*self._command, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        if check and done.returncode:
            said = (done.stdout + done.stderr)[-6000:]
            pytest.fail(f"podman {' '.join(arguments)}: status {done.returncode}\n{said}")
        return done

    def inspect(self, what: str) -> dict[str, Any]:
        """Return what Podman knows about a container or an image."""
        [found] = json.loads(self("inspect", what).stdout)
        return dict(found)

    def logs(self, container: str) -> str:
        """Return what a container has written."""
        done = self("logs", container, check=False)
        return done.stdout + done.stderr

    def exists(self, kind: str, name: str) -> bool:
        """Whether there is an image, a container or a network of that name."""
        return self(kind, "exists", name, check=False).returncode == 0

    def here(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program of this machine where containers publish their ports."""
        return subprocess.run(
            [*self._inside, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @contextmanager
    def own_network(self) -> Iterator[None]:
        """Have containers in a network namespace: ports and firewall rules of the machine stay.

        At the end all containers, networks and volumes are removed, and at the beginning those that
        an interrupted run has left.
        """
        self.clean()
        name = "scserv-containers"
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "add", name], check=True)
        self._namespace = name
        try:
            subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
            yield
        finally:
            self.clean()
            self._namespace = ""
            subprocess.run(["ip", "netns", "delete", name], check=True)
            shutil.rmtree(self._run_root, ignore_errors=True)

    def clean(self) -> None:
        """Remove all containers, networks and volumes."""
        self("rm", "--all", "--force", "--time", "0", "--volumes", check=False)
        self("network", "prune", "--force", check=False)
        self("volume", "rm", "--all", "--force", check=False)


def limits() -> list[str]:
    """Return the limits that this machine allows; Podman's own may be above them."""
    found = []
    for name, which in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        _, hard = resource.getrlimit(which)
        most = min(hard, 20_000) if hard != resource.RLIM_INFINITY else 20_000
        found += ["--ulimit", f"{name}={most}:{most}"]
    return found
