"""Every reason of a refusal names the input and the fix."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from inbound.orders.ports import Placed
from inbound.orders.refusals import explain, explain_to_program
from schemas.orders import Order, RefusalReason


@pytest.mark.parametrize("explained", [explain, explain_to_program])
@pytest.mark.parametrize("reason", RefusalReason)
def test_every_reason_is_explained_without_number_and_text(
    reason: RefusalReason, explained: Callable[[Order, Placed], str]
) -> None:
    order = Order(account="shop", phone="+79161234599", text="Заявка выполнена", sender="Shop")
    sentence = explained(order, Placed(uuid4(), "refused", 9, reason))
    assert len(sentence) > 50
    assert "79161234599" not in sentence
    assert "Заявка" not in sentence
    assert "{" not in sentence


@pytest.mark.parametrize("parts", [3, 9])
@pytest.mark.parametrize("reason", RefusalReason)
def test_a_program_is_told_no_command_of_operators(reason: RefusalReason, parts: int) -> None:
    order = Order(account="shop", phone="+79161234599", text="x", idempotency_key="k")
    sentence = explain_to_program(order, Placed(uuid4(), "refused", parts, reason))
    assert "scserv" not in sentence
    assert "--" not in sentence
    assert "{" not in sentence


def test_a_refusal_says_how_to_grant_the_right() -> None:
    order = Order(account="shop", phone="+79161234503", text="x")
    placed = Placed(uuid4(), "refused", 1, RefusalReason.RECIPIENT_NOT_A_CLIENT)
    assert "scserv accounts change shop --grant strangers" in explain(order, placed)


def test_details_stand_in_brackets() -> None:
    order = Order(phone="+79161234503", template="visit", fields={})
    detail = "no value for the field {ticket}"
    placed = Placed(uuid4(), "refused", 1, RefusalReason.TEMPLATE_FIELDS, detail)
    assert f" ({detail}); " in explain(order, placed)
    assert explain(order, Placed(uuid4(), "queued", 1)) == ""


def test_a_template_that_is_not_there_is_said_once() -> None:
    order = Order(phone="+79161234503", template="visit", fields={})
    unknown = RefusalReason.TEMPLATE_UNKNOWN
    for detail in ("there is no template visit", "the template visit was retired"):
        said = explain(order, Placed(uuid4(), "refused", 1, unknown, detail))
        assert said == f"{detail}; `scserv templates list` shows the templates"


@pytest.mark.parametrize("reason", RefusalReason)
def test_who_gave_a_key_is_told_that_it_keeps_the_refusal(reason: RefusalReason) -> None:
    placed = Placed(uuid4(), "refused", 1, reason)
    order = Order(phone="+79161234503", text="x", idempotency_key="k")
    is_reused = reason is RefusalReason.IDEMPOTENCY_KEY_REUSED
    assert ("a new attempt needs a new idempotency key" in explain(order, placed)) is not is_reused


@pytest.mark.parametrize("explained", [explain, explain_to_program])
def test_a_text_that_is_not_allowed_is_told_which_of_two_causes_it_has(
    explained: Callable[[Order, Placed], str],
) -> None:
    def said(**content: Any) -> str:
        order = Order(account="shop", phone="+79161234503", **content)
        return explained(order, Placed(uuid4(), "refused", 1, RefusalReason.TEXT_NOT_ALLOWED))

    assert said(text="__CALL__: hello") == (
        "the text begins with the name of a channel, like `__CALL__`; write something before it, "
        "or order the message with a `channel`"
    )
    for other in ({"text": "hello"}, {"text": "hello", "channel": "call"}):
        assert said(**other).startswith("the text matches none of the account's patterns; ")
    both = said(template="visit", fields={})
    assert "a pattern" in both
    assert "the name of a channel" in both


def test_more_parts_are_offered_only_where_they_help() -> None:
    def said(parts: int) -> str:
        too_long = Placed(uuid4(), "refused", parts, RefusalReason.TOO_MANY_PARTS)
        return explain(Order(account="shop", phone="+79161234503", text="x"), too_long)

    assert said(5) == (
        "the text needs 5 SMS parts, more than the account may send; shorten it, or allow more "
        "(up to 8) with `scserv accounts change shop --max-parts N`"
    )
    assert said(9) == (
        "the text needs 9 SMS parts, more than the account may send; shorten it: no account may "
        "send more than 8"
    )
