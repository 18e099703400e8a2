"""A fresh machine, installed with the commands of the operator's guide, "Install without Docker".

The machine is a container of Debian with systemd as process 1. The commands are taken from the
guide as they stand there. PostgreSQL, Kafka and the SMS centre are other containers, under the
names that the guide uses; the role and the database are made as docker-compose.yml makes them.
The packages were fetched before, because the machine has no way out.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inbound.cli.roles import PROJECTOR_NICE
from inbound.local.samples import HEADER, SAMPLES
from tests.compose_file import DEPLOY, ROLES, ROOT, make_secrets
from tests.containers.compose import PREFIX, Installation
from tests.containers.images import DEBIAN, SERVICE, wheels
from tests.containers.podman import Podman, limits
from tests.patience import PATIENCE_S

PASSWORD = "hunter2"
PHONE = SAMPLES[0][0]
MACHINE = "machine"
CENTRE = "smsc"
INSTANCES = [f"{role}@1" for role in ROLES] + ["gateway@2", "worker@2"]
THRESHOLD = 15
"""Of `systemd-analyze security`, in tenths: 1.5 of 10 is "OK"."""
WITH_KEYS = (
    "export PATH=/opt/scserv/bin:$PATH"
    " SCSERV_DATABASE_URL_FILE=/etc/scserv/keys/database_url.key"
    " SCSERV_VAULT_KEY_FILE=/etc/scserv/keys/vault.key"
    " SCSERV_SUBJECT_KEY_FILE=/etc/scserv/keys/subject.key;"
)
# The health port of gateway@1 is 8111, of worker@2 8122, and so on.
ROLES_BY_PORT = ("gateway", "worker", "relay", "scheduler", "projector", "api", "desk", "ingress")
KAFKA = ("kafka-1.example.net", "kafka-2.example.net", "kafka-3.example.net")


def commands() -> str:
    """Return the blocks of commands of the section, one after the other."""
    guide = (ROOT / "docs" / "OPERATORS.md").read_text("utf-8")
    _, _, section = guide.partition("\n## Install without Docker\n")
    section, _, _ = section.partition("\n## ")
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    return "\n".join(blocks)


def rotation() -> tuple[str, str, str]:
    """Return the guide's commands to rotate the subject key: adding, using, and retiring one."""
    guide = (ROOT / "docs" / "OPERATORS.md").read_text("utf-8")
    _, _, section = guide.partition("With systemd, in `/etc/scserv/keys`")
    block = re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert block
    add, use, retire = block[1].strip().split("\n\n")
    return add, use, retire


def as_the_operator_edits(script: str) -> str:
    """Add the changes of settings that the guide asks for: there is one broker here."""
    copied = re.compile(r"^install .* /etc/scserv/scserv\.toml\b.*$", re.MULTILINE)
    edit = "sed -i 's/^kafka_replication_factor = 3/kafka_replication_factor = 1/'"
    script, count = copied.subn(lambda found: f"{found[0]}\n{edit} /etc/scserv/scserv.toml", script)
    assert count == 1
    return script


def sources() -> bytes:
    """Return the project's files as an archive, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    names = [name for name in listed.decode().split("\0") if name and (ROOT / name).exists()]
    packed = subprocess.run(
        ["tar", "--create", "--null", "--files-from=-"],
        cwd=ROOT,
        input="\0".join(names).encode(),
        capture_output=True,
        check=True,
    )
    return packed.stdout


class Machine:
    """The fresh machine."""

    def __init__(self, podman: Podman) -> None:
        self._podman = podman

    def run(self, script: str, stdin: str | None = None, *, check: bool = True) -> str:
        """Run a script as root and return its output, errors included."""
        done = self._podman(
            *("exec", "--interactive", "--workdir", "/srv/scserv", MACHINE),
            *("bash", "-euc", f"exec 2>&1; {script}"),
            stdin=stdin or "",
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"status {done.returncode}: {script}\n{done.stdout[-6000:]}")
        return done.stdout

    def until(self, script: str) -> None:
        """Repeat a script until it succeeds, in the machine."""
        waiting = f"until {{ {script}; }} >/dev/null 2>&1; do sleep 0.2; done"
        self.run(f"timeout {PATIENCE_S:g} bash -c '{waiting}'")

    def pid(self, instance: str) -> str:
        return self.run(f"systemctl show --property MainPID --value scserv-{instance}").strip()


@pytest.fixture(scope="module")
def servers(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """PostgreSQL and Kafka as docker-compose.yml has them, under the names of the guide."""
    folder = tmp_path_factory.mktemp("servers")
    (folder / ".env").write_text((DEPLOY / "env.example").read_text("utf-8"))
    make_secrets(folder, f"{PASSWORD}\n")
    found = Installation(podman, folder)
    found.up("postgres", "kafka", aliases={"postgres": ("db.example.net",), "kafka": KAFKA})
    centre = ["simulator", "--host", "0.0.0.0", "--password-file", "/run/smpp.key"]  # noqa: S104
    podman(
        *("run", "--detach", "--name", CENTRE, "--pull=never", *limits()),
        *("--network", f"{PREFIX}_service:alias={CENTRE}.example.net"),
        *("--volume", f"{folder / 'secrets' / 'smpp.key'}:/run/smpp.key:ro"),
        *("--env", f"SCSERV_PHONE_PASSWORD={PASSWORD}"),
        *(SERVICE, *centre),
    )
    yield found
    podman.clean()


@pytest.fixture(scope="module")
def machine(podman: Podman, servers: Installation) -> Machine:
    """The machine, after all commands of the guide."""
    podman(
        *("run", "--detach", "--name", MACHINE, "--pull=never", "--systemd=always", "--privileged"),
        *("--hostname", MACHINE, "--network", f"{PREFIX}_service", *limits()),
        *("--volume", f"{wheels(podman)}:/wheels:ro"),
        *("--env", "PIP_NO_INDEX=1", "--env", "PIP_FIND_LINKS=/wheels", "--env", "LC_ALL=C.UTF-8"),
        # As systemd does at the start of a machine, but not of a container.
        *(DEBIAN, "sh", "-c", "mount --make-rshared / && exec /lib/systemd/systemd"),
    )
    machine = Machine(podman)
    archive = servers.folder / "sources.tar"
    archive.write_bytes(sources())
    podman("exec", MACHINE, "mkdir", "/srv/scserv")
    podman("cp", str(archive), f"{MACHINE}:/srv/sources.tar")
    table = "\n".join([HEADER, ",".join(SAMPLES[0])])
    machine.run(f"tar --extract --file /srv/sources.tar; echo '{table}' > clients.csv")
    database = (servers.folder / "secrets" / "postgres.key").read_text().strip()
    said = machine.run(as_the_operator_edits(commands()), stdin=f"{database}\n{PASSWORD}\n")
    assert "1 added" in said
    return machine


def test_every_instance_becomes_ready(machine: Machine) -> None:
    for instance in INSTANCES:
        role, _, number = instance.partition("@")
        port = f"81{ROLES_BY_PORT.index(role) + 1}{number}"
        machine.until(f"curl --fail --silent http://127.0.0.1:{port}/health/ready")
    active = machine.run("systemctl list-units --plain --no-legend --state=running 'scserv-*'")
    assert {line.split(".")[0].removeprefix("scserv-") for line in active.splitlines()} == set(
        INSTANCES
    )


def test_a_text_is_answered_and_both_gateways_have_binds_of_their_own(
    podman: Podman, machine: Machine
) -> None:
    replies = podman(
        *("exec", "--env", "SCSERV_SMPP__HOST=127.0.0.1"),
        *("--env", f"SCSERV_PHONE_PASSWORD={PASSWORD}", CENTRE),
        *("scserv", "text", PHONE, "CLIENT info", "--wait", "60"),
    ).stdout
    assert replies.count("SCSERV after") == 2
    binds = machine.run(f"{WITH_KEYS} scserv binds --config /etc/scserv/scserv.toml")
    assert "main-1" in binds
    assert "main-2" in binds


def test_the_subject_key_is_rotated_by_the_commands_of_the_guide(machine: Machine) -> None:
    shell = f"{WITH_KEYS} cd /etc/scserv/keys;"
    add, use, retire = rotation()
    said = machine.run(f"{shell} {add} || test $? = 2")
    running = len(INSTANCES)
    assert f"0 of {running} running processes have it as SCSERV_SUBJECT_KEY" in said
    assert f"{running} processes can't be restarted without the old subject key" in said
    machine.run(f"{shell} {use}")
    test_every_instance_becomes_ready(machine)
    said = machine.run(f"{shell} {retire}")
    assert f"{running} of {running} running processes have it" in said
    assert "no other subject key opens the database any more" in said
    old = "SCSERV_SUBJECT_KEY_FILE=/etc/scserv/keys/subject.old"
    refused = machine.run(f"{WITH_KEYS} {old} scserv notify --phone {PHONE} --text x", check=False)
    assert "was rotated away at" in refused


@pytest.mark.parametrize("instance", INSTANCES)
def test_a_process_runs_under_the_restrictions_of_its_unit(machine: Machine, instance: str) -> None:
    pid = machine.pid(instance)
    status = machine.run(f"cat /proc/{pid}/status")
    facts = dict(re.findall(r"^(\w+):\t(.*)$", status, re.MULTILINE))
    user = machine.run("id --user scserv").strip()
    assert facts["Uid"].split() == [user] * 4
    assert {facts[f"Cap{which}"] for which in ("Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert facts["NoNewPrivs"] == "1"
    assert facts["Seccomp"] == "2"
    inside = f"nsenter --target {pid} --mount"
    for place in ("/etc/x", "/opt/scserv/x", "/usr/x", "/var/lib/x"):
        assert "Read-only" in machine.run(f"{inside} touch {place}", check=False), place
    # Its /proc shows processes and nothing of the machine, and it has no devices.
    assert "No such file" in machine.run(f"{inside} cat /proc/meminfo", check=False)
    assert "kmsg" in machine.run("ls /dev")
    assert "kmsg" not in machine.run(f"{inside} ls /dev")


def test_systemd_finds_little_that_a_process_could_do(machine: Machine) -> None:
    for role in ROLES:
        machine.run(f"systemd-analyze security --threshold={THRESHOLD} scserv-{role}@1.service")


def test_nothing_was_refused_that_a_process_needs(machine: Machine) -> None:
    logs = machine.run("journalctl --no-pager --unit 'scserv-*'")
    assert "bound" in logs
    assert "Operation not permitted" not in logs
    assert "Permission denied" not in logs
    nice = [machine.run(f"ps -o nice= -p {machine.pid(one)}") for one in ("projector@1", "api@1")]
    assert int(nice[0]) - int(nice[1]) == PROJECTOR_NICE


def test_a_killed_process_is_started_again_and_a_stopped_one_ends_by_itself(
    machine: Machine,
) -> None:
    before = machine.pid("worker@1")
    machine.run("systemctl kill --signal=KILL scserv-worker@1")
    machine.until(f"test $(systemctl show --property MainPID --value scserv-worker@1) -gt {before}")
    machine.until("curl --fail --silent http://127.0.0.1:8121/health/ready")
    machine.run("systemctl stop 'scserv-*'")
    for instance in INSTANCES:
        shown = machine.run(f"systemctl show --property Result --value scserv-{instance}")
        assert shown.strip() == "success", instance


def test_without_the_common_file_no_process_starts(machine: Machine, tmp_path: Path) -> None:
    common = "/etc/systemd/system/scserv-@.service.d"
    machine.run(f"mv {common} /srv/aside && systemctl daemon-reload")
    try:
        machine.run("systemctl start scserv-worker@1", check=False)
        machine.until("! systemctl is-active scserv-worker@1")
    finally:
        machine.run(f"mv /srv/aside {common} && systemctl daemon-reload")
