"""Each reason that a cell or a number is refused for has its Russian."""

import ast
from collections.abc import Iterator
from pathlib import Path

from inbound.tables.reasons import RUSSIAN

ROOT = Path(__file__).parents[3] / "inbound"
RAISED = {"CellError", "NumberError", "NotMobileError", "EmptyNumberError"}
TABLES = {"_CHANGED", "_NOT_SHOWN", "_IS_FORMULA", "NUMBER_CELL"}


def reasons() -> Iterator[str]:
    for path in ROOT / "tables" / "cells.py", ROOT / "parsers" / "numbers.py":
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED:
                yield from texts(*node.args)
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") in TABLES:
                yield from texts(node.value)
            if isinstance(node, ast.FunctionDef) and node.name == "_uncertain":
                for returned in ast.walk(node):
                    if isinstance(returned, ast.Return):
                        yield from texts(returned.value)


def texts(*nodes: ast.AST | None) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.Tuple(elts=parts):
                yield from texts(*parts)


def test_each_reason_has_its_russian_and_no_other_is_there() -> None:
    found = set(reasons())
    assert len(found) > 25
    assert found - RUSSIAN.keys() == set()
    assert RUSSIAN.keys() - found == {"is empty"}  # of the rows themselves
