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
from inbound.directory.client_addresses import AddressSealer, ClientAddress, set_addresses
from inbound.directory.memory import MemoryDirectory
from inbound.directory.port import ClientNumbers, Directory, Identities, Registration
from inbound.directory.postgres import PostgresDirectory
from inbound.store.connections import connect
from inbound.terminal import Terminal
from schemas.channels import Channel
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


async def test_addresses_of_channels_lead_both_ways(
    request: pytest.FixtureRequest, directory: ClientNumbers
) -> None:
    addresses = {"C-1": "Anna@example.net", "C-2": "same@example.net", "C-3": "same@example.net"}
    if isinstance(directory, MemoryDirectory):
        directory = MemoryDirectory(
            CLIENTS, {(Channel.MAIL, one): address for one, address in addresses.items()}
        )
    else:
        load_addresses(request.getfixturevalue("database_url"), addresses)
    found = await directory.addresses(Channel.MAIL, [*CLIENTS, STRANGER])
    assert found == dict(zip(CLIENTS, addresses.values(), strict=True))
    assert await directory.addresses(Channel.BOT, list(CLIENTS)) == {}
    # An address of two clients is nobody's: which one is meant would be a guess.
    wanted = ["anna@example.net", "same@example.net", "other@example.net"]
    owners = await directory.clients_of_addresses(Channel.MAIL, wanted)
    assert owners == {"anna@example.net": "C-1"}
    assert await directory.clients_of_addresses(Channel.BOT, wanted) == {}


def load_addresses(url: str, addresses: dict[str, str]) -> None:
    sealer = AddressSealer(SUBJECT_KEY, VAULT_KEY)
    with connect(url, "tests") as conn:
        rows = [ClientAddress(*one) for one in addresses.items()]
        assert set_addresses(conn, Channel.MAIL, rows, sealer) == (len(rows), 0)
        # Who is not in the directory is not stored, and an empty address removes one.
        others = [ClientAddress("nobody", "x@example.net"), ClientAddress("C-1", None)]
        assert set_addresses(conn, Channel.MAIL, others, sealer) == (1, 1)
        assert set_addresses(conn, Channel.MAIL, rows[:1], sealer) == (1, 0)
        sealed = conn.execute("SELECT sealed FROM client_addresses").fetchall()
        assert not any(b"example" in one for (one,) in sealed)
