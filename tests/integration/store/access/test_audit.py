"""What is recorded of those who look behind a subject stays as it is."""

from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from inbound.store.access import audit

SUBJECT, REQUEST = UUID(int=1), UUID(int=2)


def test_entries_come_back_newest_first_and_in_pages(conn: psycopg.Connection) -> None:
    made = [
        audit.record(
            conn,
            actor="ivan",
            action="reveal",
            reason=f"the client calls, case {n}",
            subject_id=SUBJECT,
            request_id=REQUEST if n else None,
        )
        for n in range(5)
    ]
    assert (made[0].subject_id, made[0].request_id, made[1].request_id) == (SUBJECT, None, REQUEST)
    assert audit.entries(conn, limit=10) == made[::-1]
    page = audit.entries(conn, limit=2)
    assert page == made[4:2:-1]
    assert audit.entries(conn, limit=2, before=page[-1].id) == made[2:0:-1]
    assert audit.entries(conn, limit=10, since=made[3].at) == made[4:2:-1]
    assert audit.entries(conn, limit=10, subject_id=REQUEST) == []


@pytest.mark.parametrize(
    "change", ["UPDATE audit SET reason = 'another'", "DELETE FROM audit", "TRUNCATE audit"]
)
def test_an_entry_is_never_changed(conn: psycopg.Connection, change: LiteralString) -> None:
    audit.record(conn, actor="ivan", action="reveal", reason="the client calls")
    with pytest.raises(psycopg.errors.RaiseException, match="audit rows are never changed"):
        conn.execute(change)


@pytest.mark.parametrize(
    "reason",
    [
        "call of 2026-11-28 05:24",
        "call of 28.11.2026 05:24:10",
        "INC0012345678",
        "INC0012345678, 7",
    ],
)
def test_dates_and_tickets_are_no_numbers(reason: str) -> None:
    assert audit.check_reason(reason) == reason


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (" \n", "a reason is needed"),
        ("x" * 301, "at most 300 characters"),
        ("called from +7 (916) 123-45-67", "must not contain a phone number"),
        ("9161234567 calls", "must not contain a phone number"),
        ("2026-11-28 05:24 9161234567 called", "must not contain a phone number"),
        ("2026-11-28 9161234567", "must not contain a phone number"),
        ("tel0079161234567", "must not contain a phone number"),
        ("INC0012345678 79161234567", "must not contain a phone number"),
        ("tel79161234567", "must not contain a phone number"),
        ("case 1\x1b]0;title\x07", "must not contain control"),
        ("case 1 \x9b31m", "must not contain control"),
        ("case 1 \u202e2 esac", "must not contain control"),
    ],
)
def test_a_reason_that_is_none_is_refused(conn: psycopg.Connection, reason: str, why: str) -> None:
    with pytest.raises(audit.ReasonError, match=why) as refused:
        audit.record(conn, actor="ivan", action="reveal", reason=reason)
    assert "916" not in str(refused.value)
    assert audit.entries(conn, limit=1) == []


def test_a_case_number_and_a_date_are_a_reason() -> None:
    assert audit.check_reason(" case 123456789  of 17 May ") == "case 123456789 of 17 May"
