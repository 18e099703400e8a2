"""What problems say about values that pydantic refuses."""

from typing import Literal

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from inbound.api.problem_answers import refusal_of
from schemas.orders import OrderKind, OrderState


class Body(BaseModel):
    kind: Literal[OrderKind.NOTIFICATION, OrderKind.SERVICE] = OrderKind.SERVICE
    state: OrderState = OrderState.SENT


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("kind", "has to be notification or service"),
        ("state", "has to be scheduled or queued"),
    ],
)
def test_a_choice_is_named_in_the_words_of_the_api(field: str, said: str) -> None:
    with pytest.raises(ValidationError) as invalid:
        Body.model_validate({field: "broadcast"})
    refusal = refusal_of(RequestValidationError(invalid.value.errors()))
    (problem,) = refusal.errors or ()
    assert problem.problem.startswith(said)
    assert "OrderKind" not in problem.problem
