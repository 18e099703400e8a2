"""Loads TOML files into pydantic models. Errors are one line that names table and field."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from inbound.errors import SetupError
from inbound.field_rules import rule_of

ModelT = TypeVar("ModelT", bound=BaseModel)


def load(path: Path, model: type[ModelT]) -> ModelT:
    """Load a file. Blocks. Raises `SetupError` that names file, table and field, never a value."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SetupError(f"{path}: {why}") from None
    return parse(text, model, str(path))


def parse(text: str, model: type[ModelT], name: str) -> ModelT:
    """Parse the text of a file called `name`. Raises as `load` does."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{name}: {error}") from None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [
            _sentence(problem, values)
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise SetupError(f"{name}: {'; '.join(problems)}") from None


def _sentence(problem: ErrorDetails, values: dict[str, Any]) -> str:
    """Return a problem as `rule 2 ("slow"), fault.status: ...`."""
    text = rule_of(problem)
    place = list(problem["loc"])
    table = ""
    if len(place) >= 2 and isinstance(place[1], int):
        kind, index = str(place[0]), place[1]
        table = f"{kind} {index + 1}"
        name = _name(values, kind, index)
        table += f' ("{name}")' if name else ""
        place = place[2:]
    field = ".".join(str(step) if isinstance(step, str) else f"[{step}]" for step in place)
    where = ", ".join(part for part in (table, field) if part)
    return f"{where}: {text}" if where else text


def _name(values: dict[str, Any], kind: str, index: int) -> str:
    table = values[kind][index]
    return str(table.get("name", "")) if isinstance(table, dict) else ""
