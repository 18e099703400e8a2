"""Messages in other services' dialects, over HTTP and SMPP: one JSON object of figures.

`turns`: each listener gets messages from 50 connections (SMPP: 50 at once on 5 links), in turns
with the others and with `POST /v1/messages`, so that what else goes on concerns all alike. `load`:
50 accounts over SMPP and 50 over HTTP send for a minute, each one message after the other;
afterwards what was accepted is compared with what the SMS centre got. All roles run. The load
generator runs on the same machine. Ends by itself, with status 1 if something was lost or doubled.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any, Final

import psycopg

from inbound.ingress.credentials import Credentials
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.store.migrations.runner import migrate
from schemas.topics import TOPICS
from tests.bench.__main__ import free_port, say
from tests.bench.dialect_balance import CountingSmsc, Sent, create_accounts
from tests.bench.dialect_clients import SPOKEN, TEXT, Client, HttpClient, SmppClient
from tests.bench.load import FIRST_RECIPIENT
from tests.bench.messages import CONNECTIONS, WARM_UP
from tests.bench.processes import ProcessUsages, environment, roles, scserv, servers

ROLES: Final = ("gateway", "worker", "relay", "scheduler", "projector", "api", "ingress")
API: Final = "api"
SMPP: Final = "smpp"
LISTENERS: Final = (API, *SPOKEN, SMPP)
LINKS: Final = 5
ROUNDS: Final = 2
ACCOUNTS: Final = 50
AT_ONCE: Final = 4
"""Messages that an account over SMPP has submitted and not been answered."""
ARRIVE_WITHIN_S: Final = 180.0
STEP_S: Final = 5.0

Figures = dict[str, Any]


def main() -> None:
    """Run the benchmark and print the figures."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that kill ends the servers, too
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dialects", description=__doc__)
    parser.add_argument("--messages", type=int, default=3_000, help="a listener and round")
    parser.add_argument("--seconds", type=int, default=60, help="of load")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scserv-bench-") as folder:
        found = bench(Path(folder), options.messages, options.seconds)
    print(json.dumps(found))
    sys.exit(bool(found.get("load", {}).get("lost") or found.get("load", {}).get("doubled")))


def bench(folder: Path, messages: int, seconds: int, rounds: int = ROUNDS) -> Figures:
    """Start everything, send, and return the figures. `seconds` 0: without load. Blocks."""
    with servers(folder) as (postgres, kafka):
        admin.apply(KafkaConnection(kafka.bootstrap), TOPICS, 1)
        migrate(postgres.url())
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            # So that no client has to be imported for each recipient.
            connection.execute("UPDATE accounts SET rights = rights || '{strangers}'")
        accounts = create_accounts(postgres.url(), 2 * ACCOUNTS)
        settings = environment(postgres, kafka, free_port(), 500) | {
            "SCSERV_API__PORT": str(free_port()),
            "SCSERV_API__ORDERS_PER_MINUTE": "10000000",
            "SCSERV_INGRESS__PORT": str(free_port()),
            "SCSERV_SMPP_SERVER__PORT": str(free_port()),
            "SCSERV_SMPP_SERVER__RATE_PER_S": "100000",
        }
        return asyncio.run(_measure(folder, settings, accounts, messages, seconds, rounds))


@dataclass(frozen=True, slots=True)
class Bench:
    """What all phases need. `phones` gives numbers that nobody has had before."""

    settings: dict[str, str]
    accounts: Sequence[Credentials]
    token: str
    phones: Iterator[str]

    def port(self, group: str) -> int:
        """Return the port of a listener."""
        return int(self.settings[f"SCSERV_{group}__PORT"])

    def http_client(self, name: str, one: Credentials) -> HttpClient:
        """Return a connection of a dialect."""
        spoken = SPOKEN[name]
        return HttpClient(
            self.port("INGRESS"), lambda phone: spoken.request(one, phone), spoken.accepted
        )

    def api_client(self) -> HttpClient:
        """Return a connection of a program that uses our own API."""
        head = (
            "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Length: "
        )

        def request(phone: str) -> bytes:
            body = json.dumps({"to": f"+{phone}", "text": TEXT}).encode()
            return f"{head}{len(body)}\r\n\r\n".encode() + body

        return HttpClient(self.port("API"), request, lambda body: b'"queued"' in body)

    async def clients(self, name: str) -> list[Client]:
        """Return `CONNECTIONS` clients of a listener; those over SMPP share links."""
        one, port = self.accounts[0], self.port("SMPP_SERVER")
        if name == SMPP:
            each = CONNECTIONS // LINKS
            links = [await SmppClient.bind(port, one, each, "MCON9") for _ in range(LINKS)]
            return [*islice(cycle(links), CONNECTIONS)]
        if name == API:
            return [self.api_client() for _ in range(CONNECTIONS)]
        return [self.http_client(name, one) for _ in range(CONNECTIONS)]


async def _measure(
    folder: Path,
    settings: dict[str, str],
    accounts: Sequence[Credentials],
    messages: int,
    seconds: int,
    rounds: int,
) -> Figures:
    centre = CountingSmsc()
    await centre.start(int(settings["SCSERV_SMPP__PORT"]))
    context = roles(folder, settings, {role: free_port() for role in ROLES})
    started = await asyncio.to_thread(context.__enter__)
    try:
        await centre.bound()
        measured = ProcessUsages(started)
        token = await asyncio.to_thread(
            scserv, settings, "tokens", "create", "--name", "bench", "--scope", "send"
        )
        phones = (str(number) for number in count(FIRST_RECIPIENT))
        one = Bench(settings, accounts, token.strip(), phones)
        found: Figures = {"turns": await _turns(one, centre, measured, messages, rounds)}
        if seconds:
            found["load"] = await _load(one, centre, measured, seconds)
        return found
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
        await centre.stop()


async def _turns(
    bench: Bench, centre: CountingSmsc, measured: ProcessUsages, messages: int, rounds: int
) -> Figures:
    """Send so many messages to each listener, in turns; return the figures of each."""
    results: dict[str, list[Figures]] = {name: [] for name in LISTENERS}
    for name in LISTENERS:
        await _all_of(bench, centre, name, WARM_UP)
    for number in range(rounds):
        for name in LISTENERS if number % 2 else reversed(LISTENERS):
            say(f"{messages} messages: {name}")
            process = API if name == API else "ingress"
            before = measured.usage()[process].cpu_s
            figures = await _all_of(bench, centre, name, messages)
            cpu_s = measured.usage()[process].cpu_s - before
            figures["cpu_s_per_1000"] = round(cpu_s * 1000 / messages, 3)
            results[name].append(figures)
    return dict(results)


async def _all_of(bench: Bench, centre: CountingSmsc, name: str, messages: int) -> Figures:
    """Send messages to one listener; wait until the centre has them, so that others have calm."""
    sent, waiting = Sent(), iter([*islice(bench.phones, messages)])

    async def connection(client: Client) -> None:
        for phone in waiting:
            await sent.send(client, phone)

    async with _clients(await bench.clients(name)) as clients:
        begin = time.monotonic()
        await asyncio.gather(*map(connection, clients))
        took_s = time.monotonic() - begin
    missing = await _missing(centre, sent.accepted)
    return sent.figures(took_s) | {"lost": len(missing)}


async def _load(
    bench: Bench, centre: CountingSmsc, measured: ProcessUsages, seconds: int
) -> Figures:
    """Let 50 accounts send over SMPP and 50 over HTTP; return the figures and the balance."""
    half = ACCOUNTS
    over_smpp = [
        await SmppClient.bind(bench.port("SMPP_SERVER"), one, AT_ONCE)
        for one in bench.accounts[:half]
    ]
    over_http = [
        bench.http_client(name, one)
        for name, one in zip(cycle(SPOKEN), bench.accounts[half:], strict=False)
    ]
    sent = {SMPP: Sent(), "http": Sent()}
    say(f"{half} accounts over SMPP and {half} over HTTP for {seconds} s")
    before, begin = measured.usage(), time.monotonic()

    async def keep_sending(client: Client, into: Sent) -> None:
        while time.monotonic() - begin < seconds:
            await into.send(client, next(bench.phones))

    async with _clients([*over_smpp, *over_http]):
        await asyncio.gather(
            *(keep_sending(one, sent[SMPP]) for one in over_smpp for _ in range(AT_ONCE)),
            *(keep_sending(one, sent["http"]) for one in over_http),
        )
        took_s = time.monotonic() - begin
    accepted = sent[SMPP].accepted | sent["http"].accepted
    lost = await _missing(centre, accepted)
    cpu = {
        name: round(after.cpu_s - before[name].cpu_s, 1) for name, after in measured.usage().items()
    }
    return {
        **{name: one.figures(took_s) for name, one in sent.items()},
        "accepted": len(accepted),
        "lost": len(lost),
        "doubled": sum(number > 1 for number in centre.counts.values()),
        "arrived_after_s": round(time.monotonic() - begin - took_s, 1),
        "cpu_s": cpu,
    }


async def _missing(centre: CountingSmsc, accepted: set[str]) -> set[str]:
    """Wait until the centre has what was accepted, or for `ARRIVE_WITHIN_S`; return the rest."""
    begin = time.monotonic()
    while (missing := accepted - centre.counts.keys()) and (
        time.monotonic() - begin < ARRIVE_WITHIN_S
    ):
        say(f"{len(missing)} of {len(accepted)} messages are on their way")
        await centre.has_received(centre.received + len(missing), STEP_S)
    return missing


@asynccontextmanager
async def _clients(clients: Sequence[Client]) -> AsyncIterator[Sequence[Client]]:
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


if __name__ == "__main__":
    main()
