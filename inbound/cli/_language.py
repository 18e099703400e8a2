"""The language of a command that supporters and editors use: `--lang`, or that of the locale."""

import functools
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

import click

from inbound.errors import SetupError
from inbound.terminal import reads_russian, speak_russian
from inbound.wording import in_russian

_LANGUAGES: Final = ("ru", "en")
_LOCALE: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


def speak_both(commands: Iterable[click.Command]) -> None:
    """Let commands, and those in groups, speak English or Russian.

    A command that has a `--lang` of its own goes by the locale.
    """
    for command in commands:
        if isinstance(command, click.Group):
            speak_both(command.commands.values())
            continue
        if not any("--lang" in parameter.opts for parameter in command.params):
            command.params.append(_option())
        if command.callback is not None:
            command.callback = _in_language(command.callback)


def _option() -> click.Option:
    return click.Option(
        ["--lang"],
        type=click.Choice(_LANGUAGES),
        expose_value=False,
        callback=lambda context, _, language: context.meta.update({__name__: language}),
        help="Language.  [default: by the locale]",
    )


def _in_language(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def speaking(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 — as the command has them
        context = click.get_current_context()
        speak_russian(on=(context.meta.get(__name__) or _of_locale()) == "ru")
        try:
            return callback(*arguments, **options)
        except SetupError as error:
            if reads_russian():
                error.args = (in_russian(str(error)),)
            raise

    return speaking


def _of_locale() -> str:
    """Return the language of messages, as POSIX finds it (XBD, 8.2)."""
    chosen = next((os.environ[name] for name in _LOCALE if os.environ.get(name)), "")
    return "ru" if chosen.lower().startswith("ru") else "en"
