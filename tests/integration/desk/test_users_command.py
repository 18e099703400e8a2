"""`scserv users`, and the user that `scserv up` makes: who gets in, and what is recorded."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inbound.cli.users import users
from inbound.desk.identity.passwords import fits
from inbound.desk.roles import Role
from inbound.errors import SetupError
from inbound.local import administrator
from inbound.local.administrator import FILE, prepare_administrator
from inbound.store.access.approval_rules import needs_second_person
from inbound.store.connections import connect
from tests.fix_store import SUBJECT_KEY
from tests.integration.desk.world import DeskWorld

Run = Callable[..., Result]


@pytest.fixture
def run(desk_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("SCSERV_DATABASE_URL", desk_url)
    monkeypatch.setenv("SCSERV_SUBJECT_KEY", SUBJECT_KEY.hex())
    monkeypatch.setattr("inbound.cli.users.os_user", lambda: "anna")

    def run(*arguments: str) -> Result:
        argv = [*arguments, "--data-dir", str(tmp_path)]
        result = CliRunner().invoke(users, argv, standalone_mode=False)
        if result.exception:
            raise result.exception
        return result

    return run


async def test_a_user_is_created_gets_in_is_renewed_and_disabled(
    world: DeskWorld, run: Run
) -> None:
    made = run("create", "ivanova", "--role", "support", "--role", "editor")
    password = made.stdout.strip()
    assert made.stderr.startswith("ivanova may sign in: support, editor\n")
    browser = world.browser()
    page = await browser.sign_in("ivanova", password)
    assert page.path == "/account"
    assert "support" in page.text
    assert "ivanova  editor, support  last seen 2024-05-17 15:00 Europe/Moscow, 1 session" in (
        run("list").stdout
    )
    renewed = run("password", "ivanova")
    assert "ivanova has a new password; 1 session ended" in renewed.stderr
    assert (await browser.open("/account")).path == "/sign-in"
    assert (await browser.sign_in("ivanova", password)).status == 403
    assert (await browser.sign_in("ivanova", renewed.stdout.strip())).path == "/account"
    assert run("disable", "ivanova").stdout == "disabled ivanova; 1 session ended\n"
    assert (await browser.open("/account")).path == "/sign-in"
    assert (await browser.sign_in("ivanova", renewed.stdout.strip())).status == 403
    listed = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    [found] = [user for user in listed if user["name"] == "ivanova"]
    assert found["state"] == "disabled"
    assert not any("hash" in name for name in found)
    assert world.audit("anna")[-3:] == [
        "desk.create_user",
        "desk.reset_password",
        "desk.disable_user",
    ]


async def test_a_password_of_a_file_is_not_printed(
    world: DeskWorld, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("seven green umbrellas\n", "utf-8")
    made = run("create", "petrova", "--role", "viewer", "--password-file", str(file))
    assert made.stdout == ""
    assert "umbrellas" not in made.stderr
    assert (await world.browser().sign_in("petrova", "seven green umbrellas")).path == "/account"


async def test_roles_are_replaced_and_a_disabled_user_is_enabled(
    world: DeskWorld, run: Run
) -> None:
    password = run("create", "smirnova", "--role", "viewer").stdout.strip()
    changed = run("roles", "smirnova", "--role", "support", "--role", "editor")
    assert changed.stdout == "smirnova is now: support, editor\n"
    again = run("roles", "smirnova", "--role", "editor", "--role", "support")
    assert again.stdout == "smirnova has these roles already\n"
    assert run("enable", "smirnova").stdout == "smirnova may sign in already\n"
    run("disable", "smirnova")
    assert (await world.browser().sign_in("smirnova", password)).status == 403
    assert run("enable", "smirnova").stdout == "enabled smirnova\n"
    assert (await world.browser().sign_in("smirnova", password)).path == "/account"
    assert world.audit("anna")[-4:] == [
        "desk.create_user",
        "desk.change_roles",
        "desk.disable_user",
        "desk.enable_user",
    ]
    assert run("reset-second-factor", "smirnova").stdout == "smirnova has none\n"
    with pytest.raises(SetupError, match="no user has this name"):
        run("roles", "nobody-at-all", "--role", "viewer")


def test_what_is_wrong_is_said_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("short", "utf-8")
    for arguments, said in (
        (("create", "Ivan Ivanov", "--role", "viewer"), "small Latin letters"),
        (("create", "79161234567", "--role", "viewer"), "no phone number"),
        (
            ("create", "sidorova", "--role", "viewer", "--password-file", str(file)),
            "at least 12 characters",
        ),
        (("password", "nobody-at-all"), "no user has this name"),
        (("disable", "nobody-at-all"), "no user has this name"),
    ):
        with pytest.raises(SetupError, match=said):
            run(*arguments)
    run("create", "sidorova", "--role", "viewer")
    with pytest.raises(SetupError, match="a user 'sidorova' exists"):
        run("create", "sidorova", "--role", "viewer")
    run("disable", "sidorova")
    with pytest.raises(SetupError, match="is disabled already"):
        run("disable", "sidorova")


async def test_the_first_administrator_is_made_once_and_printed_until_changed(
    new_database: Callable[[str], str],
    migrated_template: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verified: list[str] = []

    def verify(password: str, password_hash: str) -> bool:
        verified.append(password)
        return fits(password, password_hash)

    monkeypatch.setattr(administrator, "fits", verify)
    url = new_database(migrated_template)
    (tmp_path / "keys").mkdir(mode=0o700)
    made = prepare_administrator(url, tmp_path, "ivan")
    assert str(made) == f" user admin password {made.password}"
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    for _ in range(3):
        assert prepare_administrator(url, tmp_path, "ivan") == made
    assert verified == [made.password]
    (tmp_path / FILE).write_text("another password\n")
    assert str(prepare_administrator(url, tmp_path, "ivan")) == " user admin (your password)"
    (tmp_path / FILE).write_text(f"{made.password}\n")
    world = DeskWorld(url)
    browser = world.browser()
    page = await browser.sign_in("admin", made.password)
    assert Role.ADMINISTRATOR in page.text
    new = "nine yellow bicycles"
    await browser.send(page, "/account/password", current=made.password, new=new, again=new)
    assert str(prepare_administrator(url, tmp_path, "ivan")) == " user admin (your password)"
    with connect(url, "tests") as conn:
        assert not needs_second_person(conn, "ivan")
        assert not needs_second_person(conn, "nobody")
    await world.close()


def test_a_database_with_users_gets_no_administrator(
    world: DeskWorld, desk_url: str, tmp_path: Path
) -> None:
    world.user()
    assert str(prepare_administrator(desk_url, tmp_path, "ivan")) == ""
    assert not (tmp_path / FILE).exists()


async def test_a_user_is_bound_to_the_provider_and_not(
    run: Run, world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = world.user(Role.SUPPORT)
    said = run("provider", name, "--login", "Petrova@X.org")
    assert said.stdout == f"{name} signs in at the provider as Petrova@X.org\n"
    listed = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    [found] = [user for user in listed if user["name"] == name]
    assert found["provider_login"] == "petrova@x.org"
    with pytest.raises(SetupError, match="signs in as this person already"):
        run("provider", world.user(Role.SUPPORT), "--login", "petrova@x.org")
    monkeypatch.setenv("SCSERV_OIDC__ISSUER", "https://id.example.org")
    monkeypatch.setenv("SCSERV_OIDC__CLIENT_ID", "desk")
    assert run("provider", name, "--subject", "sub-7").stdout.endswith("as sub-7\n")
    with pytest.raises(SetupError, match="--none"):
        run("provider", name)
    assert run("provider", name, "--none").stdout == f"{name} signs in with a password alone\n"
    assert run("provider", name, "--none").stdout == f"{name} does so already\n"
