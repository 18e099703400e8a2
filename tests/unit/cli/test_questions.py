"""Commands that ask: what they do when nobody answers."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from inbound import cli
from inbound.errors import SetupError
from inbound.terminal import agrees, confirm

COMMANDS = Path(str(cli.__file__)).parent


@pytest.mark.parametrize("asking", [confirm, agrees])
def test_without_an_answer_a_command_says_how_to_do_without(asking: object) -> None:
    @click.command
    def ask() -> None:
        assert callable(asking)
        asking("Erase it?")

    ran = CliRunner().invoke(ask, input="")
    assert isinstance(ran.exception, SetupError), ran.output
    assert "with --yes it doesn't ask" in str(ran.exception)


def test_every_command_that_asks_can_be_told_not_to() -> None:
    for module in COMMANDS.glob("*.py"):
        text = module.read_text("utf-8")
        if re.search(r"(?<!\.)\b(confirm|agrees)\(", text):
            assert '"--yes"' in text, module.name
