"""What Faust's consumer is kept from committing."""

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from streams.commits import Commits
from streams.progress import Partition

MINE, LOST = ("texts", 0), ("texts", 1)


@pytest.mark.parametrize("held", [set(), {MINE}], ids=["none", "one"])
async def test_nothing_is_asked_of_kafka_without_a_partition(held: set[Partition]) -> None:
    asked = []

    async def request(offsets: Mapping[Partition, int]) -> bool:
        asked.append(offsets)
        return True

    thread = SimpleNamespace(assignment=lambda: held, _commit=request)
    unused = dict.fromkeys(("_new_offset", "_commit", "_commit_offsets", "seek_to_committed"))
    Commits().guard(SimpleNamespace(_thread=thread, **unused))
    is_done = await thread._commit({MINE: 1, LOST: 2})
    assert (is_done, len(asked)) == (bool(held), len(held))
