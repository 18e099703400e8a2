"""docker-compose.yml as Docker Compose reads it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("image") == "scserv"}
ROLES = ("gateway", "worker", "relay", "scheduler", "projector", "api", "desk", "ingress")
ONE_SHOT = ("migrate", "topics")
MOUNTED = "/run/secrets/"

# ${NAME}, ${NAME:-default}, ${NAME:?complaint}
_REFERENCE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<rest>[^}]*))?\}")


def env_file(path: Path) -> dict[str, str]:
    """Read a file of settings, a line each."""
    lines = path.read_text("utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def interpolate(value: str, given: dict[str, str]) -> str:
    """Replace references to variables. Fails with the complaint of one that has to be set."""

    def resolve(reference: re.Match[str]) -> str:
        found = given.get(reference["name"], "")
        assert found or reference["how"] != "?", f"{reference['name']}: {reference['rest']}"
        return found or (reference["rest"] or "" if reference["how"] == "-" else "")

    return _REFERENCE.sub(resolve, value)


def seconds(duration: str) -> float:
    """Return a duration such as 30s in seconds."""
    assert duration.endswith("s"), duration
    return float(duration.removesuffix("s"))


def make_secrets(folder: Path, smpp_password: str) -> str:
    """Run make-secrets.sh in a folder with the password as its input; return what it said."""
    done = subprocess.run(
        ["sh", str(DEPLOY / "make-secrets.sh")],
        cwd=folder,
        input=smpp_password,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
