"""What operators read about an SMS centre's deviations."""

import logging

import pytest

from inbound.gateway.leniencies import LeniencyReport
from inbound.ops import metrics
from inbound.smpp.leniency import Leniency, Treatment
from inbound.smpp.pdu import BindTransceiverResp, DeliverSm


class Counter:
    """Keeps what was added, by bind, kind and outcome."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, str, str]] = []

    def add(self, _count: int, labels: dict[str, str]) -> None:
        self.counted.append((labels["bind"], labels["kind"], labels["outcome"]))


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter()
    monkeypatch.setattr(metrics, "BIND_LENIENCIES", counter)
    return counter


def test_each_kind_is_logged_once_per_bind_and_counted_always(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    secret = DeliverSm(
        source_addr="79161234567",
        short_message=b"1a2b3c4d",
        sequence=42,
        leniencies=(Leniency.OPTIONAL_PART,),
    )
    first, second = LeniencyReport("north", "north-1"), LeniencyReport("north", "north-2")
    for _ in range(3):
        first.note_pdu(secret, Treatment.TOLERATED)
    answer = BindTransceiverResp(sequence=1, leniencies=(Leniency.BIND_RESPONSE,))
    first.note_pdu(answer, Treatment.TOLERATED)
    second.note_pdu(secret, Treatment.TOLERATED)
    kinds = ["optional_part"] * 3 + ["bind_response"]
    counted = [("north-1", kind, "tolerated") for kind in kinds]
    assert counter.counted == [*counted, ("north-2", "optional_part", "tolerated")]
    lines = [record.getMessage() for record in caplog.records]
    assert [line[:12] for line in lines] == ["bind north-1", "bind north-1", "bind north-2"]
    assert lines[0] == (
        "bind north-1: SMS centre north deviates from SMPP 3.4, 3.2.4: octets after the message "
        "are not optional parameters; a counted length may be wrong (deliver_sm, sequence_number "
        "42). What we did: the octets were ignored; what comes before them was used. This is "
        "logged once per bind; scserv.bind.leniencies counts it as "
        'kind="optional_part", outcome="tolerated"'
    )
    assert "bind_transceiver_resp, sequence_number 1" in lines[1]
    assert not any(text in line for line in lines for text in ("7916", "1a2b3c4d"))


@pytest.mark.parametrize("leniency", Leniency)
def test_each_kind_can_be_forwarded(leniency: Leniency) -> None:
    """It names the specification, the deviation and the consequence, each in its own words."""
    assert leniency.specification.startswith(("SMPP 3.4, ", "TS 23.0"))
    words = {leniency.label, leniency.deviation, leniency.tolerated, leniency.refused}
    assert len(words) == 4
    assert "" not in words


def test_a_strict_bind_logs_and_counts_what_it_refused(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    pdu = DeliverSm(sequence=42, leniencies=(Leniency.OPTIONAL_PART,))
    report = LeniencyReport("north", "north-1")
    for _ in range(2):
        report.note_pdu(pdu, Treatment.REFUSED)
    assert counter.counted == [("north-1", "optional_part", "refused")] * 2
    (line,) = caplog.messages
    assert line.startswith("bind north-1: SMS centre north deviates from SMPP 3.4, 3.2.4: ")
    assert (
        "We refused it, as this bind is strict: the message was refused with "
        "ESME_RINVOPTPARSTREAM and not stored. "
    ) in line
    assert line.endswith('kind="optional_part", outcome="refused"')


@pytest.mark.parametrize("leniency", [Leniency.USER_DATA_HEADER, Leniency.NUL_PADDING])
def test_what_was_refused_is_never_logged_as_done(
    counter: Counter, caplog: pytest.LogCaptureFixture, leniency: Leniency
) -> None:
    report = LeniencyReport("north", "north-1")
    for treatment in (Treatment.TOLERATED, Treatment.REFUSED):
        report.note(leniency, DeliverSm(), treatment)
    tolerated, refused = caplog.messages
    assert leniency.tolerated in tolerated
    assert leniency.tolerated not in refused
    assert [outcome for *_, outcome in counter.counted] == ["tolerated", "refused"]
