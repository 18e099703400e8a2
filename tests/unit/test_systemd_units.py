"""deploy/systemd: a unit a role, what they share in a drop-in, and what the guide says of them."""

import re
from configparser import RawConfigParser

import pytest

from tests.compose_file import DEPLOY, ROLES, ROOT, SERVICES, seconds

UNITS = DEPLOY / "systemd"
COMMON = (UNITS / "scserv-@.service.d" / "common.conf").read_text("utf-8")


def directives(role: str) -> list[tuple[str, str]]:
    """Return the lines NAME=VALUE of a role's unit and of the drop-in, in the order they apply."""
    text = (UNITS / f"scserv-{role}@.service").read_text("utf-8") + COMMON
    return re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)


def environment(role: str) -> dict[str, str]:
    given = [value for name, value in directives(role) if name == "Environment"]
    return dict(line.split("=", 1) for line in given)


def test_every_role_has_a_unit() -> None:
    named = {path.name for path in UNITS.glob("*.service")}
    assert named == {f"scserv-{role}@.service" for role in ROLES}


@pytest.mark.parametrize("role", ROLES)
def test_a_unit_starts_its_role_as_its_own_user(role: str) -> None:
    lines = directives(role)
    assert ("User", "scserv") in lines
    assert ("ExecStart", f"/opt/scserv/bin/scserv {role} --config ${{CONFIG}}") in lines
    assert ("WantedBy", "multi-user.target") in lines


def test_instances_share_no_port_no_folder_and_no_bind() -> None:
    ports = [environment(role)["SCSERV_HEALTH_PORT"] for role in ROLES]
    assert len(set(ports)) == len(ROLES)
    assert all(re.fullmatch(r"\d{3}%i", port) for port in ports)
    others = {str(SERVICES[role]["ports"]) for role in ("api", "desk", "ingress")}
    assert not [port for port in ports if any(f":{port[:3]}" in text for text in others)]
    assert ("StateDirectory", "scserv/%j-%i") in directives("worker")
    assert environment("gateway")["SCSERV_SMPP__BIND"] == "main-%i"


@pytest.mark.parametrize("role", ROLES)
def test_a_unit_gets_the_secrets_that_its_container_gets(role: str) -> None:
    credentials = {
        value.partition(":")[0] for name, value in directives(role) if name == "LoadCredential"
    }
    assert credentials == set(SERVICES[role]["secrets"])
    files = {name: value for name, value in environment(role).items() if name.endswith("_FILE")}
    assert set(files.values()) == {f"%d/{credential}" for credential in credentials}
    assert files.keys() <= SERVICES[role]["environment"].keys()


def test_systemd_waits_as_long_as_the_slowest_role_needs() -> None:
    longest = max(seconds(SERVICES[role]["stop_grace_period"]) for role in ROLES)
    assert f"TimeoutStopSec={longest:g}\n" in COMMON


def test_the_guide_names_the_ports_of_the_units() -> None:
    guide = (ROOT / "docs" / "OPERATORS.md").read_text("utf-8")
    for role in ROLES:
        port = environment(role)["SCSERV_HEALTH_PORT"].replace("%i", "1")
        assert re.search(rf"`scserv-{role}@1` [^|]*\| {port} \|", guide), role


def test_every_section_is_one_that_systemd_has() -> None:
    for role in ROLES:
        unit = RawConfigParser(strict=False)
        unit.optionxform = str  # type: ignore[assignment, method-assign]  # as configparser says
        unit.read(UNITS / f"scserv-{role}@.service")
        assert unit.sections() == ["Unit", "Service", "Install"]


def test_uploads_of_all_desks_are_in_one_folder() -> None:
    assert environment("desk")["SCSERV_DESK__UPLOADS"] == "%S/scserv/desk-uploads"
    assert ("StateDirectory", "scserv/desk-uploads") in directives("desk")
