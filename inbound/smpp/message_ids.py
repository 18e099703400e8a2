"""Matches the message_id of a submit_sm_resp with that of a delivery receipt.

SMPP makes message_id an opaque string (3.4, 5.2.23). Many SMS centres keep it as a number,
which the response has in hexadecimal and the receipt in decimal, or which only one of them
pads with zeros. There are two ways from a receipt to its message:

* The bind's settings name the form of ids in responses and in receipts (`IdForm.DECIMAL`,
  `HEXADECIMAL`, `EXACT`). Then `normalise` gives the same key on both sides.
* The form is not known (`IdForm.ANY`). Store `normalise(id)` of every response, and look up
  all `candidate_ids` of the receipt's id.

The second way can match wrongly, because every decimal number is also a hexadecimal one:
with consecutive ids, a receipt for 1000 may also mean 4096 (0x1000) while both messages
are in flight. A look-up must therefore consider only messages of the same bind, to the
number that the receipt comes from (its source_addr is the message's destination), without
a final receipt, and must take the first candidate that matches, because candidates are in
order of likelihood. Then a wrong match takes two messages to one person whose ids are the
hexadecimal and decimal form of each other.
"""

import re
from collections.abc import Iterable
from enum import Enum
from hashlib import sha256
from typing import Final

# The longest message_id (SMPP 3.4, 4.4.2), without its NUL.
MAX_ID: Final = 64
ID: Final = re.compile(f"[!-~]{{1,{MAX_ID}}}")
_MIN_WORD: Final = 6
_NATIONAL_DIGITS: Final = 10
_SEPARATORS = re.compile("[^0-9A-Za-z]")
_HEXADECIMAL = re.compile("[0-9A-Fa-f]+")
_DECIMAL = re.compile("[0-9]+")
# Counters fit into 64 bits. Longer ids, such as UUIDs, are never converted.
_LARGEST: Final = 2**64 - 1


class IdForm(Enum):
    """The form in which an SMS centre writes message ids, in responses or in receipts."""

    ANY = "any"
    EXACT = "exact"
    DECIMAL = "decimal"
    HEXADECIMAL = "hexadecimal"


def read_id(octets: bytes) -> tuple[str, bool]:
    """Return an id that an SMS centre gave, and whether it is the id itself.

    An id that is too long or not printable ASCII is stored, printed and published nowhere: its
    digest and its number of octets stand for it. Blanks around an id are padding.
    """
    written = octets.decode("latin-1").strip(" ")
    if not written or ID.fullmatch(written):
        return written, True
    return _digest(octets), False


def without_quotes(message_id: str, number: str, secret_words: Iterable[str] = ()) -> str:
    """Return the id to store: a digest for one that quotes what it must not.

    An id is stored in the event log for ever. One that contains the phone's number in any form, or
    a word of a text with secrets, must not be. Shorter words than six characters occur in ids by
    chance.
    """
    folded = message_id.casefold()
    national = number[-_NATIONAL_DIGITS:].lstrip("+")
    quotes_number = bool(national) and national in _SEPARATORS.sub("", message_id)
    words = (word.casefold() for word in secret_words if len(word) >= _MIN_WORD)
    if quotes_number or any(word in folded for word in words):
        return _digest(message_id.encode())
    return message_id


def _digest(octets: bytes) -> str:
    return f"sha256-{sha256(octets).hexdigest()[:40]}-{len(octets)}"


def normalise(message_id: str, form: IdForm = IdForm.ANY) -> str:
    """Return the key under which the forms of one id are equal.

    DECIMAL and HEXADECIMAL give the number in decimal, so that a response in one form
    matches a receipt in the other. ANY removes only case and leading zeros, and so does an
    id that is not of its form. Never raises.
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
    """Return the forms that the submit_sm_resp may have had for a receipt's id, likeliest first.

    The id itself, without case and leading zeros, then converted from decimal to hexadecimal
    (both cases), then from hexadecimal to decimal. One of them is `normalise` of the
    response's id, whatever its form. Never raises.
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
