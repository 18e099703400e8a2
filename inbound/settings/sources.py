"""Reads settings from the environment, from files and from a TOML file.

A variable wins over its `*_FILE` twin (a path whose content is the value: for secrets),
which wins over the TOML file. Groups are tables in TOML and `SCSERV_GROUP__NAME` as
variables. An invalid setting is reported on one line that names it and its source.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
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
    priority. Raises `SetupError` with one line for each invalid setting.
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
    _reject_unknown_variables()
    file = read_settings_file(config, "--config") if config else {}
    given = _merge(file, _read_environment(model))
    merged = _merge(_fitting(defaults or {}, given), given, fixed or {})
    values = {name: value for name, value in merged.items() if name in model.model_fields}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        lines = [explain(problem, model, values, config) for problem in problems]
        raise SetupError("\n".join(lines)) from None


def read_settings_file(path: Path, option: str) -> dict[str, Any]:
    """Return the unchecked values of a TOML file.

    Raises `SetupError`, which names `option`, when the file can't be read or when a name at
    its top level is not a setting.
    """
    values = _read_toml(path, option)
    for name in values:
        if name not in Settings.model_fields:
            hint = suggest(name, Settings.model_fields)
            raise SetupError(f"{option} {path}: {name} is not a setting; {hint}")
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


def _read_environment(model: type[BaseModel]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, _, path in setting_variables(model):
        value = os.environ.get(variable)
        if value is None and (file := os.environ.get(f"{variable}_FILE")):
            value = read_value(f"{variable}_FILE", Path(file))
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


def _reject_unknown_variables() -> None:
    known = {name for name, _, _ in setting_variables()}
    for variable in os.environ:
        if not variable.startswith(PREFIX) or variable in _NOT_SETTINGS | known:
            continue
        if variable.endswith("_FILE") and variable.removesuffix("_FILE") in known:
            continue
        raise SetupError(f"{variable} is not a setting; {suggest(variable, known)}")
