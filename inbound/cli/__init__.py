"""The command `scserv`. A subcommand is imported when it is called, so help stays fast."""

from inbound.cli import _interrupts  # first, for Ctrl-C during the imports below

# isort: split
import signal
import sys
from types import FrameType
from typing import Any, Final, NoReturn

import click

from inbound.cli._arguments import with_utf8_texts
from inbound.cli._commands import ALIASES, COMMANDS
from inbound.cli._core_dumps import forbid_core_dumps
from inbound.errors import ScservError
from inbound.terminal import echo, echo_traceback, echo_usage_error

_ENDED_BY: Final = (signal.SIGTERM, signal.SIGHUP)
TIDY_WITHIN_S: Final = 8
"""How long a command has to undo what it has begun."""


class _Interrupted(click.Abort):
    """Ctrl-C, kept from click, which would print an empty line for it."""


class _LazyGroup(click.Group):
    """A group that imports the module of a command when it is called."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 — as click has it
        """Run the command. Raises `_Interrupted` at Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _Interrupted from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help page."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None for an unknown name."""
        del ctx
        command = COMMANDS.get(ALIASES.get(cmd_name, cmd_name))
        if command is None:
            return None
        module, _, name = command.place.partition(":")
        imported = __import__(f"inbound.cli.{module}", fromlist=[name])
        return with_utf8_texts(getattr(imported, name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of the help page, as click does, and import nothing for it."""
        del ctx
        width = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, click.Command(name, help=command.summary).get_short_help_str(width))
                    for name, command in COMMANDS.items()
                ]
            )


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scserv")
def scserv() -> None:
    """Answer text messages to a support organisation's federal number."""


def main() -> None:
    """Run the command line. A `ScservError` is printed and exits with status 2, Ctrl-C with 130."""
    forbid_core_dumps()  # any command may have a key in memory
    for number in _ENDED_BY:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores one
            signal.signal(number, _exit)
    try:
        sys.exit(scserv(standalone_mode=False))
    except _Interrupted:
        _interrupts.say_interrupted()
        sys.exit(_interrupts.INTERRUPTED)
    except click.Abort:  # a question was declined
        sys.exit(_interrupts.INTERRUPTED)
    except click.ClickException as error:
        echo_usage_error(error)
        sys.exit(error.exit_code)
    except ScservError as error:
        echo(*f"scserv: {error}".split("\n"), err=True)
        sys.exit(2)
    except Exception as error:  # noqa: BLE001 — printed in full
        echo_traceback(error)
        sys.exit(1)


def _exit(number: int, _: FrameType | None) -> NoReturn:
    """End the command as Ctrl-C does: what it has begun is undone. The next signal kills it.

    Python drops what is raised in a callback of its import system or garbage collector. Then the
    alarm ends the process, by its default action.
    """
    for each in _ENDED_BY:
        signal.signal(each, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(TIDY_WITHIN_S)
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
