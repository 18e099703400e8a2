"""Hostile characters wherever a peer can put them: no command, log or answer shows one raw.

An SMS centre puts them into the fields of every PDU, a phone into its texts, a program with access
to Kafka into records that can't be processed, and a person into the table of clients. Then every
command that shows something runs, and every path of the API is asked.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from kafka import KafkaProducer

from inbound.smpp.address import number_to_address
from tests import forks
from tests.e2e.test_hostile_centre import hostile
from tests.e2e.test_two_centres import Site
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import Client, Service, eventually, free_port, open_service
from tests.hostile_text import HOSTILE, unprintable_in
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.drill, pytest.mark.asyncio(loop_scope="module")]

WHY = ("--reason", "a test of this release")
LOGGING = ("gateway", "worker", "relay", "projector", "api")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
) -> AsyncIterator[Service]:
    environment = {
        "SCSERV_API__PORT": str(free_port()),
        "SCSERV_POLICIES__REGISTRATIONS_PER_HOUR": "1",
    }
    async with open_service(
        tmp_path_factory.mktemp("characters"),
        postgres_server.url,
        kafka_server.bootstrap,
        environment,
    ) as service:
        await service.start("projector", "api")
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def victim(service: Service) -> Client:
    """A client about whom everything is stored that a peer can choose."""
    clients = [service.new_client() for _ in range(2)]
    site = Site("main", service.centre, service.script)
    with hostile(site, "control", "tlvs"):
        for command in ("sms stop", "info"):
            service.deliver(clients[0].number, f"CLIENT {command}")
        await service.completed(clients[0].number, requests=2)
        service.deliver(clients[1].number, "CLIENT info")
        await eventually(
            lambda: service.value("SELECT count(*) FROM held_registrations") == 1,
            lambda: "no registration is held",
        )
    body = HOSTILE.encode("utf-16-be")
    await service.text(clients[0].number, body, data_coding=8)
    await service.text(clients[0].number, f"CLIENT {HOSTILE}".encode("latin-1", "replace"))
    for source in (HOSTILE[:20], "\x1b[2J"):
        await service.deliver(source, body, data_coding=8)
    await service.text(
        clients[0].number, "CLIENT sms start", service_type="\x1b[1m", destination_addr=HOSTILE[:20]
    )
    _write_poison(service)
    await eventually(
        lambda: service.value("SELECT count(*) FROM dead_letters") >= 2,
        lambda: "the poison is not set aside",
    )
    await eventually(
        lambda: service.value("SELECT count(*) FROM rejected_mos") >= 2,
        lambda: "no rejected text is recorded",
    )
    await service.projected()
    return clients[0]


def _write_poison(service: Service) -> None:
    """Write records that can't be processed, as a program that reaches Kafka could."""
    octets = HOSTILE.encode()
    to = number_to_address("+79086228779").addr
    value = json.dumps({"mo_id": HOSTILE, "centre": HOSTILE, "destination": to}).encode()
    with KafkaProducer(bootstrap_servers=service.bootstrap) as producer:
        for topic in (service.names.mo, service.names.receipts):
            for record in (octets, value):
                producer.send(topic, record, octets, headers=[(HOSTILE, octets)]).get(
                    timeout=PATIENCE_S
                )


async def shown(service: Service, *arguments: str) -> forks.Ran:
    ran = await service.command(*arguments)
    for output in (ran.out, ran.err):
        assert not unprintable_in(output), (arguments, output)
        assert "Traceback" not in output, (arguments, output)
    return ran


async def test_every_command_that_shows_something_escapes_it(
    service: Service, victim: Client
) -> None:
    accepted = next(e for e in service.events(victim.number) if e.type == "request.accepted")
    request, subject = accepted.data["request_id"], str(accepted.stream_id)
    letter = str(service.value("SELECT min(id) FROM dead_letters"))
    phone = ("--phone", victim.number)
    commands: list[tuple[str, ...]] = [
        *(("timeline", *phone, "--lang", lang) for lang in ("en", "ru")),
        ("timeline", *phone, "--json", "--reveal", "a test of this release"),
        ("timeline", "--request", request),
        ("timeline", "--message-id", HOSTILE),
        ("timeline", "--trace", "0" * 31 + "1"),
        ("events", *phone),
        ("events", "--subject", subject),
        ("binds",),
        ("binds", "--json"),
        ("registrations", "status"),
        ("registrations", "list"),
        ("registrations", "list", "--json", "--reveal", "a test of this release"),
        ("deadletters", "list"),
        ("deadletters", "list", "--json"),
        ("deadletters", "list", "--reason-like", HOSTILE),
        ("deadletters", "show", letter),
        ("deadletters", "show", letter, "--reveal", "a test of this release"),
        ("deadletters", "show", letter, "--json", "--reveal", "a test of this release"),
        ("deadletters", "retry", letter, "--yes"),
        ("projections", "list"),
        ("projections", "verify"),
        ("log", "verify"),
        ("log", "export", f"{HOSTILE.replace('/', '')}.ndjson.zst"),
        ("replay", "diff", "--since", "1d"),
        ("replay", "diff", "--since", "1d", "--json"),
        ("replay", "publish", "--to-topic", HOSTILE, "--since", "1d"),
        ("subscriptions", "undo-stops", "--since", "1d", "--until", "0s", "--dry-run", *WHY),
        ("notify", *phone, "--text", HOSTILE, "--once", HOSTILE),
        ("notify", *phone, "--template", HOSTILE, "--field", f"{HOSTILE}={HOSTILE}", "--json"),
        *(
            ("broadcast", "create", "--text", HOSTILE, "--name", name, "--audience", audience)
            for name, audience in ((HOSTILE, "all"), ("Spring", "all"), ("Spring", HOSTILE))
        ),
        ("broadcast", "show", HOSTILE),
        ("broadcast", "list"),
        ("tokens", "create", "--name", HOSTILE, "--scope", "read"),
        ("tokens", "revoke", HOSTILE),
        ("tokens", "list"),
        ("registrations", "refuse", "--all", "--reason", HOSTILE),
        ("registrations", "off", "--reason", HOSTILE),
        ("erase", *phone, "--reason", HOSTILE, "--yes"),
        ("deadletters", "discard", "--all", "--yes", "--reason", HOSTILE),
        ("settings",),
        ("erasures",),
        ("audit",),
        ("audit", "--json"),
    ]
    poison = await shown(
        service, "deadletters", "show", letter, "--reveal", "a test of this release"
    )
    assert "1b]0;owned" in poison.out, "the poison is shown, escaped"
    for arguments in commands:
        await shown(service, *arguments)


async def test_a_table_with_hostile_names_and_cells_is_shown_escaped(
    service: Service, tmp_path: Path
) -> None:
    names = "msisdn,client_id,personal_code,login,password"
    cells = ",".join(f'"{HOSTILE}"' for _ in range(5))
    for n, text in enumerate(
        (
            f"{names}\n+79160000001,{HOSTILE[2:9]},1,{HOSTILE[:5]},p\n{cells}\n",
            f'{names},"{HOSTILE}"\n{cells},{HOSTILE[:6]}\n',
            f'"{HOSTILE}",client_id\n{cells}\n',
        )
    ):
        path = tmp_path / f"{HOSTILE.replace('/', '')[:20]}{n}.csv"
        path.write_text(text, "utf-8", newline="")
        await shown(service, "clients", "import", str(path), "--yes")
        await shown(service, "clients", "cases", str(path))


async def test_every_log_is_printable(service: Service, victim: Client) -> None:
    for role in LOGGING:
        assert not unprintable_in(service.log_of(role)), role  # type: ignore[arg-type]


async def test_every_answer_of_the_api_is_printable(service: Service, victim: Client) -> None:
    port = service.extra_environment["SCSERV_API__PORT"]
    scopes = [f"--scope={scope}" for scope in ("read", "resolve", "reveal")]
    token = (await service.command("tokens", "create", "--name", "desk", *scopes)).out.strip()
    headers = {"Authorization": f"Bearer {token}", "Reveal-Reason": "a test of this release"}
    event = next(e for e in service.events(victim.number) if e.type == "request.accepted")
    request, subject = event.data["request_id"], event.stream_id
    paths = (
        *(
            "/openapi.json",
            "/v1/requests",
            f"/v1/requests/{request}",
            f"/v1/messages/{UUID(int=1)}",
        ),
        *(f"/v1/subjects/{subject}/timeline", f"/v1/subjects/{subject}/subscription"),
        *("/v1/clients/C0/subscription", f"/v1/clients/{'%1b%9b%E2%80%AE'}/subscription"),
        *(f"/v1/traces/{'0' * 32}", "/v1/%1b%5b2J", "/v1/requests?centre=%1b%c2%9b", "/%0d%0a"),
    )
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE_S
    ) as client:
        answers = [await client.get(path) for path in paths]
        answers += [
            await client.post("/v1/timeline", json=body)
            for body in ({"number": victim.number}, {"number": HOSTILE}, {HOSTILE: HOSTILE})
        ]
        asked = {"subjects": [str(subject)], "reason": HOSTILE}
        answers.append(await client.post("/v1/resolve", json=asked))
    assert sum(answer.status_code == 200 for answer in answers) >= 5
    for answer in answers:
        assert answer.status_code < 500
        shown_headers = "".join(f"{k}{v}" for k, v in answer.headers.items())
        assert not unprintable_in(answer.text + shown_headers), (answer.url, answer.text)
