"""The statements about the table of each projection, from the `.sql` file of its name.

They name the table without a schema: the same statements serve the live tables, those of a
rebuild and those of a check (`inbound.projections.progress`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.model import Projection
from inbound.store.statements import statements


@dataclass(frozen=True, slots=True)
class TableStatements:
    """The statements of one projection; `copy` is None if it has no new rows, only merges."""

    create: bytes
    indexes: Mapping[str, bytes]
    analyze: bytes
    create_incoming: bytes
    copy: bytes | None
    copy_incoming: bytes
    merge: bytes
    count: bytes
    dump: bytes
    lock_live: bytes
    drop: bytes
    drop_live: bytes
    move_to_live: bytes


def _load(projection: Projection) -> TableStatements:
    sql = statements(__package__, projection.name)
    return TableStatements(
        create=sql["create"],
        indexes={name: sql[name] for name in projection.indexes},
        analyze=sql["analyze"],
        create_incoming=sql["create_incoming"],
        copy=sql["copy"] if "copy" in sql else None,  # noqa: SIM401  it has no `get`
        copy_incoming=sql["copy_incoming"],
        merge=sql["merge"],
        count=sql["count"],
        dump=sql["dump"],
        lock_live=sql["lock_live"],
        drop=sql["drop"],
        drop_live=sql["drop_live"],
        move_to_live=sql["move_to_live"],
    )


TABLE_STATEMENTS: Final[Mapping[str, TableStatements]] = {
    name: _load(projection) for name, projection in PROJECTIONS.items()
}
