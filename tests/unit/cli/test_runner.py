"""What ends a role: an error in a callback, and nothing that was only left open."""

import asyncio
import logging

import pytest

from inbound.cli._runner import run_until_signal


@pytest.mark.parametrize(
    ("context", "status"),
    [
        ({"message": "Unclosed AIOKafkaProducer"}, 0),
        ({"message": "Exception in callback", "exception": ValueError("a defect")}, 1),
    ],
)
async def test_only_an_error_in_a_callback_ends_it(
    context: dict[str, object], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Libraries also report what a start that a signal interrupted has left open."""

    async def main() -> None:
        asyncio.get_running_loop().call_exception_handler(context)
        await asyncio.sleep(0)

    assert await run_until_signal(main) == status
    asyncio.get_running_loop().set_exception_handler(None)
    critical = [one for one in caplog.records if one.levelno == logging.CRITICAL]
    assert len(critical) == status
