"""Imports of files that tests write."""

import io
from pathlib import Path
from typing import Any

import psycopg

from inbound.cli._client_import import ImportOptions, run_import
from inbound.terminal import Terminal
from tests.fix_store import SUBJECT_KEY, VAULT_KEY

HEADER = "msisdn,client_id,personal_code,login,password"


class Importer:
    """Writes a file, imports it, and keeps what was printed."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.path = folder / "clients.csv"
        self.printed = ""

    def __call__(self, *lines: str, vault_key: bytes = VAULT_KEY, **options: Any) -> int:
        self.path.write_text("\n".join((HEADER, *lines)), encoding="utf-8")
        return self.load(self.path, vault_key=vault_key, **options)

    def load(self, path: Path, *, vault_key: bytes = VAULT_KEY, **options: Any) -> int:
        console = Terminal(file=io.StringIO(), width=60)
        try:
            return run_import(
                path, self.url, SUBJECT_KEY, vault_key, console, ImportOptions(**options)
            )
        finally:
            self.printed = console.file.getvalue()  # type: ignore[attr-defined]


def client(number: int, password: str = "1a2b3c4d") -> str:  # noqa: S107  made up
    return f"+7916{number:07},C-{number},1234,ivanov,{password}"


def stored(conn: psycopg.Connection) -> int:
    row = conn.execute("SELECT count(*) FROM clients").fetchone()
    assert row is not None
    return int(row[0])
