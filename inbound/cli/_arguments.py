"""Checks of arguments for every command."""

from typing import Any, Final

import click
from typing_extensions import override


class Utf8Text(click.types.StringParamType):
    """A text. Refuses octets that are not UTF-8, which no database, topic or JSON can hold.

    Python passes them on as lone surrogates. Paths may have such octets, and are no texts.
    """

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = super().convert(value, param, ctx)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            self.fail(f"{text!r} is not UTF-8; type it in UTF-8", param, ctx)
        return text


PORT: Final = click.IntRange(0, 65_535)
_UTF8_TEXT: Final = Utf8Text()


def with_utf8_texts(command: click.Command) -> click.Command:
    """Make every text that a command or its subcommands take a `Utf8Text`; return the command."""
    for parameter in command.params:
        if type(parameter.type) is click.types.StringParamType:
            parameter.type = _UTF8_TEXT
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            with_utf8_texts(inner)
    return command
