"""How current an answer is, by what waits in Kafka, at the SMS centres and for people."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic_core import to_json

from inbound.freshness.model import Backlog, Freshness, Pending, PendingWork
from inbound.freshness.people import Gaps
from inbound.freshness.reception import reception_gap
from inbound.store.bind_reports import ReportedBind
from schemas.partitions import partition_of
from schemas.topics import PARTITIONS

NOW = datetime(2024, 5, 17, 12, tzinfo=UTC)
HASH = bytes(range(32))
PLACE = partition_of(HASH.hex().encode(), PARTITIONS)
TEXTS, RESULTS = PendingWork.TEXTS, PendingWork.RESULTS


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def bind(
    state: str, age_s: float = 1, centre: str = "main", type_: str = "transceiver"
) -> ReportedBind:
    since = ago(100).isoformat()
    about: dict[str, Any] = {"centre": centre, "type": type_, "state": state, "since": since}
    is_bound, details = state == "bound", to_json(about)
    return ReportedBind("account", "bind", "gateway", is_bound, details, age_s, ago(age_s))


def test_only_the_partition_of_the_person_counts() -> None:
    other = (PLACE + 1) % 8
    backlog = Backlog(NOW, {(TEXTS, PLACE): ago(60), (TEXTS, other): ago(90)})
    gaps = Gaps(backlog, None, {})
    assert gaps.of(HASH, TEXTS, RESULTS) == Freshness(
        ago(60), (Pending(work=TEXTS, since=ago(60)),)
    )
    assert gaps.of(None, TEXTS).as_of == ago(90)
    stuck_elsewhere = Gaps(Backlog(NOW, {(TEXTS, other): ago(90)}), None, {})
    assert stuck_elsewhere.of(HASH, TEXTS, RESULTS) == Freshness(NOW)


def test_an_order_in_any_partition_may_be_for_the_person() -> None:
    for place in range(8):
        gaps = Gaps(Backlog(NOW, {(PendingWork.ORDERS, place): ago(90)}), None, {})
        freshness = gaps.of(HASH, TEXTS, PendingWork.ORDERS)
        assert freshness == Freshness(ago(90), (Pending(work=PendingWork.ORDERS, since=ago(90)),))
        assert gaps.of(HASH, TEXTS, RESULTS) == Freshness(NOW)


def test_without_kafka_nothing_is_known() -> None:
    freshness = Gaps(Backlog(NOW, None), None, {}).of(HASH, TEXTS, RESULTS)
    assert freshness == Freshness(None, (Pending(work=TEXTS), Pending(work=RESULTS)))


def test_a_text_that_was_set_aside_is_pending_for_its_sender() -> None:
    gaps = Gaps(Backlog(NOW, {}), None, {HASH: ago(3600)})
    assert gaps.of(HASH, TEXTS).as_of == ago(3600)
    assert gaps.of(bytes(32), TEXTS) == Freshness(NOW)


def test_what_waits_at_an_sms_centre_was_not_received() -> None:
    gap = Pending(work=PendingWork.RECEPTION, since=ago(500))
    gaps = Gaps(Backlog(NOW, {}), gap, {})
    assert gaps.of(HASH, TEXTS) == Freshness(NOW, (gap,))
    assert gaps.of(HASH, RESULTS) == Freshness(NOW)


def test_an_answer_about_several_people_is_as_old_as_the_oldest() -> None:
    one, two = (Freshness.of(NOW, [Pending(work=TEXTS, since=ago(s))]) for s in (5, 50))
    unknown = Freshness.of(NOW, [Pending(work=TEXTS)])
    assert Freshness.of_all(NOW, [one, two]) == two
    assert Freshness.of_all(NOW, [one, unknown]) == unknown
    assert Freshness.of_all(NOW, []) == Freshness(NOW)


@pytest.mark.parametrize(
    ("binds", "since"),
    [
        ([bind("bound")], None),
        ([bind("bound"), bind("bound", age_s=600)], None),
        ([bind("bound", age_s=600)], ago(600)),
        ([bind("connecting"), bind("bound", age_s=600)], ago(100)),
        ([bind("bound"), bind("connecting", centre="other")], ago(100)),
        ([bind("bound", type_="transmitter"), bind("bound", age_s=60)], ago(60)),
    ],
)
def test_a_centre_without_a_receiving_bind_is_a_gap(
    binds: list[ReportedBind], since: datetime | None
) -> None:
    expected = None if since is None else Pending(work=PendingWork.RECEPTION, since=since)
    assert reception_gap(binds) == expected


def test_without_any_report_since_when_is_not_known() -> None:
    for binds in ([], [bind("bound", type_="transmitter")]):
        assert reception_gap(binds) == Pending(work=PendingWork.RECEPTION)


def test_a_gap_has_the_same_beginning_whenever_it_is_asked_for() -> None:
    gone = bind("bound", age_s=60)
    later = replace(gone, age_s=75.25)
    assert reception_gap([gone]) == reception_gap([later])
