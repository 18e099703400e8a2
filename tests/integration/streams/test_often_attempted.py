"""A message of which too many copies may have been sent is named in the log."""

import pytest

from schemas.messages import Outcome
from tests.integration.streams.world import World


async def test_a_message_that_was_attempted_often_is_named_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.commands([world.text("CLIENT sms stop")])
    [acknowledgement] = world.owed()
    for attempt in (3, 4, 5):
        result = world.result(acknowledgement, Outcome.UNKNOWN, attempt=attempt, final=False)
        await world.delivery([world.results(result)])
    [line] = [one for one in caplog.messages if "was attempted" in one]
    assert f"message {result.message_id}, acknowledgement, was attempted 4 times" in line
    assert f"`scserv timeline --message-id {result.message_id}`" in line
