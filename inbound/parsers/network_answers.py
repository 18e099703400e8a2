"""The network's answer about a number (channel hlr), in the form of SMSC's programs. Pure.

The SMS centre writes it into its receipt, `imsi:250023012345678 … cn:Russian+Federation … rnet:`,
with names URL-encoded.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus

FIELDS: Final = ("imsi", "msc", "mcc", "mnc", "cn", "net", "rcn", "rnet")
"""In the order in which `fmt` 1 has their values."""
SENDER: Final = "HLR"
"""What stands for the sender: by it programs tell the values of `fmt` 1 from those of a text."""


def read_answer(answer: str) -> Mapping[str, str]:
    """Return all fields; those that the SMS centre left out are empty."""
    told = dict.fromkeys(FIELDS, "")
    for word in answer.split():
        name, _, value = word.partition(":")
        if name in told:
            told[name] = unquote_plus(value)
    return told
