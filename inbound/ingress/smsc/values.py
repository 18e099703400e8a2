"""Values of SMSC's parameters that come from a list. Pure.

What none of them is, is refused: a program that writes `translit=yes` means something, and it would
not notice that it gets something else.
"""

from collections.abc import Collection, Mapping
from typing import Final

from inbound.ingress.smsc.answers import SmscError
from inbound.ingress.smsc.codes import ErrorCode

OFF: Final = frozenset({"", "0"})


def choose(fields: Mapping[str, str], name: str, values: Collection[str]) -> str:
    """Return the value of a parameter, "0" without one. Raises SmscError if it is no such value."""
    value = fields.get(name, "")
    if value in OFF:
        return "0"
    if value not in values:
        raise SmscError(ErrorCode.PARAMETERS)
    return value
