"""The processes of the service on one machine, as children of the supervisor."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from inbound.local.child import Child
from inbound.local.ports import LOOPBACK, free_port
from inbound.local.preparation import effective
from inbound.local.probes import accepts, answers_smpp, url_of
from inbound.local.spawning import SCSERV
from inbound.service_file import write_service_file
from inbound.settings import ListenerSettings, Settings, TcpSettings

AFTER_KAFKA: Final = ("relay", "worker", "gateway")
"""Roles that can't start before Kafka answers; the others need the database alone."""
ROLES: Final = (*AFTER_KAFKA, "scheduler", "projector", "api", "desk", "ingress")


class ServiceChildren:
    """The roles and the built-in simulator, and where they listen.

    It keeps service.json up to date, in which other commands find the service. `say` prints a line.
    """

    def __init__(
        self,
        settings: Settings,
        data_dir: Path,
        config: Path | None,
        say: Callable[[str], None],
        *,
        has_simulator: bool,
    ) -> None:
        """Start nothing."""
        self._settings = settings
        self._data_dir = data_dir
        self._config = config
        self._say = say
        self._has_simulator = has_simulator
        self._listeners: Mapping[str, Mapping[str, TcpSettings]] = {
            "api": {"api": settings.api},
            "desk": {"desk": settings.desk},
            "ingress": {
                "ingress": settings.ingress,
                "smpp": settings.smpp_server,
                "smtp": settings.smtp_server,
            },
        }
        self.ports: dict[str, int] = {}
        """Of the listeners that have begun, by name."""
        self.health_urls: dict[str, str] = {}
        """Where each role says whether it is ready."""

    def make(self, kafka_ready: Callable[[], Awaitable[object]] | None) -> list[Child]:
        """Return the children; those that need Kafka wait for `kafka_ready`. Write service.json."""
        self._write_settings()
        children = [self._simulator()] if self._has_simulator else []
        for role in ROLES:
            port = free_port()
            url = f"http://{LOOPBACK}:{port}/health"
            self.health_urls[role] = f"{url}/ready"
            where = ["--data-dir", str(self._data_dir)]
            if self._config is not None:
                where += ["--config", str(self._config.absolute())]
            # Each role has its own health port; `--port` is the port of the whole service.
            env = {"SCSERV_HEALTH_PORT": str(port), "SCSERV_HEALTH_HOST": LOOPBACK}
            live = f"{url}/live"
            listens = role in self._listeners
            changing = partial(self.listener_environment, role, env) if listens else env
            if role == "desk":
                if "uploads" not in self._settings.desk.model_fields_set:
                    env["SCSERV_DESK__UPLOADS"] = str(self._data_dir / "uploads")
                if self._has_simulator:
                    where.append("--handset")
            after = kafka_ready if role in AFTER_KAFKA else None
            children.append(Child(role, [*SCSERV, role, *where], changing, live, live, after=after))
        return children

    def listener_environment(self, role: str, env: Mapping[str, str]) -> Mapping[str, str]:
        """Choose listeners' ports at each start: another program may have taken the last ones."""
        chosen = {}
        for name, listener in self._listeners[role].items():
            before = self.ports.get(name, 0)
            port = self.ports[name] = free_port(before or listener.port)
            if before and port != before:
                where = _address_of(listener, port)
                self._say(f"port {before} is taken: {listener.called} moves to {where}")
            chosen[f"SCSERV_{listener.group}__PORT"] = str(port)
        self._write_settings()
        return {**env, **chosen}

    def _write_settings(self) -> None:
        """Leave the settings for other commands, with the addresses of the listeners that began."""
        listeners = {
            listener.group.lower(): {"host": listener.host, "port": self.ports[name]}
            for role in self._listeners.values()
            for name, listener in role.items()
            if name in self.ports and getattr(listener, "on", True)
        }
        write_service_file(self._data_dir, {**effective(self._settings), **listeners})

    def _simulator(self) -> Child:
        smpp = self._settings.smpp
        argv = [*SCSERV, "simulator", "--port", str(smpp.port), "--system-id", smpp.system_id]
        argv += ["--number", self._settings.federal_number]
        passwords = {
            "SCSERV_SMPP__PASSWORD": smpp.password.get_secret_value(),
            "SCSERV_PHONE_PASSWORD": self._settings.phone_password.get_secret_value(),
        }
        # A simulator that hangs still accepts connections.
        ready, live = partial(accepts, smpp.port), partial(answers_smpp, smpp.port)
        return Child("simulator", argv, passwords, ready, live, serves_others=True)


def _address_of(listener: TcpSettings, port: int) -> str:
    """Return the URL of a listener for HTTP, the address of another one."""
    if isinstance(listener, ListenerSettings):
        return url_of(listener, port)
    return f"{listener.host}:{port}"
