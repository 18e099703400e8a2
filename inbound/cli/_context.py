"""What every command shares: finding its settings, and ending with one clear line.

A command's settings come from the environment, from `--config`, and below both from what
a running `scserv up` wrote into its data folder.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel

from inbound.service_file import DEFAULT_DATA_DIR, read_service_file
from inbound.settings import Settings, load_some

Command = TypeVar("Command", bound=Callable[..., Any])


def settings_options(command: Command) -> Command:
    """Give a command `--config` and `--data-dir`, and the settings as its first argument."""
    return settings_of(Settings)(command)


def settings_of(model: type[BaseModel]) -> Callable[[Command], Command]:
    """As `settings_options`, for a command that is to hold these settings and no others."""

    def decorate(command: Command) -> Command:
        @click.option(
            "--config",
            type=click.Path(path_type=Path, dir_okay=False),
            help="TOML file with settings.",
        )
        @click.option(
            "--data-dir",
            type=click.Path(path_type=Path, file_okay=False),
            default=DEFAULT_DATA_DIR,
            show_default=True,
            help="Folder of a running `scserv up`.",
        )
        def with_settings(config: Path | None, data_dir: Path, **arguments: Any) -> Any:  # noqa: ANN401
            return command(load_some(model, config, read_service_file(data_dir)), **arguments)

        with_settings.__name__ = command.__name__
        with_settings.__doc__ = command.__doc__
        if hasattr(command, "__click_params__"):
            with_settings.__click_params__ = (  # type: ignore[attr-defined]  # click's own way
                with_settings.__click_params__ + command.__click_params__  # type: ignore[attr-defined]
            )
        return with_settings  # type: ignore[return-value]  # click replaces it by a Command

    return decorate
