"""SMSPAY's words. Pure.

It has none for a low balance, an opt-out or a text that is too long: these get the nearest one.
"""

from enum import StrEnum
from typing import assert_never

from inbound.ingress.failures import Denial
from schemas.orders import RefusalReason

_R = RefusalReason


class Word(StrEnum):
    """The answers."""

    MSG_OK = "MSG_OK"
    BAN_IP_TEMP = "BAN_IP_TEMP"
    INVALID_IP = "INVALID_IP"
    INVALID_INPUT = "INVALID_INPUT"
    INVALID_PATTERN = "INVALID_PATTERN"
    SERVICE_DISABLED = "SERVICE_DISABLED"
    INVALID_MSISDN = "INVALID_MSISDN"
    LIMIT_DAY = "LIMIT_DAY"
    LIMIT_WEEK = "LIMIT_WEEK"
    LIMIT_MONTH = "LIMIT_MONTH"
    LIMIT_DELAY = "LIMIT_DELAY"


def word_of(reason: RefusalReason) -> Word:
    """Return the word for a message that was refused."""
    match reason:
        case _R.ACCOUNT_UNKNOWN | _R.ACCOUNT_DISABLED | _R.RIGHT_MISSING | _R.BALANCE:
            return Word.SERVICE_DISABLED
        case _R.NOT_A_MOBILE_NUMBER | _R.RECIPIENT_UNKNOWN:
            return Word.INVALID_MSISDN
        case _R.RECIPIENT_NOT_A_CLIENT | _R.OPTED_OUT:
            return Word.INVALID_MSISDN
        case _R.TEXT_NOT_ALLOWED:
            return Word.INVALID_PATTERN
        case _R.TEMPLATE_UNKNOWN | _R.TEMPLATE_FIELDS | _R.TOO_MANY_PARTS:
            return Word.INVALID_INPUT
        case _R.SENDER_NOT_APPROVED | _R.EXPIRED | _R.IDEMPOTENCY_KEY_REUSED:
            return Word.INVALID_INPUT
        case _R.REPEATED | _R.MINIMUM_DELAY | _R.TOO_MANY_WAITING:
            return Word.LIMIT_DELAY
        case _R.DAILY_LIMIT:
            return Word.LIMIT_DAY
        case _R.WEEKLY_LIMIT:
            return Word.LIMIT_WEEK
        case _R.MONTHLY_LIMIT:
            return Word.LIMIT_MONTH
        case _:
            assert_never(reason)


def word_of_denial(denial: Denial) -> Word:
    """Return the word for a program that was not let in."""
    match denial:
        case Denial.BANNED | Denial.THROTTLED:
            return Word.BAN_IP_TEMP
        case Denial.FOREIGN_ADDRESS:
            return Word.INVALID_IP
        case Denial.WRONG:
            return Word.INVALID_INPUT
        case _:
            assert_never(denial)
