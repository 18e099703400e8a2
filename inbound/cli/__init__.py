"""The command `scserv`. A subcommand is imported when it is called, so help stays fast."""

import inbound.cli._interrupts  # noqa: F401 — for Ctrl-C during the imports below

# isort: split
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

import click

from inbound.cli._arguments import with_utf8_texts
from inbound.cli._core_dumps import forbid_core_dumps
from inbound.errors import ScservError
from inbound.terminal import echo, echo_traceback, echo_usage_error

_ENDED_BY: Final = (signal.SIGTERM, signal.SIGHUP)
TIDY_WITHIN_S: Final = 8
"""How long a command has to undo what it has begun."""


class _LazyGroup(click.Group):
    """A group that imports the module of a command when it is called."""

    COMMANDS = {  # noqa: RUF012 — read-only
        "up": "up:up",
        "text": "text:text",
        "notify": "notify:notify",
        "broadcast": "broadcast:broadcast",
        "timeline": "timeline:timeline",
        "events": "events:events",
        "audit": "audit:audit",
        "binds": "binds:binds",
        "clients": "clients:clients",
        "accounts": "accounts:accounts",
        "callbacks": "callbacks:callbacks",
        "templates": "templates:templates",
        "registrations": "registrations:registrations",
        "subscriptions": "subscriptions:subscriptions",
        "log": "log:log",
        "replay": "replay:replay",
        "projections": "projections:projections",
        "deadletters": "deadletters:deadletters",
        "erase": "erase:erase",
        "erasures": "erase:erasures",
        "gateway": "roles:gateway",
        "worker": "roles:worker",
        "relay": "roles:relay",
        "projector": "roles:projector",
        "scheduler": "scheduler:scheduler",
        "api": "api:api",
        "tokens": "tokens:tokens",
        "desk": "desk:desk",
        "users": "users:users",
        "simulator": "simulator:simulator",
        "migrate": "setup:migrate",
        "topics": "setup:topics",
        "settings": "setup:settings",
        "schemas": "schemas:schemas",
    }
    # Earlier names that scripts may still use; they are not listed.
    ALIASES = {"smsc": "simulator"}  # noqa: RUF012 — read-only

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help page."""
        del ctx
        return list(self.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None for an unknown name."""
        del ctx
        target = self.COMMANDS.get(self.ALIASES.get(cmd_name, cmd_name))
        if target is None:
            return None
        module, _, name = target.partition(":")
        imported = __import__(f"inbound.cli.{module}", fromlist=[name])
        return with_utf8_texts(getattr(imported, name))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scserv")
def scserv() -> None:
    """Answer text messages to a support organisation's federal number."""


def main() -> None:
    """Run the command line. A `ScservError` is printed as one line and exits with status 2."""
    forbid_core_dumps()  # any command may have a key in memory
    for number in _ENDED_BY:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores one
            signal.signal(number, _exit)
    try:
        sys.exit(scserv(standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit(130)
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
