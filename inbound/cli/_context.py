"""The options by which every command finds its settings.

Settings come from the environment, then from `--config`, then from the service file that a
running `scserv up` keeps in its data folder.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource
from pydantic import BaseModel

from inbound.errors import MissingSettingError, SetupError
from inbound.service_file import DEFAULT_DATA_DIR, SERVICE_FILE, read_service_file
from inbound.settings import Settings, load_partial_settings

_DECIDING: Final = ("sender", "order_days", "policies")

Command = TypeVar("Command", bound=Callable[..., Any])


def settings_options(command: Command) -> Command:
    """Add `--config` and `--data-dir`; pass the settings as the first argument."""
    return settings_of(Settings)(command)


def service_settings_options(command: Command) -> Command:
    """Like `settings_options`, for a command that decides as the running service does.

    What that goes by, its sender for example, is taken from the service file and not from the
    shell of the caller, if the command uses the database of that service.
    """
    return settings_of(Settings, as_service=True)(command)


def settings_of(
    model: type[BaseModel], *, as_service: bool = False
) -> Callable[[Command], Command]:
    """Like `settings_options`, for a command that must not hold other settings."""

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
            service = read_service_file(data_dir)
            settings = load_partial_settings(model, config, service)
            if as_service and isinstance(settings, Settings) and _is_of(settings, service):
                settings = load_partial_settings(model, config, service, _decided_by(service))
            try:
                return command(settings, **arguments)
            except MissingSettingError as error:
                raise _why_missing(error, data_dir) from None

        with_settings.__name__ = command.__name__
        with_settings.__doc__ = command.__doc__
        if hasattr(command, "__click_params__"):
            with_settings.__click_params__ = (  # type: ignore[attr-defined]  # as click does it
                with_settings.__click_params__ + command.__click_params__  # type: ignore[attr-defined]
            )
        return with_settings  # type: ignore[return-value]  # click makes a Command of it

    return decorate


def _is_of(settings: Settings, service: Mapping[str, Any]) -> bool:
    return bool(service) and service.get("database_url") == settings.database_url.get_secret_value()


def _decided_by(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings by which the service decides about orders."""
    decided: dict[str, Any] = {name: service[name] for name in _DECIDING if name in service}
    smpp = service.get("smpp", {})
    if "alphabet" in smpp:
        decided["smpp"] = {"alphabet": smpp["alphabet"]}
    return decided


def _why_missing(error: MissingSettingError, data_dir: Path) -> SetupError:
    """Return the error about the data folder, if a running `scserv up` would have the setting."""
    from inbound.local.folder_lock import is_locked

    source = click.get_current_context().get_parameter_source("data_dir")
    is_named = source is ParameterSource.COMMANDLINE
    if (data_dir / SERVICE_FILE).exists():
        return error
    if is_locked(data_dir):
        return SetupError(f"`scserv up` is starting in {data_dir}: wait until it has said ready")
    if is_named and not data_dir.exists():
        return SetupError(
            f"--data-dir {data_dir} does not exist: name the folder of a running `scserv up`"
        )
    if is_named:
        return SetupError(
            f"--data-dir {data_dir} has no {SERVICE_FILE}: no `scserv up` has run there"
        )
    return error
