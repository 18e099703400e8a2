"""Who gets in: good tokens, so often, with bodies of such a size. Nobody else learns anything."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from inbound.api.admission import READING
from inbound.api.bodies import MAX_BODY_BYTES, MAX_SENDING_BODY_BYTES
from inbound.api.token_failures import FAILURES
from inbound.api.tokens import new_token
from tests.integration.api.world import NOW, World, assert_problem
from tests.unit.api.serving import serving

PATH = "/v1/resolve"
END_SESSIONS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = %s AND pid <> pg_backend_pid()"
)
BODY = {"subjects": ["5f0f1a52-6b5e-4a58-9df5-0c1f7a0f6c11"], "reason": "ticket 4711"}


async def ask(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(PATH, json=BODY)


async def test_every_invalid_token_gets_the_same_answer(world: World) -> None:
    good, revoked = world.token("resolve"), world.token("resolve")
    expired = world.token("resolve", expires=timedelta(minutes=1))
    revoke = "UPDATE api_tokens SET revoked_at = now() WHERE digest = sha256(%s)"
    world.rows(revoke, revoked.encode())
    world.now += timedelta(minutes=1)
    authorizations = [
        "",
        "Bearer",
        f"Bearer {new_token()}",
        f"Bearer {revoked}",
        f"Bearer {expired}",
        f"Bearer {good}x",
        f"Basic {good}",
        good,
        f"Bearer {good.swapcase()}",
        "Bearer \u00e9",
    ]
    seen = set()
    for authorization in authorizations:
        client = world.client()
        client.headers["Authorization"] = authorization
        response = await ask(client)
        body = assert_problem(response, 401, "unauthorized")
        assert "(mistyped, expired or revoked)" in body["detail"]
        del body["instance"]
        seen.add((json.dumps(body), response.headers["www-authenticate"]))
        assert "ratelimit" not in response.headers
    assert len(seen) == 1
    assert seen.pop()[1].endswith('error="invalid_token"')
    assert (await ask(world.client(good))).status_code == 200


async def test_missing_token_gets_a_challenge(world: World) -> None:
    response = await ask(world.client())
    problem = assert_problem(response, 401, "unauthorized")
    assert problem["detail"].startswith("send `Authorization: Bearer TOKEN`")
    assert response.headers["www-authenticate"] == 'Bearer realm="scserv"'


async def test_without_a_token_every_path_looks_the_same(world: World) -> None:
    client = world.client()
    for method, path in (("GET", "/"), ("GET", "/v1/nothing"), ("PUT", PATH), ("GET", "/docs")):
        assert_problem(await client.request(method, path), 401, "unauthorized")


async def test_the_scheme_is_read_in_either_case(world: World) -> None:
    client = world.client()
    client.headers["Authorization"] = f"bearer  {world.token('resolve')}"
    assert (await ask(client)).status_code == 200


async def test_a_token_expires_at_its_moment(world: World) -> None:
    client = world.client(world.token("resolve", expires=timedelta(minutes=1)))
    world.now += timedelta(seconds=59)
    assert (await ask(client)).status_code == 200
    world.now += timedelta(seconds=1)
    assert_problem(await ask(client), 401, "unauthorized")


async def test_the_last_use_is_written_once_a_minute(world: World) -> None:
    client = world.scoped("resolve", name="often")
    written = []
    for seconds in (0, 59, 61, 62):
        world.now = NOW + timedelta(seconds=seconds)
        await ask(client)
        written += world.rows("SELECT last_used_at FROM api_tokens WHERE name = 'often'")
    late = NOW + timedelta(seconds=61)
    assert written == [(NOW,), (NOW,), (late,), (late,)]


async def test_a_token_is_nowhere_in_the_database(world: World) -> None:
    token = world.token("resolve")
    rows = world.rows("SELECT api_tokens::text FROM api_tokens")
    assert rows
    assert token.removeprefix("scs_") not in str(rows)


@pytest.fixture
async def slow_world(shared_url: str) -> AsyncIterator[World]:
    made = World(shared_url, per_minute=60)
    yield made
    await made.close()


async def test_rate_limit_per_token(slow_world: World) -> None:
    world = slow_world
    client, other = world.scoped("resolve"), world.scoped("resolve")
    answers = [await ask(client) for _ in range(60)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].headers["ratelimit-policy"] == '"token";q=60;w=60'
    assert answers[0].headers["ratelimit"] == '"token";r=59;t=1'
    assert answers[-1].headers["ratelimit"] == '"token";r=0;t=60'
    refused = await ask(client)
    assert_problem(refused, 429, "rate-limited")
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["ratelimit"] == '"token";r=0;t=60'
    assert (await ask(other)).status_code == 200  # one caller does not crowd out the others
    world.monotonic += 1
    assert (await ask(client)).status_code == 200
    assert_problem(await ask(client), 429, "rate-limited")


async def test_a_body_has_a_size(world: World) -> None:
    client = world.scoped("resolve")
    largest = json.dumps(BODY).ljust(MAX_BODY_BYTES).encode()
    headers = {"Content-Type": "application/json"}
    assert (await client.post(PATH, content=largest, headers=headers)).status_code == 200
    said = await client.post(PATH, content=largest + b" ", headers=headers)
    assert_problem(said, 413, "too-large")

    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1024 + 1):
            yield b" " * 1024

    found_out = await client.post(PATH, content=in_pieces(), headers=headers)
    assert "content-length" not in found_out.request.headers
    assert_problem(found_out, 413, "too-large")


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_the_client_of_a_body_that_is_too_large_gets_the_answer(
    world: World, *, is_chunked: bool
) -> None:
    """Over a real socket: a connection that is closed while its client sends is reset."""
    body = b"[" + b" " * 3 * MAX_SENDING_BODY_BYTES + b"]"

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1 << 16):
            yield body[start : start + (1 << 16)]

    headers = {"Authorization": f"Bearer {world.token('send')}", "Content-Type": "application/json"}
    async with serving(world.app) as (made, _), httpx.AsyncClient(headers=headers) as client:
        content = in_pieces() if is_chunked else body
        answer = await client.post(f"http://127.0.0.1:{made.port}/v1/messages", content=content)
    assert_problem(answer, 413, "too-large")


async def test_concurrent_requests_are_limited(world: World) -> None:
    clients = [world.scoped("resolve") for _ in range(3)]
    answers = await asyncio.gather(*(ask(clients[n % 3]) for n in range(3 * READING.requests)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= READING.requests
    busy = answers[statuses.index(503)]
    assert_problem(busy, 503, "unavailable")
    assert busy.headers["retry-after"] == "1"
    assert (await ask(clients[0])).status_code == 200


async def test_one_token_leaves_room_for_others(world: World) -> None:
    greedy, other = world.scoped("resolve"), world.scoped("resolve")
    asked = [ask(greedy) for _ in range(READING.requests - 1)]
    *answers, honest = await asyncio.gather(*asked, ask(other))
    assert honest.status_code == 200
    assert {answer.status_code for answer in answers} == {200, 503}


async def test_guesses_are_throttled(world: World) -> None:
    good, guessing = world.scoped("resolve"), world.client()
    assert (await ask(good)).status_code == 200
    answers = []
    for _ in range(FAILURES + 5):
        guessing.headers["Authorization"] = f"Bearer {new_token()}"
        answers.append(await ask(guessing))
    statuses = [answer.status_code for answer in answers]
    assert statuses[:FAILURES] == [401] * FAILURES
    assert 429 in statuses
    refused = answers[statuses.index(429)]
    assert_problem(refused, 429, "too-many-failures")
    assert int(refused.headers["retry-after"]) >= 1
    assert (await ask(good)).status_code == 200


async def test_the_database_away_is_503_and_back_is_200(lone_world: World) -> None:
    world = lone_world
    client = world.scoped("resolve")
    assert (await ask(client)).status_code == 200
    name = conninfo_to_dict(world.url)["dbname"]
    with psycopg.connect(make_conninfo(world.url, dbname="postgres"), autocommit=True) as conn:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        conn.execute(allow.format(sql.Identifier(str(name)), sql.SQL("false")))
        conn.execute(END_SESSIONS, [name])
        away = await ask(client)
        body = assert_problem(away, 503, "unavailable")
        assert away.headers["retry-after"] == "5"
        assert str(name) not in away.text, "who asks need not know our machines"
        assert body["detail"] == (
            "the database does not answer; ask again after the seconds in `Retry-After`"
        )
        conn.execute(allow.format(sql.Identifier(str(name)), sql.SQL("true")))
    assert (await ask(client)).status_code == 200


async def test_connections_lost_while_idle_are_not_noticed_outside(lone_world: World) -> None:
    world = lone_world
    [one] = await world.people(clients=1)
    client = world.scoped("resolve")
    body = {"subjects": [str(one.subject_id)], "reason": "ticket 4711"}
    assert (await client.post(PATH, json=body)).status_code == 200
    pool = world.sources.pool
    pool._idle = deque((conn, used_at - 3600) for conn, used_at in pool._idle)
    with psycopg.connect(world.url, autocommit=True) as conn:
        conn.execute(END_SESSIONS, [conn.info.dbname])
    answer = await client.post(PATH, json=body)
    assert answer.json()["clients"][0]["client_id"] == one.client_id
