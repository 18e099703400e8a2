"""One message id in its several writings: what submit_sm_resp said, what the receipt says.

SMPP makes message_id an opaque string (3.4, 5.2.23), and many centres keep it as a number
that one side writes in hexadecimal and the other in decimal, or pads with zeros on one
side only. Two ways lead from a receipt to its message:

* The bind says how its centre writes (`IdForm.DECIMAL`, `HEXADECIMAL`, `EXACT`, which may
  differ between answers and receipts). Then `normalise` gives one key on each side and the
  match is exact.
* Nothing is known (`IdForm.ANY`). Keep `normalise(id)` of every answer, and look for any
  of `candidate_ids` of the receipt's.

The second way can go wrong: every decimal number is a hexadecimal one too, so with ids
given out in sequence a receipt for 1000 may also mean 4096 (0x1000), and both may be on
their way. Hence the rules for whoever looks up: only messages of the same bind, only the
number that the receipt comes from (its source_addr is the message's destination), only
messages without a final receipt, and of several hits the candidate that stands first,
because candidates are in the order of trust. With the number compared, a false match
needs two messages to one person whose ids happen to be each other's other writing.
"""

import re
from enum import Enum
from typing import Final

# The limit of message_id (SMPP 3.4, 4.4.2), its NUL not counted.
MAX_ID: Final = 64
_HEXADECIMAL = re.compile("[0-9A-Fa-f]+")
_DECIMAL = re.compile("[0-9]+")
# Ids that are counters fit into 64 bits. Longer ones (UUIDs) are never converted.
_LARGEST: Final = 2**64 - 1


class IdForm(Enum):
    """How a centre writes its message ids in one place: its answers, or its receipts."""

    ANY = "any"
    EXACT = "exact"
    DECIMAL = "decimal"
    HEXADECIMAL = "hexadecimal"


def normalise(message_id: str, form: IdForm = IdForm.ANY) -> str:
    """Return the key under which two writings of one id are equal.

    DECIMAL and HEXADECIMAL give the number in decimal, so an answer read as one meets its
    receipt read as the other. ANY drops case and leading zeros and nothing else. An id
    that is not of its form is kept as ANY keeps it. Never raises.
    """
    if form is IdForm.EXACT:
        return message_id
    number = None
    if form is IdForm.DECIMAL:
        number = _number(message_id, 10)
    elif form is IdForm.HEXADECIMAL:
        number = _number(message_id, 16)
    return _plain(message_id) if number is None else str(number)


def candidate_ids(message_id: str) -> tuple[str, ...]:
    """Return the writings of one id that its submit_sm_resp may have had, likeliest first.

    As it is, without case and leading zeros, then as the number it is in hexadecimal (both
    cases) if it can be decimal, then in decimal if it can be hexadecimal. One of them is
    `normalise` of the answer's id, whichever writing that was. Never raises.
    """
    if not message_id:
        return ()
    found = [message_id, _plain(message_id), message_id.lstrip("0") or "0"]
    if (number := _number(message_id, 10)) is not None:
        found += [f"{number:x}", f"{number:X}"]
    if (number := _number(message_id, 16)) is not None:
        found += [str(number), f"{number:X}"]
    return tuple(dict.fromkeys(found))


def _plain(message_id: str) -> str:
    return message_id.lower().lstrip("0") or message_id[:1]


def _number(message_id: str, base: int) -> int | None:
    digits = _DECIMAL if base == 10 else _HEXADECIMAL
    if len(message_id) > MAX_ID or not digits.fullmatch(message_id):
        return None
    number = int(message_id, base)
    return number if number <= _LARGEST else None
