"""Patterns of accounts: whole texts, in linear time."""

import time

import pytest

from inbound.orders.patterns import PatternError, check_pattern, is_allowed, matches_any
from schemas.channels import Channel
from schemas.orders import LONGEST_TEXT


@pytest.mark.parametrize(
    ("patterns", "text", "matches"),
    [
        ([r"Заявка \d+ выполнена\."], "Заявка 7 выполнена.", True),
        ([r"Заявка \d+ выполнена\."], "Заявка 7 выполнена. И ещё", False),
        (["a|b"], "ab", False),
        (["x", "a.b"], "a\nb", True),
        (["("], "(", False),
    ],
)
def test_a_pattern_matches_the_whole_text(patterns: list[str], text: str, matches: bool) -> None:
    assert matches_any(patterns, text) is matches


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(a*)*b", "(.*a){20}b"])
def test_no_pattern_backtracks(pattern: str) -> None:
    check_pattern(pattern)
    before = time.process_time()
    assert not matches_any([pattern], "a" * LONGEST_TEXT)
    assert time.process_time() - before < 5  # with backtracking it is years


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("(?=a)b", "look-ahead"),
        (r"(a)\1", "backreferences"),
        ("a)|(b", "unopened group"),
        ("(?x)a # b", "unclosed group"),
        ("x{1000}{1000}", "too large"),
        ("", "1 to 500 characters"),
        ("a" * 501, "1 to 500 characters"),
    ],
)
def test_a_pattern_that_can_not_be_used_says_why(pattern: str, complaint: str) -> None:
    with pytest.raises(PatternError, match=complaint):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("patterns", "text", "channel", "allowed"),
    [
        ((), "__MAIL__: hi", Channel.MAIL, True),
        (("hi",), "__MAIL__: hi", Channel.MAIL, True),
        (("ho",), "__MAIL__: hi", Channel.MAIL, False),
        ((".*",), "__MAIL__: hi", None, False),
        ((), "  __mail__: hi", None, False),
        ((), "\u200b\ufeff__HLR__", None, False),
        ((), "call __CALL__: hi", None, True),
        ((), "__MAILS__: hi", None, True),
    ],
)
def test_an_ordinary_text_begins_with_no_channel(
    patterns: tuple[str, ...], text: str, channel: Channel | None, allowed: bool
) -> None:
    assert is_allowed(patterns, text, channel) is allowed
