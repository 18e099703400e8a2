"""Everything that commands write to a terminal: each line passes through `printable`.

No other module prints (tests/unit/test_printing.py looks for one). Colours and progress bars
are the only control sequences, and rich makes them; markup in a text is not interpreted.
"""

import traceback
from collections.abc import Iterable
from io import StringIO
from typing import Any

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from inbound.errors import SetupError
from inbound.printing import printable
from inbound.wording import in_russian


def echo(*lines: object, err: bool = False) -> None:
    """Print lines to standard output, or to standard error. A line break in one is escaped."""
    for line in lines or ("",):
        text = in_russian(line) if reads_russian() else str(line)
        click.echo(printable(text), err=err)


def speak_russian(*, on: bool) -> None:
    """Print texts that have a Russian in Russian, until the running command ends."""
    click.get_current_context().meta[__name__] = on


def reads_russian() -> bool:
    """Whether the running command prints in Russian."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(__name__))


def echo_json(value: Any, indent: int | None = None) -> None:  # noqa: ANN401 — any JSON
    """Print a value as JSON, on one line without `indent`."""
    from pydantic_core import to_json  # imported here, because help pages don't need it

    echo(*to_json(value, indent=indent).decode().split("\n"))


def confirm(question: str) -> None:
    """Ask on standard error. Raises `click.Abort` unless the answer is yes."""
    if not agrees(question):
        raise click.Abort


def agrees(question: str) -> bool:
    """Ask on standard error; return whether the answer is yes. For commands with `--yes`.

    Raises KeyboardInterrupt at Ctrl-C, and `SetupError` at the end of the input.
    """
    try:
        return click.confirm(printable(question), err=True)
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
    echo(err=True)
    raise SetupError(
        "nobody answers: standard input has ended. Nothing was changed; with --yes it doesn't ask"
    )


def echo_usage_error(error: click.ClickException) -> None:
    """Print what is wrong with a command line, as click does. It may quote an argument."""
    text = StringIO()
    error.show(text)
    echo(*text.getvalue().rstrip("\n").split("\n"), err=True)


def echo_traceback(error: BaseException) -> None:
    """Print the traceback of a bug. Its message may quote anything, a line break included."""
    for entry in traceback.format_exception(error):
        echo(*entry.rstrip("\n").split("\n"), err=True)


class Terminal(Console):
    """A rich console that shows foreign text as it is, and never obeys it.

    Whatever is printed, alone or inside tables: a line break in a text is escaped, and markup
    and emoji codes are plain characters.
    """

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False, **others: Any) -> None:  # noqa: ANN401 — as rich takes them
        super().__init__(
            stderr=stderr, soft_wrap=soft_wrap, markup=False, emoji=False, highlight=False, **others
        )

    def render_str(self, text: str, **others: Any) -> Text:  # noqa: ANN401
        """Return a text of the caller, escaped."""
        return super().render_str(printable(text), **others)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of anything that can be printed, escaped."""
        if isinstance(renderable, Text) and not renderable.plain.isprintable():
            escaped = Text(printable(renderable.plain), renderable.style)
            escaped.overflow, escaped.no_wrap = renderable.overflow, renderable.no_wrap
            renderable = escaped
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(printable(segment.text, keep="\n"), segment.style)
