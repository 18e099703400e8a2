"""Foreign text: what is printed is escaped, and nothing is printed elsewhere."""

import ast
import io
import json
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from inbound.cli import main
from inbound.printing import printable
from inbound.terminal import Terminal, echo, echo_json, echo_traceback, echo_usage_error

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\r\n\u009b31m\u202egnp.exe\u2066\u2028\x08\x00 [bold red]x[/] :bomb:"
)
SHOWN = (
    "\\u001b]0;owned\\u0007\\u001b[2J\\r\\n\\u009b31m\\u202egnp.exe\\u2066\\u2028\\u0008\\u0000"
    " [bold red]x[/] :bomb:"
)


def test_what_can_be_read_is_kept() -> None:
    for text in ("Привет, мир", "Иванов № 7 – «ё»", "日本語 😀", "\\n", ""):
        assert printable(text) == text


def test_what_steers_a_terminal_is_escaped() -> None:
    assert printable(HOSTILE) == SHOWN
    assert printable("a\nb\tc", keep="\n") == "a\nb\\tc"
    assert printable("x" * 10, 5) == "xxxx…"


def test_every_character_is_printable_or_escaped() -> None:
    for code in range(sys.maxunicode + 1):
        shown = printable(chr(code))
        assert shown.isprintable()
        if unicodedata.category(chr(code)) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}:
            assert shown.isascii()
            assert shown.startswith("\\")


def test_escapes_are_those_of_json() -> None:
    text = HOSTILE + "\U000e0041\U0010fffd"
    assert json.loads(f'"{printable(text)}"') == text


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    echo(f"id {HOSTILE}", "next", err=True)
    assert capsys.readouterr().err == f"id {SHOWN}\nnext\n"


@pytest.mark.parametrize("indent", [None, 2])
def test_json_keeps_its_value(indent: int | None, capsys: pytest.CaptureFixture[str]) -> None:
    value = {HOSTILE: [HOSTILE, "Привет"]}
    echo_json(value, indent)
    out = capsys.readouterr().out
    assert json.loads(out) == value
    assert out.replace("\n", "").isprintable()
    assert "Привет" in out


def rendered(*objects: object, width: int = 400) -> str:
    stream = io.StringIO()
    Terminal(file=stream, width=width, force_terminal=False).print(*objects)
    return stream.getvalue()


def test_the_console_shows_foreign_text_and_does_not_obey_it() -> None:
    grid = Table.grid()
    grid.add_row(HOSTILE, Text(HOSTILE, style="red"))
    assert rendered(HOSTILE) == f"{SHOWN}\n"
    for printed in (Text(HOSTILE, style="red"), Padding(Text(HOSTILE), (0, 0, 0, 2))):
        text = rendered(Group(printed))
        assert text.count("\n") == 1
        assert text.strip().isprintable()
        assert text.strip().endswith("[bold red]x[/] :bomb:")
    assert SHOWN in rendered(grid)


@pytest.mark.parametrize("width", [10, 40, 400])
def test_no_width_lets_a_control_character_through(width: int) -> None:
    table = Table(title=HOSTILE)
    table.add_column(HOSTILE, overflow="fold")
    table.add_row(HOSTILE)
    stream = io.StringIO()
    Terminal(file=stream, width=width).print(table, HOSTILE, style="bold")
    assert stream.getvalue().replace("\n", "").isprintable()


def test_errors_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    echo_usage_error(click.UsageError(f"no such option: {HOSTILE}"))
    echo_traceback(ValueError(HOSTILE))
    text = capsys.readouterr().err
    assert text.replace("\n", "").isprintable()
    assert "\\u001b]0;owned" in text


def test_the_command_line_escapes_its_arguments(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbound.cli.forbid_core_dumps", lambda: None)
    for arguments in ([f"--{HOSTILE}"], ["timeline", "--phone", HOSTILE], [HOSTILE]):
        monkeypatch.setattr(sys, "argv", ["scserv", *(one.replace("\0", "") for one in arguments)])
        with pytest.raises(SystemExit):
            main()
        printed = capsys.readouterr()
        assert (printed.out + printed.err).replace("\n", "").isprintable()
        assert printed.err


# -- nothing else prints ------------------------------------------------------------------

PRINTS = {
    "print": "prints",
    "click.echo": "prints",
    "click.secho": "prints",
    "click.confirm": "prints its question",
    "click.prompt": "prints its question",
    "click.echo_via_pager": "prints",
    "sys.stdout": "is a terminal",
    "sys.stderr": "is a terminal",
    "sys.__stdout__": "is a terminal",
    "sys.__stderr__": "is a terminal",
    "traceback.print_exc": "prints",
    "traceback.print_exception": "prints",
    "traceback.print_stack": "prints",
    "warnings.warn": "prints",
    "rich.print": "prints",
    "rich.console.Console": "obeys markup and escapes",
    "logging.StreamHandler": "writes lines that are not escaped",
    "logging.basicConfig": "writes lines that are not escaped",
}
"""What shows a text to somebody."""

ALLOWED = {
    ("inbound/cli/_interrupts.py", "sys.stderr"): "before anything is imported; a fixed line",
    ("inbound/terminal.py", "click.echo"): "escaped",
    ("inbound/terminal.py", "click.confirm"): "escaped",
    ("inbound/terminal.py", "rich.console.Console"): "escaped",
    ("inbound/ops/logs.py", "logging.StreamHandler"): "its formatter escapes",
    ("inbound/ops/logs.py", "sys.stderr"): "its formatter escapes",
    ("inbound/cli/log.py", "sys.stdout"): "an export: octets, refused on a terminal",
    ("inbound/cli/clients.py", "sys.stdout"): "asked whether it is a terminal",
    ("inbound/tables/_workbook_child.py", "sys.stdout"): "a pipe to the parent, JSON",
    ("inbound/local/fork_server.py", "sys.stdout"): "only flushed",
    ("inbound/local/fork_server.py", "sys.stderr"): "the log of a role, as Python ends a process",
}


def names_used(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of everything that a module uses, whatever it calls it."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {(one.asname or one.name).split(".")[0]: one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            for one in node.names:
                modules[one.asname or one.name] = f"{node.module}.{one.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{modules.get(node.value.id, node.value.id)}.{node.attr}"
        elif isinstance(node, ast.Name):
            yield modules.get(node.id, node.id)


def prints_of(code: str) -> set[str]:
    return {name for name in names_used(ast.parse(code)) if name in PRINTS}


def test_nothing_is_printed_elsewhere() -> None:
    found = {
        (str(path.relative_to(ROOT)), name)
        for package in ("inbound", "streams", "schemas")
        for path in (ROOT / package).rglob("*.py")
        for name in prints_of(path.read_text())
    }
    bypasses = sorted(f"{path}: {name} {PRINTS[name]}" for path, name in found - ALLOWED.keys())
    assert not bypasses, "use inbound.terminal instead"
    assert not ALLOWED.keys() - found, "these exceptions are not needed any more"


@pytest.mark.parametrize(
    "code",
    [
        "print(1)",
        "say = print",
        "import click as c\nc.echo(1)",
        "from click import echo as e\ne(1)",
        "import sys\nsys.stderr.write('x')",
        "from sys import stdout\nstdout.write('x')",
        "from rich.console import Console\nConsole()",
        "import rich\nrich.print(1)",
        "import traceback\ntraceback.print_exc()",
        "import logging\nlogging.basicConfig()",
    ],
)
def test_every_way_around_is_found(code: str) -> None:
    assert prints_of(code)
