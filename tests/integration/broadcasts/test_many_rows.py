"""A long table with every kind of bad row: each row is a recipient or excluded, with its reason.

`make test-long` reads a million rows.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain

from hypothesis import settings

from inbound.broadcasts.loading import find_exclusions
from tests.integration.broadcasts.conftest import Bench, number
from tests.integration.broadcasts.test_broadcasts import opt_out

IS_LONG = settings.get_current_profile_name() == "long"
GROUPS = 100_000 if IS_LONG else 2_000
OPTED_OUT = 1_000
"""Groups whose third client has opted out."""

KINDS: list[tuple[Callable[[int], str], str | None]] = [
    (lambda n: f"{number(3 * n)},Анна", None),
    (lambda n: f'8 (916) {number(3 * n + 1)[5:8]}-{number(3 * n + 1)[8:]},"Борис; ""Б"""', None),
    (lambda n: f"{number(3 * n + 2)},Вера", "opted_out"),
    (lambda n: f"{number(3 * n)},Анна снова", "repeated"),
    (lambda _: "12345,Глеб", "number"),
    (lambda _: "нет номера,Дина", "number"),
    (lambda n: f"+7925{n:07d},Ева", "not_a_client"),
    (lambda n: f"{number(3 * n)},", "fields"),
    (lambda n: f"{number(3 * n)},Жанна,лишнее", "row"),
    (lambda n: f"+7495{n:07d},Зоя", "not_mobile"),
]


def reason_of(row_no: int) -> str | None:
    """The reason for which a row is excluded; row 1 is the heading."""
    group, kind = divmod(row_no - 2, len(KINDS))
    reason = KINDS[kind][1]
    return None if reason == "opted_out" and group >= OPTED_OUT else reason


async def test_every_row_of_a_long_table_is_accounted_for(bench: Bench) -> None:
    bench.conn.execute("SET statement_timeout = 0")  # as commands that load tables
    bench.add_clients(number(n) for n in range(3 * GROUPS))
    for begin in range(0, OPTED_OUT, 500):
        await opt_out(bench, *(number(3 * n + 2) for n in range(begin, begin + 500)))

    def rows() -> Iterator[str]:
        return chain.from_iterable((row(n) for row, _ in KINDS) for n in range(GROUPS))

    one = bench.create(rows())
    wanted = Counter(reason_of(row_no) for row_no in range(2, GROUPS * len(KINDS) + 2))
    assert one.lifecycle.recipients == wanted.pop(None)
    assert one.excluded == wanted
    found = 0
    for row in find_exclusions(bench.conn, one.broadcast_id, bench.sealer):
        assert row.reason.value == reason_of(row.row_no), row
        found += 1
    assert found == wanted.total()
