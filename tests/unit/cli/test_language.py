"""Commands that speak English or Russian: by --lang, else by the locale."""

import click
import pytest
from click.testing import CliRunner, Result

from inbound.cli._language import speak_both
from inbound.errors import SetupError
from inbound.terminal import echo
from inbound.wording import both


@click.group
def tool() -> None:
    """A command with commands."""


@tool.command
@click.option("--fail", is_flag=True)
def say(*, fail: bool) -> None:
    echo(both("it is paused", "приостановлена"), "plain")
    if fail:
        raise SetupError(both("stop", "стоп"))


@tool.command
@click.option("--lang", "language")
def render(language: str | None) -> None:
    echo(both("in {language}", "на {language}", language=language))


@click.group
def outer() -> None:
    """A group of groups."""


outer.add_command(tool)
speak_both([outer])


def run(*arguments: str, **variables: str) -> Result:
    locale = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": ""}
    return CliRunner().invoke(outer, ["tool", *arguments], env={**locale, **variables})


@pytest.mark.parametrize(
    ("options", "locale", "said"),
    [
        ((), {}, "it is paused"),
        ((), {"LANG": "ru_RU.UTF-8"}, "приостановлена"),
        ((), {"LANG": "ru_RU.UTF-8", "LC_ALL": "C"}, "it is paused"),
        (("--lang", "ru"), {"LANG": "en_GB.UTF-8"}, "приостановлена"),
        (("--lang", "en"), {"LANG": "ru_RU.UTF-8"}, "it is paused"),
    ],
)
def test_the_option_wins_over_the_locale(
    options: tuple[str, ...], locale: dict[str, str], said: str
) -> None:
    assert run("say", *options, **locale).output == f"{said}\nplain\n"


def test_an_error_speaks_the_language_too() -> None:
    assert str(run("say", "--fail", "--lang", "ru").exception) == "стоп"
    assert str(run("say", "--fail").exception) == "stop"


def test_a_command_with_an_option_of_this_name_goes_by_the_locale() -> None:
    assert run("render", "--lang", "xx", LANG="ru_RU.UTF-8").output == "на xx\n"
