"""Codes of the second factor: those of RFC 6238, near in time; tickets; QR codes."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from inbound.desk.identity.one_time_codes import (
    address_of,
    digest_of_code,
    new_recovery_codes,
    new_secret,
    plain,
    qr_code,
    step_of,
)
from inbound.desk.identity.sign_in_tickets import LASTS, is_valid, make_ticket, name_of

NOW = datetime(2024, 5, 17, 12, tzinfo=UTC)
# "12345678901234567890" of RFC 6238, appendix B, whose codes have two digits more.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
KEY = b"k" * 32


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    assert step_of(RFC_SECRET, code, datetime.fromtimestamp(at, UTC)) == at // 30


@pytest.mark.parametrize(("drift", "counts"), [(-60, False), (-30, True), (30, True), (61, False)])
def test_a_code_counts_near_its_time(drift: int, counts: bool) -> None:
    now = datetime.fromtimestamp(1111111109 + drift, UTC)
    assert (step_of(RFC_SECRET, "081804", now) is not None) is counts


@pytest.mark.parametrize("code", ["", "28708", "2870822", "٢٨٧٠٨٢", "abcdef", "\ud800"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert step_of(RFC_SECRET, code, datetime.fromtimestamp(59, UTC)) is None


def test_secrets_and_recovery_codes_are_random() -> None:
    assert len({new_secret() for _ in range(50)}) == 50
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", code) for code in codes)
    assert digest_of_code(codes[0].lower().replace("-", " ")) == digest_of_code(codes[0])
    assert plain(" 123 456 ") == "123456"


def test_a_qr_code_has_its_three_corners() -> None:
    width, path = qr_code(address_of(RFC_SECRET, "ivanova"))
    assert path.startswith("M0 0h7v1h-7z")
    assert f"M{width - 7} 0h7v1h-7z" in path
    assert f"M0 {width - 1}h7v1h-7z" in path
    dark = sum(int(one) for one in re.findall(r"h(\d+)v1", path))
    assert 0.3 < dark / width**2 < 0.7


def test_a_ticket_is_of_one_browser_password_and_time() -> None:
    ticket = make_ticket("ivanova", "browser", "hash", KEY, NOW)
    assert name_of(ticket) == "ivanova"
    assert is_valid(ticket, "browser", "hash", KEY, NOW + LASTS - timedelta(seconds=1))
    assert not is_valid(ticket, "browser", "hash", KEY, NOW + LASTS)
    assert not is_valid(ticket, "another", "hash", KEY, NOW)
    assert not is_valid(ticket, "browser", "another", KEY, NOW)
    assert not is_valid(ticket, "browser", "hash", b"x" * 32, NOW)
    assert not is_valid(ticket.replace("ivanova", "petrova"), "browser", "hash", KEY, NOW)
    name, ends, signature = ticket.split(":")
    assert not is_valid(f"{name}:{int(ends) + 60}:{signature}", "browser", "hash", KEY, NOW)
    for odd in ("", "ivanova", "::", "a:b:c", f"{name}:{'9' * 30}:{signature}", f"{name}:{ends}:é"):
        assert not is_valid(odd, "browser", "hash", KEY, NOW)
