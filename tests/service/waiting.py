"""Waiting for what has no signal."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import psycopg
import pytest
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
    wait_fixed,
)

from tests.patience import PATIENCE_S

Answer = TypeVar("Answer")


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


def eventually_blocking(look: Callable[[], bool], what: str) -> None:
    """Poll until `look` is true, where no event loop runs; or fail with `what`.

    With pauses: what is waited for happens in another process, which needs the CPU.
    """

    def fail(_: object) -> NoReturn:
        pytest.fail(f"not within {PATIENCE_S:g} s: {what}")

    looking = Retrying(
        retry=retry_if_result(lambda found: not found),
        wait=wait_fixed(0.02),
        stop=stop_after_delay(PATIENCE_S),
        retry_error_callback=fail,
    )
    looking(look)


async def asked_until(
    ask: Callable[[], Awaitable[Answer]], is_it: Callable[[Answer], bool], what: str
) -> Answer:
    """Ask until the answer is as wanted, and return it; or fail with `what` and the last answer."""

    def fail(state: RetryCallState) -> NoReturn:
        last = None if state.outcome is None else state.outcome.result()
        pytest.fail(f"not within {PATIENCE_S:g} s: {what}: {last}")

    asking = AsyncRetrying(
        retry=retry_if_result(lambda answer: not is_it(answer)),
        # An answer takes several processes CPU that the service needs to get on.
        wait=wait_exponential(multiplier=0.2, exp_base=1.2, max=0.5),
        stop=stop_after_delay(PATIENCE_S),
        retry_error_callback=fail,
    )

    async def ask_once() -> Answer:
        return await ask()

    return await asking(ask_once)
