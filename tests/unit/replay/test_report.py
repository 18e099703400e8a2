"""The report counts everything, keeps little, and says what it can't know."""

import json
from io import BytesIO
from typing import Any
from uuid import UUID

from inbound.replay.diff.protocol import (
    CandidateDescription,
    DecisionDifference,
    ReplyText,
    StreamVerdict,
)
from inbound.replay.diff.report import DiffReport

POLICIES: dict[str, Any] = {
    "duplicate_within_s": 60.0,
    "commands_per_hour": 10,
    "unknown_number": "refuse",
    "reply_valid_for_s": 86400.0,
}
TEXTS = {"stopped": ReplyText("off", 1, (), True)}
NOW = CandidateDescription("1.0", POLICIES, TEXTS)
LIMITED = DecisionDifference(
    3, "command", "r", "limited", [("request.accepted", 1, {"command": "sms_stop"})]
)


def then(texts: dict[str, ReplyText] | None = None, **policies: Any) -> CandidateDescription:
    return CandidateDescription("1.1", POLICIES | policies, texts or TEXTS)


def verdict(*differences: DecisionDifference, messages: int = 0) -> StreamVerdict:
    return StreamVerdict(UUID(int=1), 5, 9, differences, [(2, "stopped")] * messages)


def test_all_are_counted_and_written_and_few_are_kept() -> None:
    out = BytesIO()
    report = DiffReport(NOW, then(), out, keep=2)
    for _ in range(3):
        report.add([verdict(LIMITED, LIMITED), verdict()], events=40)
    assert (report.subjects, report.events, report.commands, report.results) == (6, 120, 30, 54)
    assert report.differing == 6
    assert report.by_kind() == {"limited": 6}
    assert report.examples == {
        "limited": ["00000000-0000-0000-0000-000000000001/3  sms_stop: limited"] * 2
    }
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == 6
    assert lines[0]["subject"] == str(UUID(int=1))
    assert lines[0]["kinds"] == ["limited"]
    assert lines[0]["recorded"] == [["request.accepted", 1, {"command": "sms_stop"}]]


def test_messages_of_a_text_that_differs_count_each() -> None:
    out = BytesIO()
    report = DiffReport(NOW, then({"stopped": ReplyText("off now", 2, (), True)}), out)
    assert set(report.texts) == {"stopped"}
    report.add([verdict(messages=4)], events=10)
    assert report.by_kind() == {"text": 4, "parts": 4}
    assert report.differing == 4
    first, *others = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (first["now"]["text"], first["candidate"]["text"]) == ("off", "off now")
    assert [one["template"] for one in others] == ["stopped"] * 4


def test_kinds_are_ordered_by_severity() -> None:
    report = DiffReport(NOW, then())
    error = LIMITED._replace(error="boom")
    report.add([verdict(error, LIMITED._replace(disposition="duplicate"), LIMITED)], events=1)
    assert list(report.by_kind()) == ["limited", "duplicate", "error"]


def test_report_names_what_left_no_event() -> None:
    assert len(DiffReport(NOW, then()).unseen()) == 2
    looser = then(duplicate_within_s=10, commands_per_hour=0, reply_valid_for_s=60)
    said = DiffReport(NOW, looser).unseen()
    assert [text.split()[0] for text in said[2:]] == [
        "duplicate_within_s",
        "commands_per_hour",
        "reply_valid_for_s",
    ]
    stricter = then(duplicate_within_s=100, commands_per_hour=1, unknown_number="silent")
    assert len(DiffReport(NOW, stricter).unseen()) == 2
    silent_now = CandidateDescription("1.0", POLICIES | {"unknown_number": "silent"}, TEXTS)
    assert "unknown_number is silent now" in DiffReport(silent_now, then()).unseen()[2]
    unlimited_now = CandidateDescription("1.0", POLICIES | {"commands_per_hour": 0}, TEXTS)
    assert len(DiffReport(unlimited_now, then()).unseen()) == 2


def test_a_changed_fate_of_unanswered_messages_is_said() -> None:
    said = DiffReport(NOW, then({"stopped": ReplyText("off", 1, (), False)})).unseen()
    assert said[2].startswith("[stopped] unknown: unanswered messages would not be sent again")
