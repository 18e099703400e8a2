"""Lists reach PostgreSQL as they are, whoever packs them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from inbound.store.connections import connect

ID = UUID("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("uuid", [ID, None, UUID(int=0)]),
        ("uuid", [None, ID]),
        ("text", ['", \\ {}NULL', "", "ЦЕНТР", None, "a" * 70_000]),
        ("bytea", [b"", b"\x00\xff\\", None]),
        ("smallint", [1, -32_768, None]),
        ("bigint", [2**63 - 1, -1, 0]),
        ("timestamptz", [NOON, None]),
        ("boolean", [True, None, False]),
        ("integer", [[1, 2], [3, 4]]),
        ("uuid", [None]),
        ("uuid", []),
    ],
)
def test_a_list_is_the_array_that_it_was(
    database_url: str, type_: str, values: Sequence[object]
) -> None:
    query = f"SELECT %(packed)b::{type_}[], %(other)s::{type_}[]".encode()
    with connect(database_url, "test") as conn:
        row = conn.execute(query, {"packed": values, "other": values}).fetchone()
    assert row == (values, values)
