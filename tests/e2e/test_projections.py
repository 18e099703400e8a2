"""What the tables say after conversations with the running service, as the log has it."""

import json
from collections.abc import AsyncIterator

import pytest

from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.queries import ProjectionQueries, Request
from inbound.projections.requests import RequestState
from schemas.events import Command
from tests.fix_service import Service
from tests.forks import Ran

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
async def queries(service: Service) -> AsyncIterator[ProjectionQueries]:
    queries = ProjectionQueries(service.database_url)
    yield queries
    await queries.close()


async def requests_of(service: Service, queries: ProjectionQueries, number: str) -> list[Request]:
    await service.projected()
    return await queries.requests_of(service.events(number)[0].stream_id)


async def scserv(service: Service, *arguments: str) -> Ran:
    return await service.command("projections", *arguments)


async def test_a_conversation_is_found(service: Service, queries: ProjectionQueries) -> None:
    await service.start("projector")
    client = service.new_client()
    await service.text(client.number, "CLIENT info")
    await service.script.replies(client.number)
    await service.text(client.number, "CLIENT sms stop")
    await service.script.replies(client.number, 4)
    await service.completed(client.number, requests=2)
    stop, info = await requests_of(service, queries, client.number)
    assert (stop.command, info.command) == (Command.SMS_STOP, Command.CLIENT_INFO)
    for request in (stop, info):
        assert (request.state, request.late) == (RequestState.FULFILLED, False)
        assert request.acknowledgement.outcome == "submitted"
        assert request.fulfilment
        assert request.fulfilment.outcome == "submitted"
        assert request.acknowledged_at
        assert request.completed_at
        assert request.arrived_at < request.acknowledged_at <= request.completed_at
        assert await queries.find_by_message(request.fulfilment.message_id) == request
    assert service.rows("SELECT may_be_texted, request_id FROM projections.subscriptions") == [
        (False, stop.request_id)
    ]


async def test_a_killed_projector_is_succeeded(
    service: Service, queries: ProjectionQueries
) -> None:
    client = service.new_client()
    await service.kill(service.one("projector"))
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    await service.start("projector", "projector")
    [request] = await requests_of(service, queries, client.number)
    assert request.state is RequestState.FULFILLED


async def test_commands_of_the_operator(service: Service, queries: ProjectionQueries) -> None:
    await service.projected()
    verified = await scserv(service, "verify")
    assert (verified.status, verified.out.count("\n")) == (0, 1), verified.err
    assert verified.out.startswith("projections match the log up to position ")
    listed = await scserv(service, "list", "--json")
    found = [json.loads(line) for line in listed.out.splitlines()]
    assert [one["name"] for one in found] == list(PROJECTIONS)
    assert all(one["has_projector"] and not one["live"]["events"] for one in found)
    service.rows("UPDATE projections.requests SET late = true RETURNING 1")
    verified = await scserv(service, "verify", "requests")
    assert verified.status == 1
    assert ": late is t, by the log it is f" in verified.out
    rebuilt = await scserv(service, "rebuild", "requests")
    assert (rebuilt.status, rebuilt.out) == (0, "rebuilt and live: requests\n")
    assert rebuilt.err.startswith("events into requests\n")
    assert (await scserv(service, "verify")).status == 0
    assert not await queries.search(late=True)
    assert "requests: version 1, position " in (await scserv(service, "list")).out
    wrong = await scserv(service, "rebuild", "request")
    assert wrong.status == 2
    assert "there is no projection 'request'" in wrong.err
