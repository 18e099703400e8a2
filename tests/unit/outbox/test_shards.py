"""Order holds within a key, and replies never stand behind other messages."""

import pytest

from inbound.outbox.shards import REPLY_SHARDS, SHARDS, is_reply_shard, shard_of
from schemas.lanes import LANE_OF, Lane
from schemas.messages import Purpose

KEYS = [f"{number:064x}" for number in range(200)]


@pytest.mark.parametrize("purpose", Purpose)
def test_only_replies_are_in_the_shards_of_replies(purpose: Purpose) -> None:
    is_reply = purpose in {Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT}
    shards = {shard_of(key, purpose) for key in KEYS}
    assert {is_reply_shard(shard) for shard in shards} == {is_reply}
    assert shards <= set(range(SHARDS))


def test_a_broadcast_shares_its_shard_with_nothing() -> None:
    by_lane = {
        lane: {shard_of(key, one) for one in Purpose if LANE_OF[one] is lane for key in KEYS}
        for lane in Lane
    }
    assert by_lane[Lane.BULK].isdisjoint(by_lane[Lane.NORMAL] | by_lane[Lane.URGENT])


def test_a_key_keeps_its_shard_from_release_to_release() -> None:
    # Rows that another release has written stand in these shards.
    found = [shard_of(key, Purpose.ACKNOWLEDGEMENT) for key in ("a", "b", "c", "d", "e")]
    assert found == [3, 1, 3, 0, 2]
    assert len({shard_of(key, Purpose.ACKNOWLEDGEMENT) for key in KEYS}) == REPLY_SHARDS
