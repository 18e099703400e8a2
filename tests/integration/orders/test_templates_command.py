"""`scserv templates` as it is typed, and orders that use what it makes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.cli._os_user import os_user
from inbound.errors import SetupError
from inbound.keys import SubjectHasher, VaultCipher
from inbound.orders.ports import RenderedText, RenderProblem, TemplateUse
from inbound.orders.templates.stored import StoredTemplates
from inbound.store.transactions.postgres import PostgresStore
from schemas.orders import OrderState, RefusalReason
from tests.fix_orders import CLIENT, OTHER_CLIENT, intake_on, order

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

VISIT = (
    *("--ru", "Заявка {ticket} выполнена.", "--en", "Request {ticket} is done."),
    *("--field", "ticket:code:10"),
)


def run(*arguments: str, command: str = "templates") -> str:
    result = CliRunner().invoke(scserv, [command, *arguments])
    if isinstance(result.exception, SetupError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
async def templates(database_url: str) -> AsyncIterator[StoredTemplates]:
    made = StoredTemplates(database_url, application_name="tests")
    yield made
    await made.close()


def add_client(
    conn: psycopg.Connection, hasher: SubjectHasher, number: str, language: str | None
) -> None:
    conn.execute(
        "INSERT INTO clients (number_hash, client_id, number_sealed, registration_sealed, "
        "registration_digest, language) VALUES (%s, %s, '', '', '', %s)",
        [hasher.hash(number), f"c{number[-2:]}", language],
    )


def test_what_is_created_is_shown(conn: psycopg.Connection, tmp_path: Path) -> None:
    assert run("create", "visit", *VISIT).splitlines() == [
        "created visit, version 1",
        "Russian: up to 1 SMS part",
        "English: up to 1 SMS part",
    ]
    shown = json.loads(run("show", "visit", "--json"))
    file = tmp_path / "visit.toml"
    file.write_text(
        '[texts]\nru = "Заявка {ticket} выполнена."\nen = "Request {ticket} is done."\n'
        '[fields.ticket]\ntype = "code"\nmax_length = 10\n'
    )
    run("create", "same", "--file", str(file))
    same = json.loads(run("show", "same", "--json"))
    differing = {"name", "created_at"}
    assert {k: shown[k] for k in shown.keys() - differing} == {
        k: same[k] for k in same.keys() - differing
    }
    assert (shown["version"], shown["parts"]) == (1, {"ru": 1, "en": 1})
    assert "field ticket: Latin letters, digits and _ . / # -, up to 10" in run("show", "visit")
    assert [line.split()[0] for line in run("list").splitlines()] == ["same", "visit"]
    assert conn.execute("SELECT actor, action, reason FROM audit ORDER BY id").fetchone() == (
        os_user(),
        "templates.create",
        "visit: version 1",
    )


def test_a_change_is_a_new_version_and_the_old_ones_stay(conn: psycopg.Connection) -> None:
    run("create", "visit", *VISIT)
    assert run("change", "visit", "--en", "Done: {ticket}").startswith("changed visit, version 2")
    assert run("change", "visit", "--en", "Done: {ticket}") == "visit is like that already\n"
    newest = json.loads(run("show", "visit", "--json"))
    assert newest["texts"] == {"ru": "Заявка {ticket} выполнена.", "en": "Done: {ticket}"}
    first = json.loads(run("show", "visit", "--version", "1", "--json"))
    assert first["texts"]["en"] == "Request {ticket} is done."
    lines = run("versions", "visit").splitlines()
    assert [line.partition(",")[0] for line in lines] == ["visit version 2", "visit version 1"]
    for change in (
        "UPDATE order_template_versions SET definition = '{}'",
        "DELETE FROM order_template_versions",
        "TRUNCATE order_template_versions",
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
            conn.execute(change.encode())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("create", "Visit", *VISIT), "small Latin letters"),
        (("create", "visit"), "give a text with --ru or --en"),
        (("create", "visit", "--ru", "{x}"), "texts.ru: no field {x} here"),
        (("create", "visit", "--ru", "{x}", "--field", "x"), "--field x: write NAME:TYPE"),
        (("create", "visit", "--ru", "a", "--file", "b"), "leave the other options out"),
        (
            ("create", "visit", "--file", "/nowhere.toml"),
            "--file /nowhere.toml: can't be read: No such",
        ),
        (("change", "visit", "--ru", "a"), "there is no template 'visit'"),
        (("show", "visit"), "there is no template 'visit'"),
        (("retire", "visit"), "there is no template 'visit'"),
    ],
)
def test_a_refusal_names_the_input_and_the_fix(arguments: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(SetupError) as refused:
        run(*arguments)
    assert complaint in str(refused.value)


def test_a_preview_shows_what_would_be_sent_and_its_size() -> None:
    run("create", "visit", *VISIT)
    assert run("preview", "visit", "--field", "ticket=A-7", "--lang", "en").splitlines() == [
        "English, 1 SMS part, GSM 03.38, 20 of 160 characters:",
        "  Request A-7 is done.",
    ]
    longest = [json.loads(line) for line in run("preview", "visit", "--json").splitlines()]
    assert [(one["language"], one["characters"], one["parts"]) for one in longest] == [
        ("ru", 28, 1),
        ("en", 27, 1),
    ]
    with pytest.raises(SetupError, match="--field: the field ticket has to be Latin letters"):
        run("preview", "visit", "--field", "ticket=Я")
    with pytest.raises(SetupError, match="--version: visit has the versions 1 to 1"):
        run("preview", "visit", "--version", "2")


async def test_the_client_s_language_chooses_the_text(
    templates: StoredTemplates, conn: psycopg.Connection, hasher: SubjectHasher
) -> None:
    await asyncio.to_thread(run, "create", "visit", *VISIT)
    add_client(conn, hasher, CLIENT, "en")
    add_client(conn, hasher, OTHER_CLIENT, None)
    (subject_id,) = conn.execute(
        "INSERT INTO subjects VALUES (gen_random_uuid(), %s, '') RETURNING subject_id",
        [hasher.hash(CLIENT)],
    ).fetchone() or (None,)
    fields = {"ticket": "A-7"}
    rendered = await templates.render(
        [
            TemplateUse("visit", fields=fields, number_hash=hasher.hash(CLIENT)),
            TemplateUse("visit", 1, fields, subject_id=subject_id),
            TemplateUse("visit", fields=fields, number_hash=hasher.hash(OTHER_CLIENT)),
            TemplateUse("visit", fields=fields),
        ]
    )
    english = RenderedText("Request A-7 is done.", 1, "en")
    russian = RenderedText("Заявка A-7 выполнена.", 1, "ru")
    assert rendered == [english, english, russian, russian]


async def test_what_can_not_be_rendered_says_why(templates: StoredTemplates) -> None:
    await asyncio.to_thread(run, "create", "visit", *VISIT)
    await asyncio.to_thread(run, "create", "old", *VISIT)
    await asyncio.to_thread(run, "retire", "old")
    fields = {"ticket": "A-7"}
    uses = [
        TemplateUse("nothing", fields=fields),
        TemplateUse("visit", 2, fields),
        TemplateUse("old", fields=fields),
        TemplateUse("visit"),
        TemplateUse("visit", fields={"ticket": "Я"}),
    ]
    unknown, wrong = RefusalReason.TEMPLATE_UNKNOWN, RefusalReason.TEMPLATE_FIELDS
    assert await templates.render(uses) == [
        RenderProblem(unknown, "there is no template nothing"),
        RenderProblem(unknown, "there is no template visit with a version 2"),
        RenderProblem(unknown, "the template old was retired"),
        RenderProblem(wrong, "the field ticket is missing", "ticket", is_missing=True),
        RenderProblem(
            wrong, "the field ticket has to be Latin letters, digits and _ . / # -", "ticket"
        ),
    ]
    assert await asyncio.to_thread(run, "restore", "old") == "restored old\n"
    (text,) = await templates.render([TemplateUse("old", fields=fields)])
    assert isinstance(text, RenderedText)


async def test_an_order_records_version_and_language_of_its_text(
    templates: StoredTemplates, database_url: str, cipher: VaultCipher, conn: psycopg.Connection
) -> None:
    await asyncio.to_thread(run, "create", "visit", *VISIT, "--unknown", "resend")
    await asyncio.to_thread(run, "change", "visit", "--ru", "Готово: {ticket}")
    store = PostgresStore(database_url, cipher)
    try:
        fields = {"ticket": "A-7"}
        placed = await intake_on(store, templates=templates).place(
            [
                order(template="visit", fields=fields),
                order(template="visit", template_version=1, fields=fields),
                order(template="visit"),
            ]
        )
    finally:
        await store.close()
    assert [one.state for one in placed] == [*2 * [OrderState.QUEUED], OrderState.REFUSED]
    assert placed[2].reason is RefusalReason.TEMPLATE_FIELDS
    refused = conn.execute(
        "SELECT data #>> '{facts,missing_field}' FROM events WHERE type = 'order.refused'"
    ).fetchall()
    assert refused == [("ticket",)]
    rows: list[tuple[Any, ...]] = conn.execute(
        "SELECT template, template_version, language, resend_unknown FROM orders "
        "WHERE state = 'queued' ORDER BY template_version"
    ).fetchall()
    assert rows == [("visit", 1, "ru", True), ("visit", 2, "ru", True)]
