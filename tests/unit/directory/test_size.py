"""The directory is counted once a minute."""

from datetime import UTC, datetime, timedelta

from inbound.directory.memory import MemoryDirectory
from inbound.directory.port import Registration
from inbound.directory.size import DirectorySize

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def test_a_size_is_at_most_a_minute_old() -> None:
    now, clients = [NOON], {"+79160000001": Registration("C-1", "1", "l", "p")}
    size = DirectorySize(MemoryDirectory(clients), lambda: now[0])
    assert await size.get() == 1
    clients["+79160000002"] = clients["+79160000001"]
    now[0] += timedelta(seconds=59)
    assert await size.get() == 1
    now[0] += timedelta(seconds=1)
    assert await size.get() == 2
    del clients["+79160000002"]
    now[0] -= timedelta(hours=1)  # a clock that was set back
    assert await size.get() == 1
