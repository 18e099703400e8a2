"""A difference is counted as what it is for a client."""

from typing import Any

import pytest

from inbound.replay.diff.kinds import KINDS, differing_texts, kinds_of
from inbound.replay.diff.records import Description, Difference, Event, Text

ACCEPTED: dict[str, Any] = {"command": "sms_stop", "plan": "stopped", "confirm": True, "parts": 1}
STOPPED: Event = ("subscription.stopped", 1, {"at": "noon"})


def accepted(**changes: Any) -> Event:
    return "request.accepted", 1, ACCEPTED | changes


def difference(
    *decided: Event, of: str = "command", disposition: str = "accepted", **more: Any
) -> Difference:
    return Difference(7, of, "r", disposition, (accepted(), STOPPED), decided, **more)


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
def test_kinds(found: Difference, kinds: list[str], what: str) -> None:
    told = kinds_of(found)
    assert (list(told.kinds), told.what) == (kinds, what)
    assert set(told.kinds) <= KINDS.keys()


def described(**texts: Text) -> Description:
    return Description("1", {}, texts)


def test_texts_differ_in_words_parts_and_fields() -> None:
    now = described(
        a=Text("same", 1, (), True),
        b=Text("{login} {password}", 1, ("login", "password"), True),
        gone=Text("only here", 1, (), True),
    )
    then = described(
        a=Text("same", 1, (), False),
        b=Text("long {login}", 2, ("login",), True),
        new=Text("only there", 1, (), True),
    )
    found = differing_texts(now, then)
    assert found.keys() == {"b"}
    assert found["b"].kinds == ("text", "parts", "fields")
    assert found["b"].what == "[b] 1 -> 2 parts, without password"
