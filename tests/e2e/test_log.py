"""The log of a service at work, held against what it published itself."""

import re

import pytest

from tests.fix_service import Service

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]


async def test_log_is_intact_after_kills(service: Service) -> None:
    service.revive()
    first, second, third = numbers = service.new_numbers(3)
    service.import_clients_of(numbers)
    await service.text(first, "CLIENT sms stop")
    await service.completed(first)
    (await service.alive("worker")).kill()
    await service.text(second, "CLIENT sms stop")
    (await service.alive("relay")).kill()
    await service.text(third, "CLIENT sms start")
    for number in (second, third):
        await service.completed(number)
    await service.ready()
    await service.stop(await service.alive("relay"))
    found = await service.command("log", "verify", "--kafka")
    assert (found.status, found.err) == (0, "")
    heads = re.search(r"(\d+) heads on Kafka matched", found.out)
    assert heads is not None, found.out
    assert int(heads[1]) >= 1
    await service.start("relay")
