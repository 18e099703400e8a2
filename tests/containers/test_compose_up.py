"""docker-compose.yml, up: what the operator's guide says under "Install with Docker"."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inbound.local.samples import HEADER, SAMPLES
from tests.compose_file import DEPLOY, ONE_SHOT, ROLES, ROOT, SERVICES, make_secrets
from tests.containers.compose import PREFIX, Installation
from tests.containers.images import SERVICE
from tests.containers.podman import Podman, limits

PASSWORD = "hunter2"
PHONE = SAMPLES[0][0]
CENTRE = "smsc"
NOTHING = "0000000000000000"
ASKED_TO_END = {"kafka": {0, 143}, "node-exporter": {2, 143}}
"""Exit statuses after SIGTERM of Java, and of a program of Go that doesn't handle it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the operator's folder: .env as the example has it, but for the SMS centre."""
    folder = tmp_path_factory.mktemp("operator")
    shutil.copytree(DEPLOY, folder / "deploy")
    example = (DEPLOY / "env.example").read_text("utf-8")
    (folder / ".env").write_text(example.replace("smsc.example.net", CENTRE))
    make_secrets(folder, f"{PASSWORD}\n")
    return folder


@pytest.fixture(scope="module")
def installation(podman: Podman, folder: Path) -> Iterator[Installation]:
    """The file, started, beside the simulated SMS centre in the service's network."""
    installation = Installation(podman, folder)
    podman("network", "create", f"{PREFIX}_service")
    centre = ["simulator", "--host", "0.0.0.0", "--password-file", "/run/smpp.key"]  # noqa: S104
    podman(
        *("run", "--detach", "--name", CENTRE, "--pull=never", *limits()),
        *("--network", f"{PREFIX}_service:alias={CENTRE}"),
        *("--volume", f"{folder / 'secrets' / 'smpp.key'}:/run/smpp.key:ro"),
        *("--env", f"SCSERV_PHONE_PASSWORD={PASSWORD}"),
        *(SERVICE, *centre),
    )
    installation.up()
    yield installation
    podman.clean()


def text(podman: Podman, words: str) -> str:
    """Text the service from the phone, as a person would, and return what came back."""
    settings = ("SCSERV_SMPP__HOST=127.0.0.1", f"SCSERV_PHONE_PASSWORD={PASSWORD}")
    variables = [word for setting in settings for word in ("--env", setting)]
    return podman("exec", *variables, CENTRE, "scserv", "text", PHONE, words, "--wait", "60").stdout


def test_every_health_check_passes_and_both_commands_have_ended(installation: Installation) -> None:
    for name in installation.order:
        state = installation.inspect(name)["State"]
        assert state["Running"] == (name not in ONE_SHOT), name
        assert name in ONE_SHOT or installation.healthy(name), name
        assert state["ExitCode"] == 0, name


def test_imported_clients_get_both_answers(
    podman: Podman, installation: Installation, folder: Path
) -> None:
    files = folder / "import"
    files.mkdir(mode=0o700)
    shutil.chown(files, 10001)
    table = files / "clients.csv"
    table.write_text("\n".join([HEADER, ",".join(SAMPLES[0])]) + "\n")
    said = installation.run(
        "worker", "clients", "import", "/import/clients.csv", volumes=[f"{files}:/import"]
    )
    assert "1 added" in said
    replies = text(podman, "CLIENT info")
    assert "Персональный код: 1234" in replies
    assert replies.count("SCSERV after") == 2
    timeline = installation.run("worker", "timeline", "--phone", PHONE, "--lang", "en")
    assert "CLIENT info" in timeline


@pytest.mark.parametrize("role", ROLES)
def test_a_process_has_no_rights(installation: Installation, role: str) -> None:
    status = installation.inside(role, "cat", "/proc/self/status")
    facts = dict(re.findall(r"^(\w+):\t(.*)$", status, re.MULTILINE))
    assert facts["Uid"].split() == ["10001"] * 4
    assert facts["Gid"].split() == ["10001"] * 4
    assert {facts[f"Cap{which}"] for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {NOTHING}
    assert facts["NoNewPrivs"] == "1"
    assert facts["Seccomp"] == "2"
    core = installation.inside(role, "sh", "-c", "ulimit -H -c")
    assert core.strip() == "0"


@pytest.mark.parametrize("role", ROLES)
def test_a_process_writes_to_its_own_folders_only(installation: Installation, role: str) -> None:
    places = ["/opt/scserv/x", "/etc/x", "/x", "/run/secrets/x", "/run/secrets/vault_key"]
    for place in places:
        attempt = f"echo x 2>&1 > {place}"
        said = installation.inside(role, "sh", "-c", f"{attempt} || echo refused")
        assert "refused" in said, place
    installation.inside(role, "sh", "-c", "echo x > /tmp/x && echo x > /var/lib/scserv/x")
    if role == "desk":
        installation.inside(role, "sh", "-c", "echo x > /var/lib/scserv-uploads/x")


def test_secrets_are_files_and_nothing_else(
    podman: Podman, installation: Installation, folder: Path
) -> None:
    secrets = {file.name: file.read_text().strip() for file in (folder / "secrets").iterdir()}
    shown = "".join(str(installation.inspect(name)["Config"]) for name in installation.order)
    image = str(podman.inspect(SERVICE)) + podman("history", "--no-trunc", SERVICE).stdout
    logs = "".join(podman.logs(f"{PREFIX}-{name}-1") for name in installation.order)
    for name, secret in secrets.items():
        assert secret not in shown + image + logs, name
    mounted = installation.inside("worker", "ls", "/run/secrets").split()
    assert set(mounted) == {"database_url", "vault_key", "subject_key"}


def test_published_ports_answer_on_loopback_and_nowhere_else(
    podman: Podman, installation: Installation
) -> None:
    for role in ("api", "desk", "ingress"):
        for published in SERVICES[role]["ports"]:
            host, port, _ = published.split(":")
            assert podman.here("nc", "-z", "-w", "5", host, port).returncode == 0, published
    listening = podman.here("ss", "-Hltn").stdout
    ports = "8090|8070|8100|2776|9092|5432|8080"
    assert not re.findall(rf"\s(?:0\.0\.0\.0|\*|\[::\]):(?:{ports})\s", listening)


def test_telemetry_reaches_the_collector(podman: Podman, installation: Installation) -> None:
    # The API and the desk have nothing to tell before somebody asks them.
    expected = {address(installation, role) for role in ROLES if role not in {"api", "desk"}}
    installation.until(lambda: sending(podman) >= expected, "otel-collector")


def test_the_disk_of_postgres_is_measured_and_its_files_are_not_read(
    installation: Installation,
) -> None:
    page = "http://127.0.0.1:9100/metrics"
    said = installation.inside("node-exporter", "wget", "-q", "-O", "-", page)
    pattern = r'^node_filesystem_avail_bytes\{[^}]*fstype="(\w+)",mountpoint="([^"]*)"\} (\S+)$'
    found = {
        place: float(free)
        for kind, place, free in re.findall(pattern, said, re.MULTILINE)
        if kind not in {"tmpfs", "overlay"}
    }
    assert found.keys() == {"/disks/postgres"}
    assert found["/disks/postgres"] > 0
    look = "test -d $0 && { ls $0 || echo refused; } 2>&1"
    said = installation.inside("node-exporter", "sh", "-c", look, "/disks/postgres/18/docker")
    assert "refused" in said


def address(installation: Installation, name: str) -> str:
    networks = installation.inspect(name)["NetworkSettings"]["Networks"]
    return str(networks[f"{PREFIX}_service"]["IPAddress"])


def sending(podman: Podman) -> set[str]:
    """Return the addresses from which metrics have come."""
    logs = podman.logs(f"{PREFIX}-otel-collector-1")
    return set(re.findall(r"received /v1/metrics \d+ octets from (\S+)", logs))


def test_a_new_container_finds_what_the_old_one_left(
    podman: Podman, installation: Installation
) -> None:
    """The whole service stops within its times and comes back with its data."""
    for name in reversed(installation.order):
        if name in ONE_SHOT:
            podman("rm", f"{PREFIX}-{name}-1")
        else:
            # 137 would be the end by SIGKILL.
            assert installation.stop(name) in ASKED_TO_END.get(name, {0}), name
    installation.up()
    assert "CLIENT info" in installation.run("worker", "timeline", "--phone", PHONE, "--lang", "en")
    assert text(podman, "CLIENT sms stop").count("SCSERV after") == 2


def test_the_image_has_nothing_to_install_with(podman: Podman) -> None:
    tried = podman(
        *("run", "--rm", "--pull=never", *limits(), "--entrypoint", "python", SERVICE),
        *(
            "-c",
            "import importlib.util as u; print(u.find_spec('pip'), u.find_spec('inbound.cli'))",
        ),
    )
    assert tried.stdout.startswith("None ModuleSpec")
    config = podman.inspect(SERVICE)["Config"]
    assert config["User"] == "10001:10001"
    assert (ROOT / "Dockerfile").exists()
