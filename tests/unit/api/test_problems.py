"""What problems say, about values that pydantic refuses for example."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

import inbound.api
from inbound.api.problem_answers import refusal_of
from schemas.orders import OrderKind, OrderState

API: Final = Path(inbound.api.__file__).parent
FOR_OPERATORS: Final = {
    # Where tokens come from, in the OpenAPI document.
    *("access.py", "openapi.py"),
    # Its errors are those of `scserv tokens`.
    "token_records.py",
}


def texts(path: Path) -> Iterator[str]:
    """Yield the texts of a module without its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


@pytest.mark.parametrize(
    "path", [one for one in API.glob("*.py") if one.name not in FOR_OPERATORS], ids=lambda p: p.name
)
def test_the_api_tells_tenants_no_command_of_operators(path: Path) -> None:
    assert not [text for text in texts(path) if "scserv " in text]


class Body(BaseModel):
    kind: Literal[OrderKind.NOTIFICATION, OrderKind.SERVICE] = OrderKind.SERVICE
    state: OrderState = OrderState.SENT


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("kind", "has to be notification or service"),
        ("state", "has to be scheduled, queued, sent, "),
    ],
)
def test_a_choice_is_named_in_the_words_of_the_api(field: str, said: str) -> None:
    with pytest.raises(ValidationError) as invalid:
        Body.model_validate({field: "broadcast"})
    refusal = refusal_of(RequestValidationError(invalid.value.errors()))
    (problem,) = refusal.errors or ()
    assert problem.problem.startswith(said)
    assert "OrderKind" not in problem.problem
