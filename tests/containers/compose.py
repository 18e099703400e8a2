"""Starts docker-compose.yml with Podman.

Not with podman-compose: it waits for health checks that timers of systemd run, and where systemd is
not process 1 there are none; and it passes on the logging driver `local`, unknown to Podman.
So each key of the file is translated here, and one that is not known fails the test.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest

from tests.compose_file import COMPOSE, ONE_SHOT, SERVICES, env_file, interpolate, seconds
from tests.containers.podman import Podman, limits
from tests.patience import PATIENCE_S

LEFT_OUT: Final = {
    "prometheus": "its image can't be made here",
    "tempo": "its image can't be made here",
    "grafana": "its image can't be made here",
}
PREFIX: Final = COMPOSE["name"]
# What the driver does by other means, or what has no meaning for a started container.
_ELSEWHERE: Final = {
    *("image", "build", "command", "depends_on", "env_file", "environment"),
    # Docker's own; Podman writes a file.
    "logging",
    # Nothing is started again, so that a process which ends is noticed.
    "restart",
}
_SECURITY: Final = {"no-new-privileges:true": "no-new-privileges"}


class Installation:
    """What an operator has after `docker compose up`, in a folder with .env and ./secrets."""

    def __init__(self, podman: Podman, folder: Path) -> None:
        self.podman = podman
        self.folder = folder
        self._given = env_file(folder / ".env")
        self.order = _in_order({n: s for n, s in SERVICES.items() if n not in LEFT_OUT})

    def up(self, *names: str, aliases: Mapping[str, Sequence[str]] = MappingProxyType({})) -> None:
        """Start everything, or the named services, in the order of their conditions.

        `aliases` are more names of a service in its networks. Blocks until all is healthy.
        """
        for network in COMPOSE["networks"]:
            if not self.podman.exists("network", f"{PREFIX}_{network}"):
                self.podman("network", "create", f"{PREFIX}_{network}")
        wanted = [name for name in self.order if not names or name in names]
        for name in wanted:
            for other, condition in _conditions(SERVICES[name]).items():
                self._wait(other, condition)
            self._start(name, (name, *aliases.get(name, ())))
        for name in wanted:
            self._wait(name, "ends" if name in ONE_SHOT else "service_healthy")

    def _start(self, name: str, aliases: Sequence[str]) -> None:
        self.podman(
            *("run", "--detach", "--name", _container(name), *self._arguments(name)),
            *self._networks(name, aliases),
            *(SERVICES[name]["image"], *SERVICES[name].get("command", [])),
        )

    def run(self, name: str, *command: str, volumes: Sequence[str] = ()) -> str:
        """Do `docker compose run --rm --no-deps` and return the output."""
        mounts = [f"--volume={volume}" for volume in volumes]
        return self.podman(
            *("run", "--rm", *self._arguments(name, published=False), *mounts),
            *(*self._networks(name), SERVICES[name]["image"], *command),
        ).stdout

    def inside(self, name: str, *command: str, check: bool = True) -> str:
        """Run a command in a container and return the output."""
        return self.podman("exec", _container(name), *command, check=check).stdout

    def healthy(self, name: str) -> bool:
        """Run the health check of a service once."""
        return not self.podman("healthcheck", "run", _container(name), check=False).returncode

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what Podman knows about the container of a service."""
        return self.podman.inspect(_container(name))

    def stop(self, name: str) -> int:
        """Stop a service as Compose does, remove it, and return its exit status."""
        self.podman("stop", _container(name))
        status = int(self.inspect(name)["State"]["ExitCode"])
        self.podman("rm", _container(name))
        return status

    def _wait(self, name: str, condition: str) -> None:
        if condition == "service_started":
            return
        if condition == "service_healthy":
            self.until(lambda: self.healthy(name), name)
            return
        status = int(self.podman("wait", _container(name)).stdout)
        assert status == 0, self.podman.logs(_container(name))

    def until(self, look: Callable[[], bool], name: str) -> None:
        """Look until it is so, or fail with what a service has logged."""
        deadline = time.monotonic() + PATIENCE_S
        while not look():
            running = self.inspect(name)["State"]["Running"]
            if not running or time.monotonic() > deadline:
                pytest.fail(f"{name} is not healthy: {self.podman.logs(_container(name))[-4000:]}")

    # -- from the file to arguments of `podman run` ------------------------------------------

    def _arguments(self, name: str, *, published: bool = True) -> list[str]:
        service = SERVICES[name]
        translate: dict[str, Callable[[Any], Sequence[str]]] = {
            "init": lambda on: ["--init"] if on else [],
            "read_only": lambda on: ["--read-only"] if on else [],
            "tmpfs": lambda folders: _each("--tmpfs", folders),
            "cap_drop": lambda names: _each("--cap-drop", names),
            "security_opt": lambda options: _each(
                "--security-opt", [_SECURITY[o] for o in options]
            ),
            "ulimits": lambda all_: _each("--ulimit", [f"{k}={v}:{v}" for k, v in all_.items()]),
            "networks": lambda _: [],
            "ports": lambda ports: _each("--publish", ports) if published else [],
            "volumes": lambda volumes: _each("--volume", map(self._volume, volumes)),
            "secrets": lambda names: _each("--volume", map(self._secret, names)),
            "healthcheck": _health_check,
            "stop_grace_period": lambda time_: ["--stop-timeout", f"{seconds(time_):g}"],
            "deploy": _limits,
        }
        unknown = service.keys() - translate.keys() - _ELSEWHERE
        assert not unknown, f"{name}: this driver doesn't know {unknown}"
        known = [
            words for key in service if key in translate for words in translate[key](service[key])
        ]
        variables = _each("--env", [f"{k}={v}" for k, v in self.environment(name).items()])
        # Podman's own limits may be above what the machine allows.
        return ["--pull=never", *limits(), *known, *variables]

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables of a service, from .env and from the file."""
        service = SERVICES[name]
        given = self._given if "env_file" in service else {}
        own = service.get("environment", {})
        return {**given, **{k: interpolate(str(v), self._given) for k, v in own.items()}}

    def _networks(self, name: str, aliases: Sequence[str] = ()) -> list[str]:
        suffix = ":" + ",".join(f"alias={one}" for one in aliases) if aliases else ""
        return _each("--network", [f"{PREFIX}_{n}{suffix}" for n in SERVICES[name]["networks"]])

    def _volume(self, volume: str) -> str:
        source, _, rest = volume.partition(":")
        where = str(self.folder / source) if source.startswith(".") else f"{PREFIX}_{source}"
        return f"{where}:{rest}"

    def _secret(self, name: str) -> str:
        file = self.folder / COMPOSE["secrets"][name]["file"]
        return f"{file}:/run/secrets/{name}:ro"


def _container(name: str) -> str:
    return f"{PREFIX}-{name}-1"


def _each(option: str, found: Any) -> list[str]:
    return [word for value in found for word in (option, str(value))]


def _health_check(check: Mapping[str, Any]) -> list[str]:
    kind, *command = check["test"]
    assert kind == "CMD"  # as Podman takes every list
    timeout = ["--health-timeout", str(check["timeout"])]
    # Without systemd there are no timers: `healthy` runs the check.
    return ["--health-cmd", json.dumps(command), "--health-interval", "disable", *timeout]


def _limits(deploy: Mapping[str, Any]) -> list[str]:
    assert deploy.keys() == {"resources"}
    return ["--memory", deploy["resources"]["limits"]["memory"]]


def _conditions(service: Mapping[str, Any]) -> dict[str, str]:
    """Return what a service waits for, and for which state of it."""
    needed = service.get("depends_on", {})
    if isinstance(needed, list):
        return {name: "service_started" for name in needed if name not in LEFT_OUT}
    return {name: one["condition"] for name, one in needed.items()}


def _in_order(services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names so that each comes after what it waits for."""
    order: list[str] = []
    while len(order) < len(services):
        ready = [
            n for n, s in services.items() if n not in order and _conditions(s).keys() <= set(order)
        ]
        assert ready, "services wait for each other"
        order += ready
    return order
