"""A text goes in; over HTTP the request, its steps and whose it was come out."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from inbound.parsers.numbers import mask
from tests.fix_service import Client, Service, eventually, free_port
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE, LOGIN, PASSWORD = "code-canary-7", "login-canary-8", "pass-canary-9"


async def scserv(service: Service, *arguments: str) -> str:
    """Run a command of the operator; return what it printed."""
    ran = await service.command(*arguments)
    assert ran.status == 0, ran.err
    return ran.out.strip()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token for everything, and the service with an API and a projector."""
    port = free_port()
    service.extra_environment["SCSERV_API__PORT"] = str(port)
    await service.start("projector", "api")
    scopes = [f"--scope={scope}" for scope in ("read", "resolve", "reveal")]
    token = await scserv(service, "tokens", "create", "--name", "desk", *scopes)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE_S
    ) as client:
        yield client


async def text(service: Service, client: Client, command: str) -> None:
    """Text as a client does, and wait for both replies."""
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        await phone.text(command)
        for _ in range(2):
            await phone.receive()
    await service.completed(client.number)


def subject_of(service: Service, number: str) -> UUID:
    return service.events(number)[0].stream_id


async def test_number_without_texts_is_explained(service: Service, api: httpx.AsyncClient) -> None:
    client = service.new_client(personal_code=CODE, login=LOGIN, password=PASSWORD)
    await text(service, client, "CLIENT info")
    answer = await api.post("/v1/timeline", json={"phone": client.number, "lang": "en"})
    assert answer.status_code == 200, answer.text
    timeline = answer.json()
    assert timeline["number"] == mask(client.number)
    assert timeline["sentence"].startswith("Your text with the command CLIENT info reached us")
    [request] = timeline["requests"]
    assert request["clock"]["state"] == "kept"
    by_id = (await api.get(f"/v1/requests/{request['request_id']}")).json()
    assert by_id["requests"][0]["request_id"] == request["request_id"]
    assert not [one for one in (CODE, LOGIN, PASSWORD, client.number) if one in answer.text]


async def test_a_stop_is_seen_by_client_and_by_subject(
    service: Service, api: httpx.AsyncClient
) -> None:
    client = service.new_client()
    await text(service, client, "CLIENT sms stop")
    await service.projected()
    subject = subject_of(service, client.number)
    state = (await api.get(f"/v1/subjects/{subject}/subscription")).json()
    assert state["may_be_texted"] is False
    found = await api.post("/v1/resolve", json={"subjects": [str(subject)], "reason": "e2e"})
    [resolved] = found.json()["clients"]
    of_client = await api.get(f"/v1/clients/{resolved['client_id']}/subscription")
    states = {one["phone"]: one["may_be_texted"] for one in of_client.json()["numbers"]}
    assert states[mask(client.number)] is False
    search = await api.get("/v1/requests", params={"subject": str(subject)})
    assert [one["request_id"] for one in search.json()["requests"]] == [state["request_id"]]
    assert f"desk, resolve, subject {subject}: e2e" in await scserv(service, "audit")


async def test_a_revealed_number_stands_in_the_answer_and_nowhere_else(
    service: Service, api: httpx.AsyncClient
) -> None:
    client = service.new_client()
    await text(service, client, "CLIENT sms stop")
    body = {"phone": client.number, "reveal_reason": "ticket 4711"}
    answer = await api.post("/v1/timeline", json=body)
    assert answer.json()["number"] == client.number
    wrong = await api.get("/v1/requests", params={"phone": client.number})
    assert wrong.status_code == 422
    digits = client.number.removeprefix("+")
    assert digits not in wrong.text
    # A request is logged once it has been answered.
    await eventually(
        lambda: "GET /v1/requests 422" in service.log_of("api"), lambda: service.log_of("api")
    )
    log = service.log_of("api")
    assert "POST /v1/timeline 200" in log
    assert digits not in log
    assert digits not in str(service.rows("SELECT * FROM audit"))


async def test_a_text_that_was_no_command_is_explained(
    service: Service, api: httpx.AsyncClient
) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT info please")

    async def misses() -> list[str]:
        answer = await api.post("/v1/timeline", json={"phone": client.number})
        return [miss["kind"] for miss in answer.json()["misses"]]

    async with asyncio.timeout(PATIENCE_S):
        while await misses() != ["extra_words"]:  # noqa: ASYNC110  an answer tells only who asks
            await asyncio.sleep(0.05)


async def test_shutdown_is_orderly_and_a_revoked_token_is_refused(
    service: Service, api: httpx.AsyncClient
) -> None:
    await scserv(service, "tokens", "revoke", "desk")
    assert (await api.get("/v1/requests")).status_code == 401
    assert await service.stop(service.one("api")) == 0
