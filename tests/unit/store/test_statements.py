"""Named SQL statements: the loader, and that every statement there is has a user."""

import ast
import importlib
import pkgutil
from collections import Counter
from pathlib import Path

import pytest

import inbound
import streams
from inbound.store.statements import StatementError, Statements, statements

ROOT = Path(inbound.__file__).parent.parent
SQL_FILES = sorted(
    path
    for package in (inbound, streams)
    for path in Path(package.__path__[0]).rglob("*.sql")
    if "migrations" not in path.parts
)
TEXT = """-- What the file is about.

-- name: first
-- Why it is so.
SELECT 1
    -- and here
    + 1

-- name: second
SELECT %(name)s -- at the end of a line
"""


def loaded(path: Path) -> Statements:
    package = ".".join(path.parent.relative_to(ROOT).parts)
    return statements(package, path.stem)


def test_statements_are_found_by_name_without_comment_lines() -> None:
    sql = Statements("some.sql", TEXT)
    assert sql["first"] == b"SELECT 1\n    + 1"
    assert sql["second"] == b"SELECT %(name)s -- at the end of a line"
    assert "first" in sql
    assert "third" not in sql


def test_unknown_name_is_refused() -> None:
    with pytest.raises(StatementError, match=r"some\.sql has no statement third"):
        Statements("some.sql", TEXT)["third"]


def test_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(StatementError, match="first is defined twice"):
        Statements("some.sql", TEXT + "\n-- name: first\nSELECT 3\n")


@pytest.mark.parametrize("rest", ["-- name: empty\n", "-- name: empty\n-- only a comment\n"])
def test_statement_without_text_is_refused(rest: str) -> None:
    with pytest.raises(StatementError, match="empty is empty"):
        Statements("some.sql", TEXT + rest)


def test_a_missing_file_is_noticed() -> None:
    with pytest.raises(FileNotFoundError):
        statements("inbound.store", "nothing")


def test_names_that_no_module_has_taken_are_known() -> None:
    sql = Statements("some.sql", TEXT)
    assert sql.unused == {"first", "second"}
    assert sql["first"]
    assert sql.unused == {"second"}


def test_every_statement_is_used() -> None:
    for package in (inbound, streams):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    unused = {path.name: loaded(path).unused for path in SQL_FILES if loaded(path).unused}
    assert unused == {}


def test_every_constant_with_a_statement_is_used() -> None:
    unused = []
    for path in Path(inbound.__path__[0]).rglob("*.py"):
        text = path.read_text("utf-8")
        if "statements(" not in text:
            continue
        tree = ast.parse(text)
        loads = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        for node in tree.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            target = node.target if isinstance(node, ast.AnnAssign) else target
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            private = isinstance(target, ast.Name) and target.id.startswith("_")
            if isinstance(target, ast.Name) and private and isinstance(value, ast.Subscript):
                unused += [] if target.id in loads else [f"{path.name}: {target.id}"]
    assert unused == []


def test_no_statement_stands_twice() -> None:
    texts: Counter[bytes] = Counter()
    for path in SQL_FILES:
        texts.update(b" ".join(text.split()) for text in loaded(path)._statements.values())
    assert [text for text, count in texts.items() if count > 1] == []
