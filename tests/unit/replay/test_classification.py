"""A difference is counted as what it is for a client."""

from typing import Any

import pytest

from inbound.replay.diff.classification import KINDS, classify, differing_texts
from inbound.replay.diff.protocol import (
    CandidateDescription,
    DecisionDifference,
    EventFields,
    ReplyText,
)

ACCEPTED: dict[str, Any] = {"command": "sms_stop", "plan": "stopped", "confirm": True, "parts": 1}
STOPPED: EventFields = ("subscription.stopped", 1, {"at": "noon"})


def accepted(**changes: Any) -> EventFields:
    return "request.accepted", 1, ACCEPTED | changes


def difference(
    *decided: EventFields, of: str = "command", disposition: str = "accepted", **more: Any
) -> DecisionDifference:
    return DecisionDifference(7, of, "r", disposition, (accepted(), STOPPED), decided, **more)


@pytest.mark.parametrize(
    ("found", "kinds", "what"),
    [
        (difference(disposition="limited"), ["limited"], "sms_stop: limited"),
        (difference(disposition="duplicate"), ["duplicate"], "sms_stop: duplicate"),
        (difference(disposition="unknown_number"), ["silent"], "sms_stop: unknown_number"),
        (difference(disposition="holiday"), ["not accepted"], "sms_stop: holiday"),
        (difference(of="limit"), ["accepted"], "sms_stop: accepted"),
        (
            difference(accepted(plan="unknown_number")),
            ["refused", "events"],
            "sms_stop: plan stopped -> unknown_number, subscription.stopped -> nothing",
        ),
        (
            difference(accepted(plan="asked_back"), STOPPED),
            ["plan"],
            "sms_stop: plan stopped -> asked_back",
        ),
        (
            difference(accepted(confirm=False), STOPPED),
            ["confirm"],
            "sms_stop: confirm True -> False",
        ),
        (difference(accepted(parts=2), STOPPED), ["events"], "sms_stop: parts 1 -> 2"),
        (
            difference(accepted(), STOPPED, of="reply")._replace(
                recorded=(("fulfilment", 0, "stopped"),), decided=()
            ),
            ["reply"],
            "fulfilment [stopped] -> nothing",
        ),
        (
            difference(of="result")._replace(
                recorded=(("request.completed", 1, {"completion": "fulfilled"}),),
                decided=(("request.completed", 1, {"completion": "refused"}),),
            ),
            ["result"],
            "completion fulfilled -> refused",
        ),
        (
            difference(of="result")._replace(decided=()),
            ["result"],
            "request.accepted + subscription.stopped -> nothing",
        ),
        (difference(error="KeyError: 'x'\nmore"), ["error"], "KeyError: 'x'"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else None,
)
def test_kinds(found: DecisionDifference, kinds: list[str], what: str) -> None:
    told = classify(found)
    assert (list(told.kinds), told.what) == (kinds, what)
    assert set(told.kinds) <= KINDS.keys()


def described(**texts: ReplyText) -> CandidateDescription:
    return CandidateDescription("1", {}, texts)


def test_texts_differ_in_words_parts_and_fields() -> None:
    now = described(
        a=ReplyText("same", 1, (), True),
        b=ReplyText("{login} {password}", 1, ("login", "password"), True),
        gone=ReplyText("only here", 1, (), True),
    )
    then = described(
        a=ReplyText("same", 1, (), False),
        b=ReplyText("long {login}", 2, ("login",), True),
        new=ReplyText("only there", 1, (), True),
    )
    found = differing_texts(now, then)
    assert found.keys() == {"b"}
    assert found["b"].kinds == ("text", "parts", "fields")
    assert found["b"].what == "[b] 1 -> 2 parts, without password"
