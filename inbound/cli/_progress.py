"""One progress bar for every command that reads much."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TimeRemainingColumn,
)
from rich.progress import TextColumn as Column

from inbound.terminal import Terminal

Advance = Callable[[int, int], None]
"""Takes how much is done and how much there is."""


@contextmanager
def progress_bar(
    label: str, *, unit: str | None = None, console: Terminal | None = None
) -> Iterator[Advance]:
    """Show a bar while the block runs, on standard error if that is a terminal.

    With `unit` the bar shows "N of M units", otherwise a percentage.
    """
    console = console or Terminal(stderr=True)
    numbers: ProgressColumn = TaskProgressColumn()
    if unit is not None:
        numbers = Column("{task.completed:,} of {task.total:,} " + unit)
    with Progress(
        Column("{task.description}"),
        BarColumn(),
        numbers,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(label, total=0)
        yield lambda done, total: bar.update(task, completed=done, total=total)
