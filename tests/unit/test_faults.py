"""What people read about a value that pydantic refuses."""

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inbound.faults import faults
from schemas.orders import AccountName


class Given(BaseModel):
    model_config = ConfigDict(extra="forbid")

    account: AccountName = "a"
    count: int = Field(default=1, ge=1, le=5)
    names: list[str] = Field(default=["a"], min_length=1)
    fields: dict[Annotated[str, Field(min_length=1)], str] = {}
    is_on: bool = True


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"account": "A b"}, "account has to be small Latin letters"),
        ({"count": 0}, "count has to be at least 1"),
        ({"count": 1.5}, "count has to be a whole number"),
        ({"names": []}, "names needs at least 1 item"),
        ({"names": [7]}, "names.0 has to be a text"),
        ({"fields": {"": "x"}}, "fields.(unknown) its name needs at least 1 character"),
        ({"is_on": 7}, "is_on has to be true or false"),
        ({"colour": 7}, "colour is an unknown field"),
        ({"+79161234567": 7}, "has an unknown field"),
    ],
)
def test_a_fault_is_said_in_plain_words(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Given.model_validate(given)
    [fault] = faults(refused.value)
    assert fault.startswith(said)
    assert "should" not in fault


@pytest.mark.parametrize(
    "name", ["79161234567", "a79161234567", "scs_" + "x" * 43, "a b", "имя", "a\u202eb", ""]
)
def test_a_name_that_could_hold_a_number_or_a_secret_is_not_shown(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Given.model_validate({name: 1})
    assert faults(refused.value) == ["has an unknown field"]
