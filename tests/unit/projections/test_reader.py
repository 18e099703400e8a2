"""StoredRow events become rows, whatever version they were written in."""

import pytest

from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.reader import FoldError, StoredRow, fold_batch
from inbound.projections.subscriptions import SUBSCRIPTIONS
from schemas import upcasters
from schemas.events import SubscriptionStopped

SUBJECT = "00000000-0000-0000-0000-000000000063"
DATA = '{"request_id":"00000000-0000-0000-0000-000000000001","at":"2026-01-01T00:00:00Z"}'


def stored(
    position: int = 1, type_: str = "subscription.stopped", version: int = 1, data: str = DATA
) -> StoredRow:
    return position, SUBJECT, position, type_, version, data, "{}", "2026-01-01 00:00:00+00"


def test_an_older_version_is_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SubscriptionStopped, "VERSION", 2)
    older = {("subscription.stopped", 1): lambda old: {**old, "at": old["when"]}}
    monkeypatch.setattr(upcasters.read_object, "__kwdefaults__", {"upcasters": older})
    written = DATA.replace('"at"', '"when"')
    [rows] = fold_batch([stored(data=written), stored(2, version=2)], [SUBSCRIPTIONS])
    assert [row[2] for row in rows.changed] == ["2026-01-01T00:00:00Z"]


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (stored(7, "subscription.paused"), "event 7: no event type 'subscription.paused'"),
        (stored(7, version=2), "event 7: subscription.stopped version 2 was written by a newer"),
        (stored(7, data="{}"), r"event 7: subscriptions can't fold a subscription.stopped .*'at'"),
        (stored(7, data="{"), "event 7: subscription.stopped version 1 does not fit"),
    ],
)
def test_what_cannot_be_taken_is_named(event: StoredRow, complaint: str) -> None:
    with pytest.raises(FoldError, match=complaint) as caught:
        fold_batch([stored(6), event], [SUBSCRIPTIONS])
    assert caught.value.position == 7


def test_each_projection_is_shown_what_it_reads() -> None:
    rows = fold_batch(
        [stored(1, "request.completed", data=DATA[:-1] + ',"completion":"refused"}')],
        list(PROJECTIONS.values()),
    )
    assert [len(one.changed) for one in rows] == [1, 0, 1, 0]
