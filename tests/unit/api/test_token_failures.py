"""Guesses of tokens: how many a client has, and who is still served meanwhile."""

import pytest

from inbound.api import token_failures
from inbound.api.problems import Refusal
from inbound.api.token_failures import ALL_FAILURES, FAILURES, TokenFailures

GOOD, BAD = b"good", b"bad"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def failures(clock: Clock) -> TokenFailures:
    return TokenFailures(clock)


def fail(failures: TokenFailures, client: str, times: int) -> None:
    for _ in range(times):
        failures.check(client, BAD)
        failures.add_failure(client, BAD)


def test_a_client_is_refused_after_many_failures(failures: TokenFailures, clock: Clock) -> None:
    fail(failures, "a", FAILURES)
    for digest in (BAD, GOOD, None):
        with pytest.raises(Refusal) as caught:
            failures.check("a", digest)
        assert (caught.value.headers or {})["Retry-After"] == "3"
    failures.check("b", BAD)
    clock.now += 3
    fail(failures, "a", 1)
    with pytest.raises(Refusal):
        failures.check("a", BAD)


def test_a_token_that_was_valid_is_still_looked_up(failures: TokenFailures) -> None:
    failures.add_success(GOOD)
    fail(failures, "a", FAILURES)
    failures.check("a", GOOD)
    failures.add_failure("a", GOOD)  # revoked meanwhile
    with pytest.raises(Refusal):
        failures.check("a", GOOD)


def test_many_clients_together_are_limited(failures: TokenFailures) -> None:
    failures.add_success(GOOD)
    for n in range(ALL_FAILURES):
        fail(failures, str(n), 1)
    with pytest.raises(Refusal):
        failures.check("another", BAD)
    failures.check("another", GOOD)


def test_memory_is_bounded(failures: TokenFailures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_failures, "_MAX_CLIENTS", 5)
    monkeypatch.setattr(token_failures, "_MAX_KNOWN", 5)
    for n in range(50):
        failures.add_failure(str(n), BAD)
        failures.add_success(b"%d" % n)
    assert len(failures._clients) == len(failures._known) == 5
