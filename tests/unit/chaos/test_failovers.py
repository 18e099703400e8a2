"""What clients notice of a failover, in figures."""

from tests.chaos.machines.failovers import Answered, figures


def test_the_longest_silence_and_the_slowest_answer() -> None:
    before = [Answered(float(second), second + 0.2) for second in range(10)]
    # Nobody got an answer between 10.2 and 19 s; the text of second 10 waited.
    waited = [Answered(10.0, 19.0), Answered(18.5, 19.1)]
    assert figures([*before, *waited], 10.0) == {"silence_s": 9.8, "slowest_s": 9.0, "waited": 1}


def test_a_silence_before_the_failure_does_not_count() -> None:
    assert figures([Answered(0, 0.1), Answered(5, 5.1), Answered(9, 9.2)], 8.0)["silence_s"] == 4.1


def test_nothing_answered_is_no_silence() -> None:
    assert figures([], 1.0) == {"silence_s": 0.0, "slowest_s": 0.0, "waited": 0}
