"""No parameter of any command reaches the terminal raw, whichever error it ends in."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from inbound.cli import main, scserv
from tests.hostile_text import HOSTILE, unprintable_in

# These start something that lasts, whatever their value is.
_LASTING = {
    *("up --data-dir", "up --system-id", "up --password-file"),
    *("simulator --system-id", "simulator --number"),
    *("simulator --password-file", "simulator --phone-password-file", "simulator --ledger"),
}
_FLAGS = click.types.BoolParamType


def parameters_of(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command, click.Parameter]]:
    """Yield each parameter of every command that takes a value."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from parameters_of(inner, (*path, name))
        return
    for parameter in command.params:
        name = " ".join((*path, parameter.opts[-1]))
        if not isinstance(parameter.type, _FLAGS) and name not in _LASTING:
            yield path, command, parameter


def argument_list(command: click.Command, hostile: click.Parameter, value: str) -> list[str]:
    """Return arguments of which one is hostile, and the others that are required are not."""
    words = []
    for parameter in command.params:
        if parameter is not hostile and not parameter.required:
            continue
        given = value if parameter is hostile else "1d"
        words.append(
            f"{max(parameter.opts, key=len)}={given}"
            if parameter.param_type_name == "option"
            else given
        )
    return words


ALL = list(parameters_of(scserv))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Run without our variables, and forget what `main` and a command have set."""
    before = dict(os.environ)
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGHUP)]
    for name in [name for name in os.environ if name.startswith("SCSERV_")]:
        del os.environ[name]
    monkeypatch.chdir(tmp_path)
    # It can't be undone, and tests of core dumps may follow in this process.
    monkeypatch.setattr("inbound.cli.forbid_core_dumps", lambda: None)
    yield
    os.environ.clear()
    os.environ.update(before)
    for number, handler in handlers:
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("words", "command", "parameter"), ALL, ids=[f"{' '.join(w)} {p.name}" for w, _, p in ALL]
)
def test_a_hostile_argument_is_printed_escaped(
    words: tuple[str, ...],
    command: click.Command,
    parameter: click.Parameter,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for value in (HOSTILE, f"\udcff{HOSTILE}"):
        arguments = ["scserv", *words, *argument_list(command, parameter, value)]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit):
            main()
        printed = "".join(capfd.readouterr())
        assert not unprintable_in(printed), printed
        assert "Traceback" not in printed


@pytest.mark.parametrize("folder", [HOSTILE, f"\udcff{HOSTILE}"], ids=["text", "no text"])
def test_a_hostile_folder_is_printed_escaped(
    folder: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file is above it: in a folder that can be made, servers would start."""
    Path(folder).touch()
    monkeypatch.setattr(sys, "argv", ["scserv", "up", f"--data-dir={folder}/data"])
    with pytest.raises(SystemExit):
        main()
    printed = "".join(capfd.readouterr())
    assert "INFO all is well" in printed
    assert not unprintable_in(printed), printed
    assert "Traceback" not in printed


def test_a_hostile_variable_is_printed_escaped(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for setting in ("SENDER", "FEDERAL_NUMBER", "TIME_ZONE", "VAULT_KEY_FILE", HOSTILE):
        with monkeypatch.context() as patch:
            patch.setenv(f"SCSERV_{setting}", HOSTILE)
            patch.setattr(sys, "argv", ["scserv", "audit"])
            with pytest.raises(SystemExit):
                main()
            printed = "".join(capfd.readouterr())
            assert printed
            assert not unprintable_in(printed), printed
