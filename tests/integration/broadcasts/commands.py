"""Commands about broadcasts, as an operator runs them."""

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from inbound.cli import scserv
from inbound.errors import SetupError


def run(*arguments: str, command: str = "broadcast") -> str:
    result = CliRunner().invoke(scserv, [command, *arguments])
    if isinstance(result.exception, SetupError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


async def timeline(phone: str, *options: str) -> Any:
    return json.loads(await asyncio.to_thread(run, "--phone", phone, *options, command="timeline"))


def create(path: Path, text: str = "{name}, the office is closed.", *options: str) -> Any:
    made = run(
        *("create", "--name", "Spring", "--text", text, "--audience", str(path), "--json"),
        *options,
    )
    return json.loads(made.splitlines()[-1])  # a warning may stand before it


def table(folder: Path, *rows: str, header: str = "msisdn,name,town") -> Path:
    path = folder / "audience.csv"
    path.write_text("\n".join([header, *rows]), "utf-8")
    return path
