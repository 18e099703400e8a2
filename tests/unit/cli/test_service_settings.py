"""Commands that order decide as the running service does, whatever the caller's shell says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from inbound.cli._context import service_settings_options, settings_options
from inbound.service_file import write_service_file
from inbound.settings import Settings

URL = "postgresql://scserv@localhost/scserv"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o700)
    write_service_file(
        tmp_path,
        {
            "database_url": URL,
            "sender": "Service",
            "policies": {"order_valid_for_s": 3600},
            "smpp": {"alphabet": "latin-1", "host": "centre"},
        },
    )
    for name, value in (
        ("SENDER", "Shell"),
        ("SMPP__ALPHABET", "ascii"),
        ("SMPP__HOST", "mine"),
        ("POLICIES__ORDER_VALID_FOR_S", "60"),
        ("TIME_ZONE", "UTC"),
    ):
        monkeypatch.setenv(f"SCSERV_{name}", value)
    return tmp_path


def shown(options: Callable[..., Any], folder: Path) -> list[str]:
    @click.command
    @options
    def command(settings: Settings) -> None:
        policies, smpp = settings.policies, settings.smpp
        click.echo(f"{settings.sender} {policies.order_valid_for_s} {smpp.alphabet} {smpp.host}")

    result = CliRunner().invoke(command, ["--data-dir", str(folder)], catch_exceptions=False)
    return result.output.split()


def test_the_running_service_decides(folder: Path) -> None:
    assert shown(service_settings_options, folder) == ["Service", "3600", "latin-1", "mine"]
    assert shown(settings_options, folder) == ["Shell", "60", "ascii", "mine"]


def test_the_shell_decides_about_another_database(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCSERV_DATABASE_URL", "postgresql://scserv@localhost/another")
    assert shown(service_settings_options, folder) == ["Shell", "60", "ascii", "mine"]
