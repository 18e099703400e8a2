"""`scserv tokens`: made once, listed without themselves, revoked at once, all of it recorded."""

import json

import click
import pytest
from click.testing import CliRunner, Result

from inbound.cli.tokens import tokens
from inbound.errors import SetupError
from tests.integration.api.world import NOW, World

BODY = {"subjects": ["5f0f1a52-6b5e-4a58-9df5-0c1f7a0f6c11"], "reason": "ticket 4711"}


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> "Run":
    monkeypatch.setenv("SCSERV_DATABASE_URL", world.url)
    monkeypatch.setattr("inbound.cli.tokens.utc_now", lambda: world.now)
    monkeypatch.setattr("inbound.cli.tokens.os_user", lambda: "anna")
    return Run(str(tmp_path))


class Run:
    """The command line, without a process of its own."""

    def __init__(self, data_dir: str) -> None:
        self._data_dir = data_dir

    def __call__(self, command: str, *arguments: str) -> Result:
        argv = [command, *arguments, "--data-dir", self._data_dir]
        result = CliRunner().invoke(tokens, argv, standalone_mode=False)
        if result.exception:
            raise result.exception
        return result


async def test_a_token_is_shown_once_works_and_is_revoked(world: World, run: Run) -> None:
    scopes = ["--scope", "resolve", "--scope", "read", "--scope", "read"]
    made = run("create", "--name", "crm", *scopes)
    token = made.stdout.strip()
    assert token.startswith("scs_")
    assert made.stderr.startswith("crm: resolve, read, valid until 2024-08-30 03:00 Europe/Moscow")
    client = world.client(token)
    assert (await client.post("/v1/resolve", json=BODY)).status_code == 200
    listed = run("list").stdout
    assert (
        "crm  resolve, read  valid until 2024-08-30 03:00 Europe/Moscow, last used 2024-06-01"
        in listed
    )
    assert token not in listed
    assert run("revoke", "crm").stdout == "revoked crm\n"
    assert (await client.post("/v1/resolve", json=BODY)).status_code == 401
    assert "crm  resolve, read  revoked 2024-06-01 03:00 Europe/Moscow" in run("list").stdout
    entries = [entry for entry in world.audit() if entry[0] == "anna"]
    assert entries == [
        ("anna", "tokens.create", None, "crm: resolve, read"),
        ("anna", "tokens.revoke", None, "crm"),
    ]


def test_a_token_for_ever_and_one_for_a_while(world: World, run: Run) -> None:
    run("create", "--name", "short", "--scope", "read", "--expires", "30m")
    run("create", "--name", "long", "--scope", "read", "--expires", "never")
    lines = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    states = {line["name"]: (line["expires_at"], line["state"]) for line in lines}
    assert states["short"] == ("2024-06-01T00:30:00Z", "valid")
    assert states["long"] == (None, "valid")
    world.now = NOW.replace(hour=1)
    assert "short  read  expired 2024-06-01 03:30 Europe/Moscow" in run("list").stdout


def test_a_name_stands_for_one_good_token(run: Run) -> None:
    run("create", "--name", "twice", "--scope", "read")
    with pytest.raises(SetupError, match="a token 'twice' exists"):
        run("create", "--name", "twice", "--scope", "read")
    run("revoke", "twice")
    run("create", "--name", "twice", "--scope", "read")


@pytest.mark.parametrize("name", ["", "+79161234567", "backend 79161234567", "x" * 65, "a b", "-x"])
def test_a_name_is_short_and_no_number(run: Run, name: str) -> None:
    with pytest.raises(SetupError, match="--name: use"):
        run("create", f"--name={name}", "--scope", "read")


def test_what_does_not_fit_is_refused(run: Run) -> None:
    with pytest.raises(SetupError, match="--expires: use a number"):
        run("create", "--name", "x", "--scope", "read", "--expires", "soon")
    with pytest.raises(SetupError, match="no valid token has this name"):
        run("revoke", "nobody")
    with pytest.raises(click.BadParameter):
        run("create", "--name", "x", "--scope", "everything")
    with pytest.raises(click.MissingParameter):
        run("create", "--name", "x")
