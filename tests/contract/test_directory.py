"""What every adapter of `inbound.directory.port.Directory` does.

A new adapter joins by a branch in the fixture `directory`, filled with `CLIENTS`.
"""

import io
import pickle
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from inbound.cli._client_import import run_import
from inbound.directory.memory import MemoryDirectory
from inbound.directory.port import Directory, Identities, Registration
from inbound.directory.postgres import PostgresDirectory
from inbound.terminal import Terminal
from tests.fix_store import SUBJECT_KEY, VAULT_KEY

CLIENTS = {
    "+79161234567": Registration("C-1", "1234", "ivanov", "1a2b3c4d"),
    "+79031234567": Registration("C-2", "77", "petrov", 'пароль, "2"'),
    "+380501234567": Registration("C-3", "9", "bondar", "x"),
}
STRANGER = "+79999999999"


class Everything(Directory, Identities, Protocol):
    """What the two adapters here do, both of it."""


@pytest.fixture(params=["postgres", "memory"])
async def directory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Everything]:
    if request.param == "memory":
        yield MemoryDirectory(CLIENTS)
        return
    url = request.getfixturevalue("database_url")
    path = tmp_path / "clients.csv"
    lines = ["msisdn,client_id,personal_code,login,password"]
    for number, client in CLIENTS.items():
        password = '"' + client.password.replace('"', '""') + '"'
        fields = (number, client.client_id, client.personal_code, client.login, password)
        lines.append(",".join(fields))
    path.write_text("\n".join(lines), encoding="utf-8")
    assert run_import(path, url, SUBJECT_KEY, VAULT_KEY, Terminal(file=io.StringIO())) == 0
    adapter = PostgresDirectory(url, SUBJECT_KEY, VAULT_KEY)
    yield adapter
    await adapter.close()


async def test_clients_are_known_and_strangers_are_not(directory: Everything) -> None:
    assert await directory.known([*CLIENTS, STRANGER]) == set(CLIENTS)
    assert await directory.known([STRANGER]) == set()


async def test_registrations_come_by_number(directory: Everything) -> None:
    assert dict(await directory.registrations([STRANGER, *CLIENTS])) == CLIENTS


async def test_repeated_number_is_one_answer(directory: Everything) -> None:
    number = next(iter(CLIENTS))
    assert dict(await directory.registrations([number, number])) == {number: CLIENTS[number]}


async def test_its_size_counts_numbers(directory: Everything) -> None:
    assert await directory.size() == len(CLIENTS)


async def test_no_numbers_no_clients(directory: Everything) -> None:
    assert await directory.known([]) == set()
    assert dict(await directory.registrations([])) == {}


async def test_clients_are_found_by_number_and_numbers_by_client(directory: Everything) -> None:
    ids = {number: client.client_id for number, client in CLIENTS.items()}
    assert dict(await directory.client_ids([*CLIENTS, STRANGER])) == ids
    assert await directory.numbers_of(["C-2", "C-2", "nobody"]) == {"C-2": ["+79031234567"]}
    assert await directory.numbers_of([]) == {}
    assert dict(await directory.client_ids([])) == {}


def test_registration_keeps_its_secrets_to_itself() -> None:
    client = Registration("C-1", "CANARY-code", "CANARY-login", "CANARY-password")
    assert "CANARY" not in f"{client!r} {client!s}"
    with pytest.raises(TypeError, match="holds secrets"):
        pickle.dumps(client)
