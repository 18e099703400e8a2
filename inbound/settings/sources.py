"""Reads settings from the environment, from files and from a TOML file.

A variable wins over its `*_FILE` twin (a path whose content is the value: for secrets),
which wins over the TOML file. Groups are tables in TOML and `SCSERV_GROUP__NAME` as
variables. All that is wrong is reported at once: a line for each invalid setting and each unknown
name, with its source.
"""

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from inbound.errors import SetupError
from inbound.settings.complaints import explain, suggest
from inbound.settings.kafka import KafkaSettings
from inbound.settings.model import PREFIX, Settings
from inbound.settings.smpp import read_value

# A list of tables, and a field for such a table: a variable has a *_FILE twin instead.
_ONLY_IN_TOML: Final = {(PREFIX, "binds"), (PREFIX + "SMPP__", "password_file")}
# The cache of the Kafka jars, and what `scserv up` tells its children: not for operators.
_NOT_SETTINGS: Final = {"SCSERV_CACHE_DIR", "SCSERV_PARENT_FD"}

ModelT = TypeVar("ModelT", bound=BaseModel)


def load_settings(
    config: Path | None = None, defaults: Mapping[str, Any] | None = None
) -> Settings:
    """Return all settings.

    `config` is a TOML file. `defaults` come from a running `scserv up` and have the lowest
    priority. Raises `SetupError` with one line for each invalid setting and each unknown name.
    """
    return load_partial_settings(Settings, config, defaults)


def load_partial_settings(
    model: type[ModelT],
    config: Path | None = None,
    defaults: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> ModelT:
    """Return settings as `model`, which has some of the fields of `Settings`.

    `fixed` win over the environment and the file.

    For a process that must not hold the other settings: their variables and the files these
    name are not read. Otherwise the same as `load_settings`.
    """
    wrong = list(_unknown_variables())
    file: dict[str, Any] = {}
    if config is not None:
        try:
            file = _read_toml(config, "--config")
        except SetupError as error:
            wrong.append(str(error))
    wrong += _unknown_names(file, config, "--config")
    given = _merge(file, _read_environment(model, wrong.append))
    merged = _merge(_fitting(defaults or {}, given), given, fixed or {})
    values = {name: value for name, value in merged.items() if name in model.model_fields}
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        wrong += [explain(problem, model, values, config) for problem in problems]
    if wrong:
        raise SetupError("\n".join(wrong)) from None
    return settings


def read_settings_file(path: Path, option: str) -> dict[str, Any]:
    """Return the unchecked values of a TOML file.

    Raises `SetupError`, which names `option`, when the file can't be read or when names at its top
    level are not settings: with a line for each.
    """
    values = _read_toml(path, option)
    if unknown := list(_unknown_names(values, path, option)):
        raise SetupError("\n".join(unknown))
    return values


def setting_variables(
    model: type[BaseModel] = Settings, prefix: str = PREFIX
) -> Iterator[tuple[str, FieldInfo, str]]:
    """Yield every setting that can be a variable, as (variable, field, TOML path)."""
    for name, field in model.model_fields.items():
        if (prefix, name) in _ONLY_IN_TOML:
            continue
        annotation = field.annotation
        variable = prefix + name.upper()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for inner, inner_field, path in setting_variables(annotation, variable + "__"):
                yield inner, inner_field, f"{name}.{path}"
        else:
            yield variable, field, name


def _fitting(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the defaults without the credentials of one Kafka if another's address is given."""
    if "kafka_bootstrap_servers" not in given:
        return defaults
    return {name: v for name, v in defaults.items() if name not in KafkaSettings.model_fields}


def _merge(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Merge sources, groups included; a later source wins over an earlier one."""
    merged: dict[str, Any] = {}
    for source in sources:
        for name, value in source.items():
            below = merged.get(name)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                merged[name] = _merge(below, value)
            else:
                merged[name] = value
    return merged


def _read_environment(model: type[BaseModel], complain: Callable[[str], None]) -> dict[str, Any]:
    """Return the values of variables, and of the files that they name.

    Complains of each file that can't be read, and goes on without its value.
    """
    values: dict[str, Any] = {}
    for variable, _, path in setting_variables(model):
        value = os.environ.get(variable)
        if value is None and (file := os.environ.get(f"{variable}_FILE")):
            try:
                value = read_value(f"{variable}_FILE", Path(file))
            except SetupError as error:
                complain(str(error))
        if value is not None:
            group, _, name = path.rpartition(".")
            (values.setdefault(group, {}) if group else values)[name] = value
    return values


def _read_toml(path: Path, option: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SetupError(f"{option} {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"{option} {path}: not a TOML file in UTF-8: {error}") from error


def _unknown_names(values: Mapping[str, Any], path: Path | None, option: str) -> Iterator[str]:
    """Yield a line for each name at the top level of a file that is not a setting."""
    for name in values:
        if name not in Settings.model_fields:
            hint = suggest(name, Settings.model_fields)
            yield f"{option} {path}: {name} is not a setting; {hint}"


def _unknown_variables() -> Iterator[str]:
    """Yield a line for each variable with our prefix that is not a setting."""
    known = {name for name, _, _ in setting_variables()}
    files = {f"{name}_FILE" for name in known}
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in _NOT_SETTINGS | known | files:
            # A file is suggested for a file: a path would be no value.
            meant = files if variable.endswith("_FILE") else known
            yield f"{variable} is not a setting; {suggest(variable, meant)}"
