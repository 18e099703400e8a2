"""Waiting for what has no signal."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

import psycopg
import pytest
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
)

from tests.patience import PATIENCE_S


async def eventually(look: Callable[[], bool], what: Callable[[], str]) -> None:
    """Poll until `look` is true, for a condition without a signal; or fail with `what`."""

    def fail(_: object) -> NoReturn:
        pytest.fail(f"not within {PATIENCE_S:g} s: {what()}")

    looking = AsyncRetrying(
        # A test may have killed the database.
        retry=retry_if_result(lambda found: not found)
        | retry_if_exception_type(psycopg.OperationalError),
        # Looking costs processes CPU that they need, so a long wait is looked at less often.
        wait=wait_exponential(multiplier=0.05, exp_base=1.2, max=0.25),
        stop=stop_after_delay(PATIENCE_S),
        retry_error_callback=fail,
    )
    await looking(asyncio.to_thread, look)
