"""Two dumps are compared in the order of their keys."""

import pytest

from inbound.projections.subscriptions import SUBSCRIPTIONS
from inbound.projections.verification import compare


def line(subject: str, version: int = 1) -> bytes:
    return f"{subject}\tt\t2026-01-01 00:00:00+00\tr\t{version}\n".encode()


@pytest.mark.parametrize(
    ("live", "rebuilt", "same", "difference"),
    [
        ([], [], 0, None),
        ([line("a"), line("b")], [line("a"), line("b")], 2, None),
        (
            [line("a"), line("b", 2)],
            [line("a"), line("b", 3)],
            1,
            "subscriptions: the row with subject_id b: version is 2, by the log it is 3",
        ),
        (
            [line("a"), line("c")],
            [line("a"), line("b"), line("c")],
            1,
            "subscriptions: the row with subject_id b is missing from the live table",
        ),
        (
            [line("a")],
            [line("a"), line("b")],
            1,
            "subscriptions: the row with subject_id b is missing from the live table",
        ),
        (
            [line("a"), line("b"), line("c")],
            [line("a"), line("c")],
            1,
            (
                "subscriptions: the row with subject_id b is in the live table but does not follow "
                "from the log"
            ),
        ),
        (
            [line("a"), line("b")],
            [line("a")],
            1,
            (
                "subscriptions: the row with subject_id b is in the live table but does not follow "
                "from the log"
            ),
        ),
    ],
)
def test_the_first_difference_is_named(
    live: list[bytes], rebuilt: list[bytes], same: int, difference: str | None
) -> None:
    assert compare(SUBSCRIPTIONS, iter(live), iter(rebuilt)) == (same, difference)
