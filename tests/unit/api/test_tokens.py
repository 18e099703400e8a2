"""Tokens: their form, and what is taken for one."""

import hashlib
from datetime import timedelta

import pytest

from inbound.api.tokens import digest_of, new_token, parse_bearer, parse_duration


def test_a_token_has_256_random_bits_and_is_read_again() -> None:
    asked: list[int] = []

    def random(octets: int) -> str:
        asked.append(octets)
        return "x" * 43

    assert new_token(random) == "scs_" + "x" * 43
    assert asked == [32]
    token = new_token()
    assert parse_bearer(f"Bearer {token}") == token
    assert new_token() != token


def test_digest_is_the_sha256_of_the_whole_token() -> None:
    token = new_token()
    assert digest_of(token) == hashlib.sha256(token.encode()).digest()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "scs_" + "x" * 43,
        "Basic scs_" + "x" * 43,
        "Bearer scs_" + "x" * 42,
        "Bearer scs_" + "x" * 44,
        "Bearer abc_" + "x" * 43,
        "Bearer scs_" + "é" * 43,
        "Bearer scs_" + "x" * 43 + "\n",
    ],
)
def test_other_strings_are_not_tokens(header: str | None) -> None:
    assert parse_bearer(header) is None


def test_durations() -> None:
    assert parse_duration("90d") == timedelta(days=90)
    assert parse_duration("12h") == timedelta(hours=12)
    assert parse_duration("30m") == timedelta(minutes=30)


@pytest.mark.parametrize("text", ["", "90", "0d", "-1d", "1.5d", "1w", "d", "123456d", "1 d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="like 90d"):
        parse_duration(text)
