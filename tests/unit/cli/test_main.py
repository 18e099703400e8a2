"""What holds for every command: its end by a signal, and octets that are no text."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import click
import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.cli._arguments import Utf8Text
from tests.patience import PATIENCE_S

HANGING = """
    import signal, sys, tempfile, types
    import click
    from inbound.cli import main
    from inbound.cli._commands import COMMANDS, ListedCommand

    @click.command
    def hang():
        with tempfile.TemporaryDirectory(prefix="scserv-test-") as folder:
            print(folder, flush=True)
            signal.pause()

    module = sys.modules["inbound.cli.hang"] = types.ModuleType("inbound.cli.hang")
    module.hang = hang
    COMMANDS["hang"] = ListedCommand("hang:hang", "")
    sys.argv[1:] = ["hang"]
    main()
"""


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_command_that_is_ended_leaves_nothing(number: signal.Signals, status: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", dedent(HANGING)],
        stdout=subprocess.PIPE,
        text=True,
        # Whoever started the tests may ignore it, as nohup does, and a command then does, too.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 — no threads here
    ) as command:
        assert command.stdout
        folder = Path(command.stdout.readline().strip())
        assert folder.is_dir()
        command.send_signal(number)
        try:
            assert command.wait(PATIENCE_S) == status
        finally:
            command.kill()
    assert not folder.exists()


def test_a_signal_that_python_drops_ends_the_command_all_the_same() -> None:
    program = """
        import os, signal, sys, types
        import click
        import inbound.cli
        from inbound.cli import main
        from inbound.cli._commands import COMMANDS, ListedCommand

        class Dying:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGTERM)
                for _ in range(1000): pass

        @click.command
        def hang():
            Dying()  # what is raised while it is deleted is dropped
            print("goes on", flush=True)
            signal.pause()

        inbound.cli.TIDY_WITHIN_S = 1
        module = sys.modules["inbound.cli.hang"] = types.ModuleType("inbound.cli.hang")
        module.hang = hang
        COMMANDS["hang"] = ListedCommand("hang:hang", "")
        sys.argv[1:] = ["hang"]
        main()
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    )
    assert (done.returncode, done.stdout) == (-signal.SIGALRM, "goes on\n")


def test_the_help_page_shows_the_commands_and_imports_none() -> None:
    program = """
        import sys
        from inbound.cli import main

        sys.argv[1:] = ["--help"]
        try:
            main()
        finally:
            print(*sys.modules, sep="\\n", file=sys.stderr)
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert "  up  " in done.stdout
    imported = {name.partition(".")[0] for name in done.stderr.split()}
    assert "click" in imported
    assert imported.isdisjoint(
        {"aiokafka", "faust", "fastapi", "jinja2", "kafka", "mode", "psycopg", "pydantic"}
        | {"pydantic_core", "schemas", "streams", "uvicorn"}
    )
    commands = {name for name in done.stderr.split() if name.startswith("inbound.cli.")}
    assert {name for name in commands if not name.startswith("inbound.cli._")} == set()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_help_page_is_as_click_writes_it(width: int) -> None:
    context = click.Context(scserv, terminal_width=width, max_content_width=width)
    ours, clicks = context.make_formatter(), context.make_formatter()
    scserv.format_commands(context, ours)
    click.Group.format_commands(scserv, context, clicks)
    assert ours.getvalue() == clicks.getvalue()


def texts_of(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Parameter]]:
    """Yield the words of every command, with each of its parameters that takes a text."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from texts_of(inner, (*path, name))
    for parameter in command.params:
        if isinstance(parameter.type, click.types.StringParamType):
            yield path, parameter


TEXTS = list(texts_of(scserv))


@pytest.mark.parametrize(
    ("words", "parameter"), TEXTS, ids=[f"{' '.join(w)} {p.name}" for w, p in TEXTS]
)
def test_no_command_takes_octets_that_are_no_text(
    words: tuple[str, ...], parameter: click.Parameter
) -> None:
    assert isinstance(parameter.type, Utf8Text)
    if parameter.param_type_name == "option":
        ran = CliRunner().invoke(scserv, [*words, f"{max(parameter.opts, key=len)}=a\udcff\x1b"])
        assert ran.exit_code == 2
        assert "is not UTF-8" in ran.output


def test_ctrl_c_during_the_imports_of_a_command_is_one_line() -> None:
    program = """
        import os, signal, sys

        class Interrupting:
            def find_spec(self, name, *_):
                if name == "click":
                    os.kill(os.getpid(), signal.SIGINT)

        sys.meta_path.insert(0, Interrupting())
        import inbound.cli
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "scserv: interrupted\n")
