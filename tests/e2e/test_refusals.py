"""What commands and the HTTP API say when they refuse: never a secret, never a whole number.

Operators paste what a terminal says into tickets, and answers of the API end in the logs of
others. So an error names the field, the line and the rule, and not what stood there.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.canaries import Canaries
from tests.fix_service import Client, Service, eventually, free_port
from tests.forks import Ran
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE, LOGIN, PASSWORD, KEY = "kod-canary", "login-canary", "parol-canary", "key-canary"
NUMBER, OTHER = "+79255550301", "+79255550302"
SECRETS = Canaries(CODE, LOGIN, PASSWORD, KEY)
EVERYTHING = Canaries(CODE, LOGIN, PASSWORD, KEY, NUMBER[1:], OTHER[1:])
HEADER = "msisdn,client_id,personal_code,login,password"
GOOD = f"{NUMBER},C1,{CODE},{LOGIN},{PASSWORD}"


def said(ran: Ran) -> bytes:
    """Return everything that a command has printed; it must not have failed by surprise."""
    assert "Traceback" not in ran.err, ran.err
    return (ran.out + ran.err).encode()


# -- clients import -------------------------------------------------------------------------

BAD_LINES = {
    "a column too few": f"{NUMBER},C1,{CODE},{PASSWORD}",
    "a column too many": f"{GOOD},{PASSWORD}",
    "another order": f"{PASSWORD},C1,{CODE},{LOGIN},{NUMBER}",
    "the number in the wrong column": f"{LOGIN},{NUMBER},{CODE},{LOGIN},{PASSWORD}",
    "semicolons": GOOD.replace(",", ";"),
    "an open quote": f'{NUMBER},C1,{CODE},{LOGIN},"{PASSWORD}',
    "a quote inside": f'{NUMBER},C1,{CODE},{LOGIN},"{PASSWORD}"x',
    "a number with letters": f"{NUMBER}{CODE},C1,{CODE},{LOGIN},{PASSWORD}",
    "a number too long": f"{NUMBER}12345678,C1,{CODE},{LOGIN},{PASSWORD}",
    "a secret too long": f"{NUMBER},C1,{CODE},{LOGIN},{PASSWORD * 40}",
    "a control character": f"{NUMBER},C1,{CODE},{LOGIN},{PASSWORD}\x07",
    "a NUL": f"{NUMBER},C1,{CODE},{LOGIN},{PASSWORD}\0",
    "an escape": f"{NUMBER},C1,{CODE}\x1b[2J,{LOGIN},{PASSWORD}",
    "a blank at the end": f"{NUMBER},C1,{CODE},{LOGIN},{PASSWORD} ",
    "a decimal point": f"{NUMBER[:-1]}.0,C1,{CODE},{LOGIN},{PASSWORD}",
    "a formula": f'{NUMBER},C1,{CODE},{LOGIN},"=""{PASSWORD}"""',
    "an apostrophe": f"{NUMBER},C1,{CODE},{LOGIN},'{PASSWORD}",
}
BAD_FILES = {
    "no header": f"{GOOD}\n".encode(),
    "another header": f"{PASSWORD},{LOGIN}\n{GOOD}\n".encode(),
    "part of a header": f"msisdn,login,{PASSWORD}\n{GOOD}\n".replace(PASSWORD, "x", 1).encode(),
    "a wrong byte": f"\ufeff{HEADER}\n{GOOD}\n".encode() + b"\xff",
    "a web page": f"<html><td>{PASSWORD}</td></html>".encode(),
    "a damaged workbook": b"PK\x03\x04" + GOOD.encode(),
    "an endless line": f"{HEADER}\n{NUMBER},{PASSWORD * 10_000}\n".encode(),
}


@pytest.mark.parametrize("kind", BAD_LINES)
async def test_a_bad_line_is_named_by_its_place(
    service: Service, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "clients.csv"
    path.write_bytes(f"{HEADER}\n{BAD_LINES[kind]}\n".encode())
    ran = await service.command("clients", "import", str(path))
    assert ran.status == 1, ran.err
    assert b"line 2, " in said(ran)
    assert not EVERYTHING.sing_in(said(ran))


@pytest.mark.parametrize("kind", BAD_FILES)
async def test_a_bad_file_is_refused_without_its_content(
    service: Service, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "clients.csv"
    path.write_bytes(BAD_FILES[kind])
    ran = await service.command("clients", "import", str(path))
    assert ran.status == 2
    assert not EVERYTHING.sing_in(said(ran))


async def test_a_number_that_stands_twice_is_masked(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n{GOOD}x\n", "utf-8")
    ran = await service.command("clients", "import", str(path))
    assert ran.status == 1
    assert b"line 2, +7925*****01: msisdn: is in line 3 with other data" in said(ran)
    assert b"line 3, +7925*****01: msisdn: is in line 2 with other data" in said(ran)
    assert not EVERYTHING.sing_in(said(ran))


# -- other commands -------------------------------------------------------------------------

WRONG = f"{NUMBER}x"
COMMANDS: Mapping[str, Sequence[str]] = {
    "erase nobody": ("erase", "--phone", OTHER, "--reason", "asked", "--yes"),
    "erase what is no number": ("erase", "--phone", WRONG, "--reason", "asked", "--yes"),
    "erase for a number": ("erase", "--phone", NUMBER, "--reason", f"asked by {NUMBER}", "--yes"),
    "erase without a yes": ("erase", "--phone", NUMBER, "--reason", "asked"),
    "timeline of nobody": ("timeline", "--phone", OTHER),
    "timeline of no number": ("timeline", "--phone", WRONG),
    "timeline of no request": ("timeline", "--request", NUMBER),
    "timeline of no trace": ("timeline", "--trace", PASSWORD),
    "timeline of no message": ("timeline", "--message-id", PASSWORD),
    "timeline for a number": ("timeline", "--phone", NUMBER, "--reveal", f"asked by {NUMBER}"),
    "text from no number": ("text", WRONG, PASSWORD),
    "a dead letter that is not": ("deadletters", "show", "4711"),
    "dead letters for a number": (
        "deadletters",
        "discard",
        "--all",
        "--yes",
        "--reason",
        f"of {NUMBER}",
    ),
    "dead letters of no such reason": ("deadletters", "list", "--reason-like", PASSWORD),
    "a token for a number": ("tokens", "create", "--name", NUMBER, "--scope", "read"),
    "a token that is none": ("tokens", "revoke", PASSWORD),
    "a centre as a URL": ("up", "--smsc", f"smpp://user:{PASSWORD}@127.0.0.1:2775"),
}


@pytest.mark.parametrize("kind", COMMANDS)
async def test_a_command_refuses_without_repeating_what_it_was_given(
    service: Service, kind: str
) -> None:
    ran = await service.command(*COMMANDS[kind])
    assert said(ran).strip(), "nothing was said"
    assert not EVERYTHING.sing_in(said(ran)), said(ran)


SETTINGS = {
    "SCSERV_VAULT_KEY": KEY,
    "SCSERV_SUBJECT_KEY": KEY,
    "SCSERV_DATABASE_URL": f"postgresql://u:p@{PASSWORD}@127.0.0.1:1/x",
    "SCSERV_SMPP__PASSWORD": PASSWORD,  # of 9 octets and more (SMPP 3.4, 4.1.1)
}


@pytest.mark.parametrize("role", ["gateway", "worker", "api", "timeline"])
@pytest.mark.parametrize("variable", SETTINGS)
async def test_a_setting_that_does_not_fit_is_named_and_not_told(
    service: Service, variable: str, role: str
) -> None:
    words = (role, "--phone", OTHER) if role == "timeline" else (role,)
    before = service.extra_environment.copy()
    service.extra_environment[variable] = SETTINGS[variable]
    try:
        ran = await service.command(*words)
    finally:
        service.extra_environment = before
    assert ran.status == 2, said(ran)
    assert not EVERYTHING.sing_in(said(ran)), said(ran)


# -- the HTTP API ---------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token for everything."""
    port = free_port()
    service.extra_environment["SCSERV_API__PORT"] = str(port)
    service.import_clients([Client(NUMBER, CODE, LOGIN, PASSWORD)])
    await service.start("api")
    scopes = [f"--scope={scope}" for scope in ("read", "resolve", "reveal")]
    made = await service.command("tokens", "create", "--name", "desk", *scopes)
    headers = {"Authorization": f"Bearer {made.out.strip()}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE_S
    ) as client:
        yield client


MARK = f"{NUMBER} {PASSWORD}"
JSON = {"Content-Type": "application/json"}
ASKED: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "a path": ("GET", f"/v1/{PASSWORD}/{NUMBER}", {}),
    "a request's id": ("GET", f"/v1/requests/{NUMBER}", {}),
    "a trace": ("GET", f"/v1/traces/{PASSWORD}", {}),
    "a message's id": ("GET", f"/v1/messages/{PASSWORD}", {}),
    "a subject": ("GET", f"/v1/subjects/{NUMBER}/timeline", {}),
    "a client's id": ("GET", f"/v1/clients/{PASSWORD}/subscription", {}),
    "a query": ("GET", "/v1/requests", {"params": {"phone": NUMBER, MARK: "1"}}),
    "a value in a query": ("GET", "/v1/requests", {"params": {"since": MARK, "limit": MARK}}),
    "a method": ("PAROL-CANARY", "/v1/timeline", {}),
    "a body": ("POST", "/v1/timeline", {"json": {"phone": MARK, MARK: MARK, "lang": MARK}}),
    "a number of nobody": ("POST", "/v1/timeline", {"json": {"phone": OTHER}}),
    "a number as a number": ("POST", "/v1/timeline", {"json": {"phone": int(NUMBER)}}),
    "a reason": ("POST", "/v1/timeline", {"json": {"phone": NUMBER, "reveal_reason": MARK}}),
    "no JSON": ("POST", "/v1/timeline", {"content": f'{{"phone": "{MARK}', "headers": JSON}),
    "no JSON at all": ("POST", "/v1/timeline", {"content": MARK}),
    "a header": ("GET", "/v1/requests", {"headers": {"Reveal-Reason": MARK, "X-Request-Id": MARK}}),
    "a token": ("GET", "/v1/requests", {"headers": {"Authorization": f"Bearer {MARK}"}}),
    "a login": ("GET", "/v1/requests", {"auth": (LOGIN, PASSWORD)}),
}


@pytest.mark.parametrize("place", ASKED)
async def test_the_api_repeats_nothing(api: httpx.AsyncClient, place: str) -> None:
    method, path, more = ASKED[place]
    answer = await api.request(method, path, **more)
    headers = b"\n".join(name + value for name, value in answer.headers.raw)
    assert not EVERYTHING.sing_in(answer.content + b"\n" + headers), answer.text


async def test_invalid_http_is_not_repeated(api: httpx.AsyncClient, service: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.base_url.port)
    writer.write(f"{MARK} HTTP/9\r\n{MARK}\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE_S):
        assert not EVERYTHING.sing_in(await reader.read())
    writer.close()
    await writer.wait_closed()


async def test_api_log_contains_no_secret(api: httpx.AsyncClient, service: Service) -> None:
    before = service.log_of("api").count("\n")
    for method, path, more in ASKED.values():
        await api.request(method, path, **more)
    # A request is logged once it has been answered.
    await eventually(
        lambda: service.log_of("api").count("\n") >= before + len(ASKED),
        lambda: "a line for each request",
    )
    assert not EVERYTHING.sing_in(service.log_of("api").encode())
