"""Reads to whom and what a message is: a list of numbers, and a text. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from inbound.ingress.phones import written
from inbound.ingress.smsc.answers import SmscError
from inbound.ingress.smsc.codes import ErrorCode
from inbound.ingress.smsc.translit import transliterate
from inbound.ingress.smsc.values import OFF, choose
from inbound.orders.intake import MOST_IN_BATCH
from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.smpp.segmentation import UnsendableTextError, part_count, pieces_of

_SEPARATORS: Final = re.compile(r"[,;\n]")
_TRANSLIT: Final = frozenset({"1", "2"})
_MOST_WRITTEN: Final = 2 * MOST_IN_BATCH
"""Numbers of a list that are written differently; some may be the same."""
_LONGEST_UNCUT: Final = 20_000
"""Characters of a text before `maxsms` cuts it."""


def phones_of(text: str) -> list[str]:
    """Return the numbers of a list, as orders have them; each once. Raises SmscError.

    What is too long is not read: 1,000 numbers take a tenth of a second.
    """
    given = dict.fromkeys(one.strip() for one in _SEPARATORS.split(text))
    if len(given) > _MOST_WRITTEN:
        raise SmscError(ErrorCode.PARAMETERS)
    return list(dict.fromkeys(written(one) for one in given if one))


def read_phones(fields: Mapping[str, str]) -> list[str]:
    """Return the numbers of a message, up to 1,000. Raises SmscError."""
    phones = phones_of(fields.get("phones", ""))
    if not 0 < len(phones) <= MOST_IN_BATCH:
        raise SmscError(ErrorCode.PARAMETERS)
    return phones


def read_text(fields: Mapping[str, str], alphabet: str) -> str:
    """Return the text, transliterated and cut as asked. Raises SmscError."""
    if fields.get("list"):
        # Its texts stand beside its phones; `mes` alone is not what its program means.
        raise SmscError(ErrorCode.PARAMETERS, "list is not available")
    text = fields.get("mes", "").replace("\r\n", "\n")
    if len(text) > _LONGEST_UNCUT:
        raise SmscError(ErrorCode.PARAMETERS)
    if choose(fields, "translit", _TRANSLIT) != "0":
        text = transliterate(text)
    most = fields.get("maxsms", "")
    if most in OFF:
        return text
    if not (most.isascii() and most.isdigit() and len(most) <= 3):
        raise SmscError(ErrorCode.PARAMETERS)
    try:
        if part_count(text, alphabet) <= int(most):
            return text
        return "".join(pieces_of(text, alphabet)[0][: int(most)])
    except UnsendableTextError:
        raise SmscError(ErrorCode.PARAMETERS) from None


def is_mobile(phone: str) -> bool:
    """Whether a number can get a text message."""
    try:
        parse_msisdn(phone)
    except NumberError:
        return False
    return True
