"""A service with its own database and topics: real processes, and a scripted SMS centre.

Gateway, worker and relay run as in production, each in its own process that a test may kill. The
SMS centre is the simulator in the test's own process: every deliver_sm and submit_sm passes
through a `Script`.
"""

import asyncio
import csv
import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any, Final, LiteralString

import pytest
from typing_extensions import override

from inbound.cli._client_import import run_import
from inbound.local.simulator.delivery_queue import QueuedMessage
from inbound.local.simulator.phone import FEDERAL_NUMBER, Phone
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.smpp.address import number_to_address
from inbound.smpp.pdu import DeliverSm
from inbound.smpp.status import Status
from inbound.terminal import Terminal
from schemas.topics import TopicNames
from tests.ceilings import NO_CEILINGS
from tests.e2e.script import ACCOUNT, Script
from tests.patience import PATIENCE_S
from tests.service.clients import Client
from tests.service.ports import free_port
from tests.service.processes import Processes
from tests.service.stored import Stored
from tests.service.waiting import eventually

VAULT_KEY: Final = bytes(range(32))
SUBJECT_KEY: Final = bytes(range(32, 64))
WINDOW: Final = 20


class Service(Processes, Stored):
    """The service with its own database and topics. Use `open_service`."""

    def __init__(
        self, folder: Path, database_url: str, bootstrap: str, names: TopicNames, prefix: str
    ) -> None:
        Processes.__init__(self, folder)
        Stored.__init__(self, database_url, bootstrap, SUBJECT_KEY)
        self.names = names
        self.script = Script()
        self.centre = Simulator(
            SimulatorSettings(port=free_port(), accounts=(ACCOUNT,), retry_s=0.1),
            faults=self.script,
        )
        self._prefix = prefix
        self._numbers = count(1)
        self._client_ids: dict[str, str] = {}
        self._files = count(1)

    @override
    def environment(self, health_port: int = 0) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SCSERV_", "OTEL_"))}
        return inherited | {
            "SCSERV_DATABASE_URL": self.database_url,
            "SCSERV_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "SCSERV_TOPIC_PREFIX": self._prefix,
            "SCSERV_VAULT_KEY": VAULT_KEY.hex(),
            "SCSERV_SUBJECT_KEY": SUBJECT_KEY.hex(),
            "SCSERV_HEALTH_PORT": str(health_port),
            "SCSERV_SMPP__PORT": str(self.centre.port),
            "SCSERV_SMPP__SYSTEM_ID": ACCOUNT.system_id,
            "SCSERV_SMPP__PASSWORD": ACCOUNT.password,
            "SCSERV_SMPP__WINDOW": str(WINDOW),
            "SCSERV_SMPP__RESPONSE_TIMEOUT_S": "5",
            "SCSERV_SMPP__RECONNECT_MIN_S": "0.05",
            "SCSERV_SMPP__RECONNECT_MAX_S": "0.2",
            **NO_CEILINGS,
            **self.extra_environment,
        }

    def phone(self, number: str) -> Phone:
        """Return a phone, to be used with `async with`."""
        return Phone("127.0.0.1", self.centre.port, number)

    def deliver(
        self, source: str, text: str | bytes, *, centre: Simulator | None = None, **fields: Any
    ) -> "asyncio.Future[int]":
        """Have a centre deliver one deliver_sm; return the future of its final status.

        The service's own centre, unless another is named. `fields` are those of the PDU and
        win over what `source` and `text` make of them.
        """
        short_message = text if isinstance(text, bytes) else text.encode("ascii")
        to = number_to_address(FEDERAL_NUMBER)
        values: dict[str, Any] = {
            "source_addr_ton": 1,
            "source_addr_npi": 1,
            "source_addr": source.removeprefix("+"),
            "dest_addr_ton": to.ton,
            "dest_addr_npi": to.npi,
            "destination_addr": to.addr,
            "short_message": short_message,
        }
        settled: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        message = QueuedMessage(DeliverSm(**(values | fields)), settled.set_result)
        queue = (centre or self.centre).queue(ACCOUNT.system_id)
        assert queue.put(message), "the delivery queue is full"
        return settled

    async def text(self, source: str, text: str | bytes, **fields: Any) -> None:
        """Deliver a text and wait for the positive answer."""
        try:
            status = await asyncio.wait_for(self.deliver(source, text, **fields), PATIENCE_S)
        except TimeoutError:
            pytest.fail(
                f"a text was never accepted; the gateway says:\n{self.log_of('gateway')[-3000:]}"
            )
        assert status == Status.ESME_ROK

    def new_numbers(self, how_many: int) -> list[str]:
        """Return numbers that no other test of this service uses."""
        return [f"+7916{next(self._numbers):07d}" for _ in range(how_many)]

    def key_of(self, number: str) -> bytes:
        """Return the Kafka key of a number's records."""
        return self.hasher.hash(number).hex().encode()

    def import_clients(self, clients: Iterable[Client]) -> None:
        """Load clients as operators do: from a CSV file."""
        path = self.folder / f"clients-{next(self._files)}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(("msisdn", "client_id", "personal_code", "login", "password"))
            for one in clients:
                client_id = self._client_ids.setdefault(one.number, f"C{len(self._client_ids)}")
                lines.writerow((one.number, client_id, one.personal_code, one.login, one.password))
        self._load_clients(path)
        path.unlink()  # it holds secrets in the clear; tests search this folder for them

    def _load_clients(self, file: Path) -> None:
        environment = self.environment()  # a test may have rotated a key
        subject_key, vault_key = (
            bytes.fromhex(environment[f"SCSERV_{name}_KEY"]) for name in ("SUBJECT", "VAULT")
        )
        status = run_import(file, self.database_url, subject_key, vault_key, Terminal(quiet=True))
        assert status == 0

    def import_clients_of(self, numbers: Iterable[str]) -> None:
        """Load a client for each number."""
        self.import_clients(Client(number) for number in numbers)

    def new_client(self, **fields: str) -> Client:
        """Import a client with a new number, and return it."""
        client = Client(self.new_numbers(1)[0], **fields)
        self.import_clients([client])
        return client

    async def projected(self) -> None:
        """Wait until the projections show the whole log; needs a running projector."""
        query: LiteralString = (
            "SELECT count(*) FROM projections.progress"
            " WHERE position < (SELECT max(position) FROM events)"
        )
        await eventually(
            lambda: self.value(query) == 0,
            lambda: f"the projections lag; the projector says:\n{self.log_of('projector')}",
        )

    async def close(self) -> None:
        """End every process and the centre."""
        await self.end_all()
        await self.centre.close()
        self._database.close()
