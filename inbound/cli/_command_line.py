"""Commands that a command prints, to be pasted into a shell."""

import shlex

import click
from click.core import ParameterSource


def command_line(*words: str) -> str:
    """Return a `scserv` command to paste into a shell.

    It finds the same settings as the command that prints it: `--config` and `--data-dir` are
    repeated if that was given them.
    """
    context = click.get_current_context(silent=True)
    given = [
        word
        for name in ("config", "data_dir")
        if context and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        for word in (f"--{name.replace('_', '-')}", str(context.params[name]))
    ]
    return shlex.join(["scserv", *words, *given])
