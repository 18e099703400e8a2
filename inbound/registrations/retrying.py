"""Repeats a transaction after a conflict with a worker, or while the database is unavailable."""

from typing import Final

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay
from tenacity.wait import wait_random_exponential

from inbound.errors import RetryableError

GIVE_UP_AFTER_S: Final = 30


def repeated() -> AsyncRetrying:
    """Return the attempts at one transaction; the last error is raised after 30 s."""
    return AsyncRetrying(
        retry=retry_if_exception_type(RetryableError),
        wait=wait_random_exponential(multiplier=0.05, max=1),
        stop=stop_after_delay(GIVE_UP_AFTER_S),
        reraise=True,
    )
