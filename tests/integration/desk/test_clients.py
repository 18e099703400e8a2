"""The pages of clients: found, added, changed, imported from a table; no secret is ever shown."""

import io
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from python_calamine import CalamineWorkbook

from inbound.desk.roles import Role
from inbound.directory.client_rows import CLIENT_COLUMNS
from inbound.directory.port import Registration
from inbound.tables.model import Choices, Row
from inbound.tables.reader import open_table
from tests.bench import history
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import DeskWorld

_numbers = count(1)
HEAD = "msisdn;client_id;personal_code;login;password"
SECRETS = {"personal_code": "4711", "login": "fresh-login", "password": "fresh-secret"}


def new_number() -> str:
    return f"+7926555{next(_numbers):04}"


def new_id() -> str:
    return f"C-{uuid4().hex[:8]}"


async def stored(world: DeskWorld, number: str) -> Registration | None:
    return (await world.directory.registrations([number])).get(number)


async def added(browser: Browser, phone: str, whose: str, **fields: str) -> Page:
    page = await browser.open("/clients")
    given = {"number": phone, "client_id": whose, **SECRETS, "reason": "a letter", **fields}
    return await browser.send(page, "/clients", **given)


async def uploaded(browser: Browser, table: bytes, name: str = "clients.csv") -> Page:
    page = await browser.open("/clients")
    form = page.form("/clients/import")
    return Page(
        await browser.client.post(
            "/clients/import",
            data={"form": form.fields["form"]},
            files={"table": (name, io.BytesIO(table), "text/csv")},
        )
    )


def import_path(page: Page) -> str:
    assert page.path.startswith("/clients/import/")
    return page.path


async def test_a_client_is_found_by_number_and_by_id(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.VIEWER)
    page = await browser.open("/clients")
    page = await browser.send(page, "/clients/search", client=history.number_of(2))
    assert page.path.startswith("/clients/")
    assert "client H-1" in page.text
    assert "stored, and never shown" in page.text
    assert history.number_of(2) not in page.answer.text
    assert "CANARY" not in page.answer.text
    page = await browser.send(await browser.open("/clients"), "/clients/search", client="H-1")
    assert "This client has several numbers" in page.text
    page = await browser.send(await browser.open("/clients"), "/clients/search", client="H-nothing")
    assert "No client is like this" in page.text
    assert page.form("/clients/search").fields["client"] == "H-nothing"
    page = await browser.send(page, "/clients/search", client="+79990001122")
    assert "not in the directory" in page.text


async def test_a_client_is_added_and_changed_without_showing_secrets(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    number, client_id = new_number(), new_id()
    page = await added(browser, f"8 {number[2:]}", client_id, language="en")
    assert "The client was saved" in page.text
    assert number not in page.answer.text
    assert not [secret for secret in SECRETS.values() if secret in page.answer.text]
    assert await stored(world, number) == Registration(
        client_id, SECRETS["personal_code"], SECRETS["login"], SECRETS["password"]
    )
    page = await browser.send(page, page.path, password="another-secret", reason="they asked")
    assert "The client was saved" in page.text
    kept = Registration(client_id, "4711", "fresh-login", "another-secret")
    assert await stored(world, number) == kept
    assert world.rows("SELECT language FROM clients WHERE client_id = %s", client_id) == [("en",)]
    page = await browser.send(page, page.path, reason="once more")
    assert "Nothing was changed" in page.text
    [(actor,)] = world.rows("SELECT DISTINCT actor FROM audit WHERE reason = 'they asked'")
    assert world.audit(actor)[-2:] == ["clients.change", "clients.change"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"number": "12"}, "with its country code"),
        ({"login": " blank"}, "no blank at the start or end"),
        ({"personal_code": "1" * 17}, "It is too long: at most 16 characters"),
        ({"password": "a\u200bb"}, "can't be printed"),
        ({"reason": "call 8 916 123 45 67"}, "without a phone number"),
        ({"reason": " "}, "Give a reason"),
    ],
)
async def test_a_client_that_is_refused_keeps_what_was_typed(
    world: DeskWorld, fields: dict[str, str], said: str
) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    number = new_number()
    page = await added(browser, number, new_id(), **fields)
    assert page.status == 422
    assert said in page.text
    for name, value in fields.items():
        assert page.form("/clients").fields[name] == value
    assert await stored(world, number) is None


async def test_a_number_changes_hands_only_when_that_is_meant(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    number, client_id, other = new_number(), new_id(), new_id()
    page = await added(browser, number, client_id)
    page = await browser.send(page, page.path, client_id=other, reason="sold the phone")
    assert page.status == 422
    assert "tick the box below" in page.text
    found = await stored(world, number)
    assert found is not None
    assert found.client_id == client_id
    form = page.form(page.path)
    data = {**form.fields, "moves": "1"}
    page = Page(await browser.client.post(page.path, data=data))
    found = await stored(world, number)
    assert found is not None
    assert found.client_id == other
    page = await added(browser, number, other)
    assert "has a client already" in page.text


async def test_a_russian_page_says_in_russian_why_rows_contradict_each_other(
    world: DeskWorld,
) -> None:
    browser = await world.signed_in(Role.OPERATOR, language="ru")
    number, whose = new_number(), new_id()
    rows = [f"{number};{whose};0042;login;{secret}" for secret in ("one", "two")]
    page = await uploaded(browser, "\n".join([HEAD, *rows]).encode())
    page = await browser.send(page, f"{import_path(page)}/check")
    for line in (2, 3):
        assert f"есть и в строке {line}, но с другими данными" in page.text


async def test_an_empty_table_is_asked_for_again(world: DeskWorld) -> None:
    page = await uploaded(await world.signed_in(Role.OPERATOR), b"")
    assert page.status == 422
    assert "This file is empty" in page.text
    assert page.form("/clients/import")


async def test_a_table_is_shown_checked_and_imported(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    good, bad = new_number(), new_number()
    ids = new_id(), new_id()
    rows = [f"{good};{ids[0]};0042;table-login;table-secret", f"{bad};{ids[1]};;login;secret"]
    page = await uploaded(browser, "\n".join([HEAD, *rows]).encode())
    path = import_path(page)
    assert "How the table is read" in page.text
    assert good not in page.answer.text
    assert "table-secret" not in page.answer.text
    page = await browser.send(page, f"{path}/check")
    assert "added 1" in page.text
    assert "Personal code: is empty" in page.text
    assert "secret" not in page.text.replace("It has secrets", "")
    assert await stored(world, good) is None
    page = await browser.send(page, path)
    assert "imported, but for some rows" in page.text
    assert "added 1" in page.text
    assert await stored(world, good) == Registration(ids[0], "0042", "table-login", "table-secret")
    form = page.form(page.path)
    answer = await browser.client.post(page.path, data=form.fields)
    assert 'filename="rejected.xlsx"' in answer.headers["content-disposition"]
    file = Path(world.uploads) / "downloaded.xlsx"
    file.write_bytes(answer.content)
    with open_table(file, CLIENT_COLUMNS, Choices()) as table:
        [row] = list(table.rows())
    assert isinstance(row, Row)
    assert row.cells[0].text == bad
    assert (await browser.open(path)).status == 404
    [(actor, reason)] = world.rows(
        "SELECT actor, reason FROM audit WHERE action = 'clients.import' ORDER BY id DESC LIMIT 1"
    )
    assert reason == "1 added, 0 updated, 0 unchanged, 1 rejected"
    assert world.audit(actor)[-1] == "clients.rejected"


async def test_rejected_rows_are_russian_at_a_russian_desk_and_can_be_imported(
    world: DeskWorld,
) -> None:
    browser = await world.signed_in(Role.OPERATOR, language="ru")
    numbers, whose = [new_number(), new_number()], new_id()
    rows = [f"{numbers[0]};{whose};;login;'secret", f"{numbers[1]};;1;login;{'p' * 65}"]
    names = "телефон;код клиента;персональный код;логин;пароль"
    page = await uploaded(browser, "\n".join([names, *rows]).encode())
    for title in ("Номер телефона", "Код клиента", "Персональный код", "Логин", "Пароль"):
        assert page.text.count(title) >= 3
    assert "msisdn" not in page.text
    path = import_path(page)
    page = await browser.send(page, f"{path}/check")
    assert "Персональный код: не заполнено" in page.text
    page = await browser.send(page, path)
    answer = await browser.client.post(page.path, data=page.form(page.path).fields)
    sheet, [head, *lines] = sheet_of(answer.content)
    assert sheet == "отклонённые"
    assert head == [
        *("строка", "поле", "причина"),
        *("Номер телефона", "Код клиента", "Персональный код", "Логин", "Пароль"),
    ]
    first, second = lines
    assert (first[1], second[1]) == ("Персональный код, Пароль", "Код клиента, Пароль")
    assert first[2] == (
        "Персональный код: не заполнено; Пароль: начинается с апострофа, который может лишь "
        "помечать текст; Пароль: было 'secret"
    )
    assert second[2] == (
        "Код клиента: не заполнено; Пароль: слишком длинно, символов может быть не больше 64"
    )
    again = await uploaded(browser, answer.content, "rejected.xlsx")
    again = await browser.send(again, f"{import_path(again)}/check")
    assert "отклонено 2" in again.text


def sheet_of(workbook: bytes) -> tuple[str, list[list[str]]]:
    """Return the name of the only sheet of a workbook, and its cells."""
    found = CalamineWorkbook.from_filelike(io.BytesIO(workbook))
    [name] = found.sheet_names
    return name, [[str(cell) for cell in row] for row in found.get_sheet_by_name(name).to_python()]


async def test_a_table_without_a_flaw_is_imported_and_deleted(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    number, client_id = new_number(), new_id()
    page = await uploaded(browser, f"{HEAD}\n{number};{client_id};1;a-login;a-secret".encode())
    path = import_path(page)
    page = await browser.send(await browser.send(page, f"{path}/check"), path)
    assert "The table was imported" in page.text
    assert "added: 1" in page.text
    assert (await browser.open(path)).status == 404


async def test_changes_of_owner_in_a_table_need_a_tick(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    number, other = new_number(), new_id()
    await added(browser, number, new_id())
    page = await uploaded(browser, f"{HEAD}\n{number};{other};1;a-login;a-secret".encode())
    path = import_path(page)
    page = await browser.send(page, f"{path}/check")
    assert "Numbers that would belong to another client: 1" in page.text
    fields = page.form(path).fields
    page = Page(await browser.client.post(path, data={**fields, "moves": "1"}))
    found = await stored(world, number)
    assert found is not None
    assert found.client_id == other


async def test_a_table_that_is_not_understood_is_read_differently(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    number, client_id = new_number(), new_id()
    head = HEAD.replace("client_id", "whose")
    page = await uploaded(browser, f"{head}\n{number};{client_id};1;a-login;a-secret".encode())
    path = import_path(page)
    assert page.status == 422
    assert "A column is missing" in page.text
    assert "Nothing was changed" in page.text
    page = await browser.send(page, f"{path}/read", **{"column-client_id": "whose"})
    assert page.status == 200
    assert "whose" in page.text
    page = await browser.send(page, f"{path}/discard")
    assert (await browser.open(path)).status == 404


async def test_nobody_sees_a_table_of_somebody_else(world: DeskWorld) -> None:
    mine, theirs = [await world.signed_in(Role.OPERATOR) for _ in range(2)]
    path = import_path(await uploaded(mine, f"{HEAD}\n{new_number()};x;1;l;p".encode()))
    assert (await theirs.open(path)).status == 404
    viewer = await world.signed_in(Role.VIEWER)
    assert (await viewer.open(path)).status == 403
    page = await viewer.open("/clients")
    assert [form.action for form in page.forms if form.action.startswith("/clients")] == [
        "/clients/search"
    ]


async def test_markup_in_a_table_stays_text(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    head = f"{HEAD};<img src=x onerror=alert(1)>"
    table = f"{head}\n{new_number()};<b>id</b>;1;l;p;x".encode()
    page = await uploaded(browser, table, "<script>alert(1)</script>.csv")
    assert "<script>alert" not in page.answer.text
    assert "<img src=x" not in page.answer.text
    assert "<script>alert(1)</script>.csv" in page.text
