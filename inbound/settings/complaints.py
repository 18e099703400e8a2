"""Explains an invalid setting in one line: its name, its value, and what would be right.

The words are ours: those of pydantic are for programmers. A secret's value is never repeated.
"""

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from inbound.printing import printable
from inbound.settings.model import PREFIX

_VALUE_CHARS_MAX: Final = 80
_NEAR: Final = 0.7
_NUMBERS: Final = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})


def explain(
    problem: Mapping[str, Any],
    model: type[BaseModel],
    values: Mapping[str, Any],
    config: Path | None,
) -> str:
    """Return the line about one error of pydantic; `values` are those that were checked."""
    path: Sequence[str | int] = problem["loc"]
    owner = _owner(model, path)
    field = owner.model_fields.get(str(path[-1])) if path else None
    return f"{_place(path, config)}: {_complaint(problem, owner, field, _value(values, path))}"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the setting that may have been meant by an unknown name."""
    names = {one.removeprefix(PREFIX): one for one in known}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), names, n=1, cutoff=_NEAR)
    return f"did you mean {names[near[0]]}?" if near else "`scserv settings` lists them all"


def _place(path: Sequence[str | int], config: Path | None) -> str:
    """Return the name of a setting, and its place in the TOML file if there is one."""
    if not path:
        return "settings"
    if path[0] == "binds":  # only in TOML, so there is no variable
        number = f" {int(path[1]) + 1}" if len(path) > 1 else ""
        name = "".join(f", {part}" for part in path[2:])
        return f"[[binds]]{number}{name}" + (f" in {config}" if config else "")
    names = [str(part) for part in path]
    variable = PREFIX + "__".join(names).upper()
    if variable in os.environ:  # it has won over the file
        return variable
    if os.environ.get(f"{variable}_FILE"):
        return f"{variable}_FILE"
    return variable + (f" ({'.'.join(names)} in {config})" if config else "")


def _complaint(
    problem: Mapping[str, Any], owner: type[BaseModel], field: FieldInfo | None, value: object
) -> str:
    if problem["type"] == "extra_forbidden":
        return f"unknown setting; {suggest(str(problem['loc'][-1]), owner.model_fields)}"
    if problem["type"] == "value_error" or field is None:  # our own words
        return str(problem["msg"]).removeprefix("Value error, ")
    shown = "" if _is_secret(field) else f"{_shown(value)} "
    return shown + _fault(str(problem["type"]), problem.get("ctx", {}), field)


def _fault(type_: str, context: Mapping[str, Any], field: FieldInfo) -> str:
    """Return the fault, to follow the value."""
    kind = type_.partition("_")[0]
    fault = f"has another form than expected: {field.description}"
    if type_ in {"too_long", "string_too_long"}:
        fault = f"has more than {context['max_length']} characters"
    elif type_ == "string_pattern_mismatch":
        fault = f"does not fit; expected {field.description}"
    elif kind == "literal":
        fault = f"is not one of {', '.join(map(str, _choices(field)))}"
    elif kind == "bool":
        fault = "is neither true nor false"
    elif kind in {"int", "float", "finite"} or type_ in _NUMBERS:
        fault = f"is not a {'whole ' * _is_whole(field)}number{_range(field)}"
    elif type_ == "multiple_of":
        fault = f"is not a multiple of {context['multiple_of']}"
    elif type_ == "string_unicode":
        fault = "is not UTF-8"
    return fault


def _value(values: Mapping[str, Any], path: Sequence[str | int]) -> object:
    value: Any = values
    try:
        for step in path:
            value = value[step]
    except (LookupError, TypeError):
        return None
    return value


def _shown(value: object) -> str:
    return printable(repr(value), _VALUE_CHARS_MAX)


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    return (field.annotation, *get_args(field.annotation))


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in _kinds(field)


def _is_whole(field: FieldInfo) -> bool:
    return int in _kinds(field)


def _choices(field: FieldInfo) -> tuple[Any, ...]:
    return next((get_args(kind) for kind in _kinds(field) if get_origin(kind) is Literal), ())


def _range(field: FieldInfo) -> str:
    """Return the limits of a number, to follow "a number"."""
    limits = {type(limit): limit for limit in field.metadata}
    low, above, high, below = (limits.get(kind) for kind in (Ge, Gt, Le, Lt))
    if low is not None and high is not None:
        return f" from {low.ge} to {high.le}"
    if low is not None:
        return f" of at least {low.ge}"
    if above is not None:
        return f" above {above.gt}"
    if high is not None:
        return f" of at most {high.le}"
    return f" below {below.lt}" if below is not None else ""


def _owner(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel]:
    """Return the model that has the last setting of a path: a group, a bind, or `model`."""
    field = model.model_fields.get(str(path[0])) if len(path) > 1 else None
    annotation = field.annotation if field else None
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return model
