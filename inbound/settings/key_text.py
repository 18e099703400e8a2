"""A key as a setting: malformed ones are refused with the other wrong settings."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from inbound.errors import SetupError
from inbound.keys import parse_key


def _check(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if text.strip():
        try:
            parse_key(text, "")
        except SetupError as error:
            raise ValueError(str(error).strip()) from None
    return key


KeyText = Annotated[SecretStr, AfterValidator(_check)]
"""32 bytes in base64 or hex, or empty: only some commands need each key."""
