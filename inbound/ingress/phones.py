"""Phone numbers as dialects write them: often without the + of an international number."""

from typing import Final

from inbound.parsers.numbers import NumberError, parse_msisdn

_LONGEST: Final = 100


def written(text: str) -> str:
    """Return a number in the form in which an order has it.

    Digits that are no Russian number are a foreign one without its +. What is no mobile number is
    returned as it is, for the intake to refuse. So is what is far too long to be a number.
    """
    if len(text) > _LONGEST:
        return text
    for form in (text, f"+{text.strip()}"):
        try:
            return parse_msisdn(form)
        except NumberError:
            continue
    return text
