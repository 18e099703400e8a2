"""The header `Idempotency-Key`: makes a request that changes something safe to repeat."""

from typing import Annotated, Any, Final

from fastapi import Header

from schemas.message_requests import LONGEST_KEY
from schemas.patterns import KEY

_HEADER: Final[dict[str, Any]] = {
    "alias": "Idempotency-Key",
    "examples": ["case-4711-done"],
    "min_length": 1,
    "max_length": LONGEST_KEY,
    "pattern": KEY,
}

MessageKey = Annotated[
    str | None,
    Header(
        description="Makes the request safe to repeat: with the same key it is the same message, "
        "and gets the same answer. With another body it is refused. In a list it counts for "
        "each message with its place. A key belongs to the account and counts as long as the "
        "message is kept.",
        **_HEADER,
    ),
]
BroadcastKey = Annotated[
    str | None,
    Header(
        description="Makes the request safe to repeat: with the same key it is the same broadcast, "
        "and the answer is the broadcast as it is now. With another body it is refused. A key "
        "belongs to the account and counts as long as the broadcast is kept.",
        **_HEADER,
    ),
]
ActionKey = Annotated[
    str | None,
    Header(
        description="Does this once: when it is repeated with the same key, it changes nothing, "
        "whatever others have done to the broadcast meanwhile, and the answer is the broadcast as "
        "it is now. For another action or time the key is refused. A key belongs to the broadcast "
        "and counts for 90 days, by default. One that was answered with a problem is free.",
        **_HEADER,
    ),
]
