"""A hostile SMS centre against the whole service, while clients of another one text.

One gateway is bound to three. "south" attacks, and "west" fills any field of any PDU with hostile
values; the clients of "north" must be answered meanwhile, and those of the others afterwards.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, Final

import pytest
import pytest_asyncio

from inbound.local.simulator.attacks import ATTACKS
from inbound.local.simulator.dialects import DEFAULT_PLAN, ReceiptPlan
from inbound.local.simulator.fault_injector import FaultInjector
from inbound.local.simulator.faults import Proceed
from inbound.local.simulator.phone import Phone
from inbound.local.simulator.rules import RuleBook
from inbound.local.simulator.script import Attack, with_hostility
from inbound.local.simulator.script import Script as FaultScript
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.smpp.pdu import DeliverSm, DeliverSmResp, SubmitSm, encode
from inbound.smpp.session import Answer, Session
from tests.e2e.fuzzing_centre import FuzzingCentre, open_fuzzing_centre
from tests.e2e.script import ACCOUNT, Script
from tests.e2e.test_two_centres import BIND, Site
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import CONFIG, STOPPED, Client, Service, eventually, open_service
from tests.patience import PATIENCE_S
from tests.unit.smpp.hostile_frames import SECRET

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

PEOPLE: Final = 4
PDUS: Final = 3_000
MOST_LOGGED: Final = 40_000
"""Octets that the gateway may log during one attack, answers to clients included."""

LARGEST_RECORD: Final = 100_000
_OCTETS_PER_S: Final = 2
"""So few that the answer to an enquire_link takes longer than the gateway waits for it."""

_SHORT_LIVED: Final = {"unread_texts", "slow_octets"}
"""The links of these attacks end, however few PDUs they are: a client is served on the next one."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sites() -> AsyncIterator[dict[str, Site]]:
    found = {name: _site(name) for name in ("north", "south")}
    async with AsyncExitStack() as stack:
        for site in found.values():
            await stack.enter_async_context(site.centre)
            # Every client's phone is on, so the SMS centres send receipts.
            await stack.enter_async_context(Phone("127.0.0.1", site.centre.port, "+7916*"))
        yield found


def _site(name: str) -> Site:
    script = Script()
    settings = SimulatorSettings(port=0, accounts=(ACCOUNT,), retry_s=0.1)
    return Site(name, Simulator(settings, faults=script), script)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fuzzing() -> AsyncIterator[FuzzingCentre]:
    async with open_fuzzing_centre(seed=14) as centre:
        yield centre


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
    sites: dict[str, Site],
    fuzzing: FuzzingCentre,
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("hostile-centre")
    ports = {name: site.centre.port for name, site in sites.items()} | {"west": fuzzing.port}
    binds = [
        BIND.format(name=name, port=port, account=ACCOUNT) + "enquire_link_s = 1\n"
        for name, port in ports.items()
    ]
    (folder / CONFIG).write_text("".join(binds), "utf-8")
    async with open_service(folder, postgres_server.url, kafka_server.bootstrap) as service:
        yield service


@contextmanager
def hostile(site: Site, *names: str) -> Iterator[None]:
    """Have the SMS centre put these values into its answers and receipts."""
    script = with_hostility(FaultScript(), names)
    centre = site.centre
    injector = FaultInjector(script, centre._links, centre._scheduler, magic=False, window=500)
    centre._faults, centre._injector.book = _HostileScript(site.script, injector), RuleBook(script)
    try:
        yield
    finally:
        centre._faults, centre._injector.book = site.script, RuleBook(FaultScript())


class _HostileScript:
    """Records what the script does, and injects faults of another one."""

    def __init__(self, script: Script, injector: FaultInjector) -> None:
        self._script = script
        self._injector = injector

    async def on_submit(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        """Answer a submit_sm, as `Faults` says."""

        async def hostile(
            pdu: SubmitSm, session: Session, receipt: ReceiptPlan = DEFAULT_PLAN
        ) -> Answer:
            del receipt
            return await self._injector.on_submit(pdu, session, proceed)

        return await self._script.on_submit(pdu, session, hostile)

    def on_deliver(self, pdu: DeliverSm, session: Session) -> asyncio.Future[DeliverSmResp] | None:
        """Deliver a deliver_sm, as `Faults` says."""
        self._script.on_deliver(pdu, session)
        return self._injector.on_deliver(pdu, session)


async def answered(service: Service, site: Site, *clients: Client, text: str = "sms stop") -> None:
    """Text from each of these clients and wait until all requests are completed."""
    for client in clients:
        service.deliver(client.number, f"CLIENT {text}", centre=site.centre)
    await service.completed(*(client.number for client in clients))
    for client in clients:
        expected = client.registration if text == "info" else STOPPED
        assert expected in site.script.texts_to(client.number)


def clients_of(service: Service, count: int = PEOPLE) -> list[Client]:
    return [service.new_client(password=f"parol-{number}-x9") for number in range(count)]


def control_characters_in(text: str) -> set[str]:
    return {char for char in text if not char.isprintable() and char != "\n"}


def stored_ids(service: Service, clients: Iterable[Client]) -> list[str]:
    return [
        part.get("smsc_message_id", "")
        for client in clients
        for event in service.events(client.number)
        if event.type == "message.submitted"
        for part in event.data["parts"]
    ]


# -- values ----------------------------------------------------------------------------------


async def test_huge_ids_hold_up_nobody_and_are_stored_short(
    service: Service, sites: dict[str, Site]
) -> None:
    victims, others = clients_of(service), clients_of(service)
    with hostile(sites["south"], "huge"):
        await asyncio.gather(
            answered(service, sites["south"], *victims, text="info"),
            answered(service, sites["north"], *others, text="info"),
        )
    ids = stored_ids(service, victims)
    assert len(ids) >= 2 * PEOPLE
    assert all(each.startswith("sha256-") and len(each) <= 64 for each in ids)
    assert all(len(record.value) < LARGEST_RECORD for record in _records(service))
    assert not any("message.unknown" in _types(service, client) for client in victims)


async def test_escape_sequences_reach_no_terminal_log_or_topic(
    service: Service, sites: dict[str, Site]
) -> None:
    south = sites["south"]
    victims = clients_of(service, 2)
    with hostile(south, "control", "tlvs"):
        await answered(service, south, *victims)
    shown = await service.command("timeline", "--phone", victims[0].number, "--lang", "en")
    printed = await service.command("events", "--phone", victims[0].number)
    for output in (shown.out, shown.err, printed.out, printed.err, service.log_of("gateway")):
        assert not control_characters_in(output)
    assert "CLIENT sms stop" in shown.out
    assert not any(control_characters_in(each) for each in stored_ids(service, victims))


async def test_an_id_with_the_number_and_the_password_is_stored_nowhere(
    service: Service, sites: dict[str, Site]
) -> None:
    victims = clients_of(service, 2)
    with hostile(sites["south"], "telling"):
        await answered(service, sites["south"], *victims, text="info")
    everything = str(service.events()) + str(_records(service)) + service.log_of("gateway")
    for client in victims:
        assert client.password not in everything
        assert client.number.removeprefix("+") not in str(service.events())
    assert all(each.startswith("sha256-") for each in stored_ids(service, victims))


async def test_a_forged_receipt_counts_for_nobody(service: Service, sites: dict[str, Site]) -> None:
    client = service.new_client()
    with hostile(sites["south"], "forged"):
        await answered(service, sites["south"], client)
        await eventually(
            lambda: _types(service, client).count("message.delivered") == 2,
            lambda: str(_types(service, client)),
        )
    assert "message.undeliverable" not in _types(service, client)


def _types(service: Service, client: Client) -> list[str]:
    return [event.type for event in service.events(client.number)]


def _records(service: Service) -> list[Any]:
    topics = (service.names.receipts, service.names.events)
    return [record for topic in topics for record in service.records(topic)]


# -- floods ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ATTACKS)
async def test_clients_are_answered_while_a_centre_attacks_and_after(
    service: Service, sites: dict[str, Site], kind: str
) -> None:
    north, south = sites["north"], sites["south"]
    logged = len(service.log_of("gateway"))
    ends_link = kind in _SHORT_LIVED
    count = 100 if kind == "large_parts" else PDUS
    binds = south.centre.ledger.counts["bind"]
    per_second = _OCTETS_PER_S if ATTACKS[kind].is_slow else 0
    attacking = Attack(kind=kind, count=count, per_second=per_second)
    attack = asyncio.create_task(south.centre.attack(attacking))
    await answered(service, north, *clients_of(service, 2))
    if ends_link:
        await south.centre.ledger.count("bind", binds + 1)
    await answered(service, south, *clients_of(service, 2))
    await asyncio.wait_for(attack, PATIENCE_S)
    said = service.log_of("gateway")[logged:]
    assert len(said) < MOST_LOGGED, said[:2000]
    assert not control_characters_in(said)


async def test_any_field_of_any_pdu_may_be_hostile(
    service: Service, sites: dict[str, Site], fuzzing: FuzzingCentre
) -> None:
    logged = len(service.log_of("gateway"))
    attack = asyncio.create_task(fuzzing.attack(rounds=3))
    await answered(service, sites["north"], *clients_of(service, 2))
    assert await asyncio.wait_for(attack, PATIENCE_S) > 200
    client = service.new_client()
    text = DeliverSm(
        source_addr_ton=1,
        source_addr=client.number.removeprefix("+"),
        destination_addr="79086228779",
        short_message=b"CLIENT info",
        sequence=1,
    )
    fuzzing.send(encode(text))
    await service.completed(client.number)
    assert fuzzing.submitted >= 2
    assert all(len(each) <= 64 for each in stored_ids(service, [client]))
    said = service.log_of("gateway")[logged:]
    assert len(said) < MOST_LOGGED, said[:2000]
    assert SECRET not in service.log_of("gateway")
    assert not control_characters_in(said)
    assert all(len(record.value) < LARGEST_RECORD for record in _records(service))
    assert all(one.process.returncode is None for one in service.running)


async def test_a_gateway_stops_while_a_centre_attacks(
    service: Service, sites: dict[str, Site]
) -> None:
    attack = Attack(kind="enquiries", count=1_000_000)
    attacking = asyncio.create_task(sites["south"].centre.attack(attack))
    assert await service.stop(service.one("gateway")) == 0
    await asyncio.wait_for(attacking, PATIENCE_S)
