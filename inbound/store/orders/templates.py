"""Templates of orders as they are stored. A version is written once and never changed.

Every change is in the audit, in the transaction that makes it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from inbound.store.access import audit
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "templates")
_FIND_TEMPLATES: Final = _SQL["find_templates"]
_FIND_LANGUAGES: Final = _SQL["find_languages"]
_FIND_LANGUAGES_OF_SUBJECTS: Final = _SQL["find_languages_of_subjects"]
_LOCK_TEMPLATE: Final = _SQL["lock_template"]
_ADD_TEMPLATE: Final = _SQL["add_template"]
_ADD_VERSION: Final = _SQL["add_version"]
_RETIRE_TEMPLATE: Final = _SQL["retire_template"]
_RESTORE_TEMPLATE: Final = _SQL["restore_template"]
_LIST_VERSIONS: Final = _SQL["list_versions"]
_LIST_NEWEST: Final = _SQL["list_newest"]


@dataclass(frozen=True, slots=True)
class FoundTemplate:
    """The version of a template that an order uses; `definition` is JSON."""

    name: str
    version: int
    definition: bytes
    is_retired: bool


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """A version of a template; `definition` is JSON. A retired template is no longer used."""

    name: str
    version: int
    definition: bytes
    created_at: datetime
    created_by: str
    retired_at: datetime | None
    retired_by: str | None


class StaleVersionError(Exception):
    """A new version was made from one that is no longer the newest; `newest` is."""

    def __init__(self, newest: int) -> None:
        super().__init__(f"version {newest} is newer")
        self.newest = newest


async def find_templates(
    conn: psycopg.AsyncConnection, wanted: Sequence[tuple[str, int | None]]
) -> dict[tuple[str, int | None], FoundTemplate]:
    """Return the templates of these names and versions that exist; version None is the newest."""
    names, versions = [name for name, _ in wanted], [version for _, version in wanted]
    cursor = await conn.execute(_FIND_TEMPLATES, {"names": names, "versions": versions})
    return {wanted[place - 1]: FoundTemplate(*found) async for place, *found in cursor}


async def find_languages(
    conn: psycopg.AsyncConnection, hashes: Collection[bytes], subject_ids: Collection[UUID]
) -> dict[bytes | UUID, str]:
    """Return the languages of clients that are known, by hash of their number or by subject."""
    languages: dict[bytes | UUID, str] = {}
    if hashes:
        cursor = await conn.execute(_FIND_LANGUAGES, {"hashes": list(hashes)})
        languages.update(await cursor.fetchall())
    if subject_ids:
        parameters = {"subject_ids": list(subject_ids)}
        cursor = await conn.execute(_FIND_LANGUAGES_OF_SUBJECTS, parameters)
        languages.update(await cursor.fetchall())
    return languages


@raises_store_errors
def add_template(conn: psycopg.Connection, name: str, definition: str, *, actor: str) -> bool:
    """Store a template with its first version; False if the name is taken."""
    with conn.transaction():
        if conn.execute(_ADD_TEMPLATE, {"name": name}).rowcount == 0:
            return False
        _add_version(conn, name, 1, definition, actor)
        audit.record_change(conn, actor, "templates.create", f"{name}: version 1")
    return True


@raises_store_errors
def add_version(
    conn: psycopg.Connection, name: str, definition: str, *, actor: str, base: int | None = None
) -> int | None:
    """Store the next version of a template that exists; None if it is the newest one's twin.

    Raises StaleVersionError if the newest version is not `base`, unless that is None.
    """
    with conn.transaction():
        conn.execute(_LOCK_TEMPLATE, {"name": name})
        newest = list_versions(conn, name)[0]
        if base is not None and newest.version != base:
            raise StaleVersionError(newest.version)
        if newest.definition == definition.encode():
            return None
        _add_version(conn, name, newest.version + 1, definition, actor)
        audit.record_change(
            conn, actor, "templates.change", f"{name}: version {newest.version + 1}"
        )
    return newest.version + 1


@raises_store_errors
def retire_template(conn: psycopg.Connection, name: str, *, actor: str) -> bool:
    """Keep orders from using a template; False if it is retired already."""
    return _switch(conn, name, _RETIRE_TEMPLATE, "templates.retire", actor)


@raises_store_errors
def restore_template(conn: psycopg.Connection, name: str, *, actor: str) -> bool:
    """Let orders use a retired template again; False if they may already."""
    return _switch(conn, name, _RESTORE_TEMPLATE, "templates.restore", actor)


@raises_store_errors
def list_versions(conn: psycopg.Connection, name: str | None = None) -> list[TemplateVersion]:
    """Return the versions of all templates or of one, the newest first."""
    with conn.cursor(row_factory=class_row(TemplateVersion)) as cursor:
        return cursor.execute(_LIST_VERSIONS, {"name": name}).fetchall()


@raises_store_errors
def list_newest(
    conn: psycopg.Connection, after: str | None, limit: int, *, retired: bool = False
) -> list[TemplateVersion]:
    """Return the newest version of templates by name, from that after `after` on."""
    parameters = {"after": after, "limit": limit, "retired": retired}
    with conn.cursor(row_factory=class_row(TemplateVersion)) as cursor:
        return cursor.execute(_LIST_NEWEST, parameters).fetchall()


def _add_version(
    conn: psycopg.Connection, name: str, version: int, definition: str, actor: str
) -> None:
    parameters = {"name": name, "version": version, "definition": definition, "actor": actor}
    conn.execute(_ADD_VERSION, parameters)


def _switch(conn: psycopg.Connection, name: str, statement: bytes, action: str, actor: str) -> bool:
    with conn.transaction():
        if conn.execute(statement, {"name": name, "actor": actor}).rowcount == 0:
            return False
        audit.record_change(conn, actor, action, name)
    return True
