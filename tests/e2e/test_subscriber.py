"""A subscriber beside the running service knows what was texted."""

from pathlib import Path

import pytest
from pydantic_core import from_json

from tests.fix_service import Service, eventually
from tests.subscribers import python_example, world

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_subscriber_ends_up_with_the_right_state(service: Service, tmp_path: Path) -> None:
    number = service.new_client().number
    for count, command in enumerate(("CLIENT sms stop", "CLIENT info", "CLIENT sms start"), 1):
        await service.text(number, command)
        await service.completed(number, requests=count)
    events = service.events(number)
    subject = str(events[0].stream_id)
    last = {event.type: event.version for event in events}
    told = {subject: (last["subscription.started"], True)}, {subject: (last["request.accepted"], 3)}

    async with world(service.bootstrap, service.names, tmp_path, python_example) as here:
        subscriber = await here.start()
        known = here.onlooker.known
        await eventually(lambda: known() == told, lambda: f"{known()}\n{subscriber.said()}")
        await subscriber.stop()

    states = [
        from_json(record.value)
        for record in service.records(service.names.subscriptions)
        if record.key == subject.encode()
    ]
    assert [(state["version"], state["may_be_texted"]) for state in states] == [
        (last["subscription.stopped"], False),
        (last["subscription.started"], True),
    ]
