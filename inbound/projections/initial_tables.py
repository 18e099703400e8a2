"""Creates the schemas and the empty live tables of the projections, for migration 0006.

The tables come from the statements that a rebuild uses, so each table is defined once. A
database gets the version of this release; one that has an older version keeps it until the
projector has rebuilt the table, and is identical from then on.
"""

from typing import Final

import psycopg

from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.progress import TableSchema
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "initial_tables")
_CREATE_LIVE_SCHEMA: Final = _SQL["create_live_schema"]
_CREATE_SHADOW_SCHEMA: Final = _SQL["create_shadow_schema"]
_CREATE_PROGRESS: Final = _SQL["create_progress"]
_ADD_PROGRESS: Final = _SQL["add_progress"]
_USE_LIVE_SCHEMA: Final = _SQL["use_live_schema"]
_RESET_SCHEMA: Final = _SQL["reset_schema"]


def create_live_tables(conn: psycopg.Connection) -> None:
    """Create everything within the open transaction; no event is in the tables yet."""
    for statement in (_CREATE_LIVE_SCHEMA, _CREATE_SHADOW_SCHEMA, _CREATE_PROGRESS):
        conn.execute(statement)
    conn.execute(_USE_LIVE_SCHEMA)
    for name, projection in PROJECTIONS.items():
        sql = TABLE_STATEMENTS[name]
        for statement in (sql.create, *sql.indexes.values()):
            conn.execute(statement)
        row = {"name": name, "schema": TableSchema.LIVE, "version": projection.version}
        conn.execute(_ADD_PROGRESS, row)
    conn.execute(_RESET_SCHEMA)
