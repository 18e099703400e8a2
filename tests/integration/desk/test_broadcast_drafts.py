"""New broadcasts: uploading a table, what was understood, making the draft, refusals."""

import io
import re
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import xlsxwriter

from inbound.desk import file_forms
from inbound.desk.app import make_desk
from inbound.desk.host_names import HostNames
from inbound.desk.roles import Role
from inbound.desk.uploads import KEPT, Uploads
from tests.integration.desk.broadcast_world import (
    NEW,
    TEXT,
    client_numbers,
    draft_for,
    drafted,
    id_of,
    table_of,
    uploaded,
)
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import DeskWorld


@pytest.fixture
async def editor(world: DeskWorld) -> Browser:
    return await world.signed_in(Role.EDITOR)


def form_of(page: Page) -> dict[str, str]:
    return page.form(page.path).fields


async def test_a_table_shows_what_was_understood_and_no_cell(editor: Browser) -> None:
    content = "Имя;Телефон;Сумма\nАнна-Мария;+79161234567;1 234,50\n".encode("cp1251")
    page = await uploaded(editor, content, "Клиенты.csv")
    assert page.status == 200
    for told in (
        "Клиенты.csv",
        "CSV",
        "windows-1251",
        "semicolon",
        "B Телефон",
        "{Имя}",
        "{Сумма}",
    ):
        assert told in page.text, told
    assert "+7916*****67" in page.text
    assert "Мария" not in page.answer.text
    assert "1 234,50" not in page.answer.text


async def test_a_workbook_shows_its_sheet(editor: Browser) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    sheet = book.add_worksheet("Май")
    for row, cells in enumerate((("msisdn", "name"), ("+79161234567", "Анна-Мария"))):
        for column, text in enumerate(cells):
            sheet.write_string(row, column, text)
    book.close()
    page = await uploaded(editor, file.getvalue(), "people.xlsx")
    assert "XLSX" in page.text
    assert "Sheet Май" in page.text
    assert "{name}" in page.text
    assert "+7916*****67" in page.text


async def test_a_draft_has_what_its_table_and_text_give(world: DeskWorld, editor: Browser) -> None:
    first, second, third, fourth = client_numbers(world, 4)
    rows = [
        f"{first},Анна",
        f"{second},Борис",
        "12345,Вера",
        f"{first},Анна снова",
        f"{third},Глеб",
        f"{fourth},{'Екатерина ' * 8}",
    ]
    page = await drafted(editor, table_of(rows), name="Майские", rate="2")
    assert page.status == 200
    assert re.fullmatch("/broadcasts/[0-9a-f-]{36}", page.path)
    assert "The draft is made" in page.text
    assert "Анна, офис закрыт 9 мая." in page.text
    assert "Глеб, офис закрыт 9 мая." in page.text
    longest = page.text.partition("The longest one")[2]
    assert "Екатерина Екатерина" in longest
    assert "parts: 2" in longest
    assert "Excluded rows: 2" in page.text
    assert "The number is in the audience already 1" in page.text
    assert "Recipients 4" in page.text
    assert "SMS parts, at most 5" in page.text
    assert "up to 2 a second" in page.text
    assert "2.0 s of sending" in page.text
    assert first not in page.answer.text
    [(created_by, state)] = world.rows(
        "SELECT created_by, state FROM broadcasts WHERE broadcast_id = %s", id_of(page)
    )
    assert created_by.startswith("user ")
    assert state == "draft"
    assert world.audit(created_by)[-1] == "broadcast.create"
    assert f"Broadcast created {created_by}" in page.text


async def test_the_same_form_is_one_draft_and_a_corrected_one_another(
    world: DeskWorld, editor: Browser
) -> None:
    rows = [f"{number},Анна" for number in client_numbers(world, 2)]
    page = await uploaded(editor, table_of(rows))
    typed = {**form_of(page), "name": "Одна", "text": TEXT}
    answers = [await editor.client.post(page.path, data=typed) for _ in range(2)]
    assert answers[0].url == answers[1].url
    corrected = await editor.client.post(page.path, data={**typed, "text": "{name}, мы закрыты."})
    assert corrected.status_code == 200
    assert corrected.url != answers[0].url
    assert world.rows("SELECT count(*) FROM broadcasts WHERE name = 'Одна'") == [(2,)]


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"name": ""}, "Give it a name"),
        ({"name": "Call +7 916 123-45-67"}, "Give it a name"),
        ({"text": ""}, "Write a text or choose a template"),
        ({"text": "\u200b"}, "has no visible character"),
        ({"text": "{name"}, "The braces of the text can't be read"),
        ({"text": "Да! " * 500}, "needs 30 SMS parts, and the account may send 8"),
        ({"from": "10:00", "to": ""}, "both the first and the last minute"),
        ({"from": "10:00", "to": "10:00"}, "both the first and the last minute"),
        ({"spread": "1"}, "Spreading needs sending hours"),
        ({"rate": "many"}, "a number from 1 to 100000"),
        ({"rate": "0"}, "a number from 1 to 100000"),
        ({"sender": "STRANGER"}, "This sender is not approved"),
        ({"account": "nobody"}, "may not send broadcasts now"),
        ({"template": "nothing", "text": ""}, "There is no such template"),
    ],
)
async def test_a_refused_draft_says_why_and_keeps_what_was_typed(
    editor: Browser, typed: dict[str, str], problem: str
) -> None:
    page = await uploaded(editor, table_of(["+79161234567,Анна"]))
    sent = {**form_of(page), "name": "Весна", "text": TEXT, "rate": "7", **typed}
    refused = Page(await editor.client.post(page.path, data=sent))
    assert refused.status == 422
    assert problem in refused.text
    assert "Nothing was made yet" in refused.text
    kept = form_of(refused)
    for name in ("name", "text", "rate", "from", "to", "sender", "once"):
        assert kept[name] == sent[name], name


async def test_another_one_like_it_begins_with_its_form(editor: Browser) -> None:
    typed = {
        "name": "Весна",
        "text": "{name}, мы закрыты 9 мая.",
        "from": "09:00",
        "to": "18:00",
        "spread": "1",
        "rate": "7",
    }
    page = await uploaded(editor, table_of(["+79161234567,Анна"]))
    made = Page(await editor.client.post(page.path, data={**form_of(page), **typed}))
    [again] = [link for link in made.links if "like=" in link]
    page = await editor.open(again)
    [action] = [form.action for form in page.forms if form.action.startswith(f"{NEW}/table")]
    page = await editor.upload(page, action, "rest.csv", table_of(["+79161234568,Инна"]))
    reading = f"{page.path}/reading?{urlsplit(again).query}"
    page = await editor.send(page, reading, separator="comma")
    begun = form_of(page)
    assert {name: begun[name] for name in typed} == typed
    [to_clients] = [link for link in (await editor.open(again)).links if "/clients?" in link]
    clients = (await editor.open(to_clients)).form(f"{NEW}/clients").fields
    assert {name: clients[name] for name in typed} == typed
    assert form_of(page)["once"] != clients["once"]


async def test_fields_are_mapped_to_columns_of_other_names(
    world: DeskWorld, editor: Browser
) -> None:
    rows = [f"{number};Анна;500" for number in client_numbers(world, 2)]
    page = await uploaded(editor, table_of(rows, "Телефон;Имя клиента;Сумма"))
    typed = {"name": "Долг", "text": "{name}, к оплате {Сумма} руб."}
    refused = await editor.send(page, page.path, **typed)
    assert refused.status == 422
    assert "Choose the column of each field" in refused.text
    page = await editor.send(refused, page.path, **{"field name": "Имя клиента"})
    assert page.status == 200
    assert "Анна, к оплате 500 руб." in page.text


async def test_a_table_whose_numbers_are_not_found_is_read_as_its_user_says(
    world: DeskWorld, editor: Browser
) -> None:
    rows = [f"{number},Анна" for number in client_numbers(world, 2)]
    page = await uploaded(editor, table_of(rows, "contact,name"))
    assert page.status == 200
    options = [given["value"] for tag, given in page.elements if tag == "option"]
    assert {"contact", "name"} <= set(options)
    assert page.path not in {form.action for form in page.forms}
    page = await editor.send(page, f"{page.path}/reading", number="contact")
    assert "A contact" in page.text
    made = await editor.send(page, page.path, name="Как сказано", text=TEXT)
    assert "Recipients 2" in made.text


async def test_what_is_no_table_is_refused_with_what_to_do(editor: Browser) -> None:
    page = await uploaded(editor, b"%PDF-1.7 ...", "people.pdf")
    assert page.status == 200
    assert "This is a PDF document. Export the table itself" in page.text
    assert page.path not in {form.action for form in page.forms}
    empty = await uploaded(editor, b"msisdn,name\n")
    assert "The table has no rows" in empty.text


def workbook(sheets: dict[str, list[tuple[str, str]]]) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for row, cells in enumerate(rows):
            sheet.write_row(row, 0, cells)
    book.close()
    return file.getvalue()


async def test_a_sheet_is_chosen_from_those_that_there_are(editor: Browser) -> None:
    rows = [("msisdn", "name"), ("+79161234567", "Анна")]
    page = await uploaded(editor, workbook({"Май": rows, "Июнь": rows}), "two.xlsx")
    assert "Several sheets have such columns: Май, Июнь" in page.text
    options = [given["value"] for tag, given in page.elements if tag == "option"]
    assert {"Май", "Июнь"} <= set(options)
    page = await editor.send(page, f"{page.path}/reading", sheet="Июнь")
    assert "Sheet Июнь" in page.text
    assert "Other sheets, not read Май" in page.text
    assert "a date as 2026-05-17" in page.text
    # A sheet that is not there, as the form of another browser may have it.
    fields = {**page.form(f"{page.path}/reading").fields, "sheet": "Март"}
    wrong = Page(await editor.client.post(f"{page.path}/reading", data=fields))
    assert "There is no such sheet. Those that it has: Май, Июнь" in wrong.text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "Это картинка"),
        ("a.csv", b"\xff\xd8\xff\xe0" + bytes(range(256)), "Это картинка"),
        ("a.xlsx", b"msisdn\n1\n", "Эта книга повреждена"),
        ("a.csv", "Отчёт\n\nКонтакт;Имя\n+79161234567;А\n".encode(), "не найден"),
    ],
)
async def test_what_is_no_table_is_named(
    world: DeskWorld, name: str, content: bytes, said: str
) -> None:
    page = await uploaded(await world.signed_in(Role.EDITOR, language="ru"), content, name)
    assert page.status == 200
    assert said in page.text


async def test_a_draft_for_clients_of_the_directory(world: DeskWorld, editor: Browser) -> None:
    group = client_numbers(world, 3)
    page = await editor.open(f"{NEW}/clients")
    typed = {"name": "Клиентам", "text": "Офис закрыт 9 мая.", "client_id": f"bc{group[0][2:]}"}
    made = await editor.send(page, f"{NEW}/clients", **typed)
    assert made.status == 200
    assert "Recipients 1" in made.text
    assert "Офис закрыт 9 мая." in made.text
    refused = await editor.send(page, f"{NEW}/clients", **{**typed, "text": TEXT})
    assert refused.status == 422
    assert "clients of the directory have none" in refused.text
    assert refused.form(f"{NEW}/clients").fields["client_id"] == typed["client_id"]
    refused = await editor.send(page, f"{NEW}/clients", **{**typed, "since": "yesterday"})
    assert "This is not a day" in refused.text


async def test_a_draft_for_clients_who_are_not_there_says_so(editor: Browser) -> None:
    page = await editor.open(f"{NEW}/clients")
    typed = {"name": "May", "text": "Офис закрыт 9 мая.", "client_id": "nobody-has-this-*"}
    page = await editor.send(page, f"{NEW}/clients", **typed)
    assert "Nobody gets it: there was no such client" in page.text
    assert "Choose other clients in another draft" in page.text
    assert "excluded" not in page.text


async def test_a_draft_without_recipients_cannot_be_started(editor: Browser) -> None:
    page = await drafted(editor, table_of(["+79161230000,Анна", "12345,Борис"]))
    assert "It has no recipients" in page.text
    assert "Not in the client directory 1" in page.text
    assert f"{page.path}/start" not in {form.action for form in page.forms}


async def test_markup_and_formulas_in_names_and_cells_stay_text(
    world: DeskWorld, editor: Browser
) -> None:
    [number] = client_numbers(world, 1)
    evil = "<script>alert(1)</script>"
    header = f"msisdn,name,{evil}"
    page = await uploaded(editor, table_of([f"{number},{evil},x"], header), f"{evil}.csv")
    assert evil not in page.answer.text
    assert f"{{{evil}}}" in page.text
    made = await editor.send(page, page.path, name=evil, text=TEXT)
    assert evil not in made.answer.text
    assert f"{evil}, офис закрыт" in made.text
    assert evil not in (await editor.open("/broadcasts")).answer.text


# -- uploads ------------------------------------------------------------------------------


def files_of(world: DeskWorld) -> list[str]:
    return [path.name for path in world.uploads.glob("*")]


async def test_no_file_is_asked_for_again(world: DeskWorld, editor: Browser) -> None:
    page = await editor.open(NEW)
    again = await editor.upload(page, f"{NEW}/table", "empty.csv", b"")
    assert again.status == 422
    assert "This file is empty" in again.text
    # What browsers send when no file was chosen.
    form = page.form(f"{NEW}/table").fields["form"]
    head = "--b\r\nContent-Disposition: form-data; name="
    content = f'{head}"form"\r\n\r\n{form}\r\n{head}"table"; filename=""\r\n\r\n\r\n--b--\r\n'
    answer = await editor.client.post(
        f"{NEW}/table",
        content=content.encode(),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 422
    assert "Choose a file with a table first" in answer.text
    assert files_of(world) == []


async def test_a_table_is_not_stored_for_a_user_without_the_right(world: DeskWorld) -> None:
    editor, viewer = await world.signed_in(Role.EDITOR), await world.signed_in(Role.VIEWER)
    page = await editor.open(NEW)
    token = (await viewer.open("/account")).form("/sign-out").fields["form"]
    for browser, form, status in (
        (viewer, token, 403),
        (editor, "0" * 64, 403),
        (world.browser(), token, 401),
    ):
        answer = await browser.client.post(
            f"{NEW}/table", data={"form": form}, files={"table": ("a.csv", b"msisdn\n")}
        )
        assert answer.status_code == status
    crossing = await editor.client.post(
        f"{NEW}/table",
        data=page.form(f"{NEW}/table").fields,
        files={"table": ("a.csv", b"msisdn\n")},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert crossing.status_code == 403
    assert files_of(world) == []


async def test_a_table_that_is_too_large_is_refused_and_deleted(
    world: DeskWorld, editor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_forms, "BYTES_MAX", 3_000_000)
    monkeypatch.setattr(file_forms, "_PIECE", 100_000)
    page = await editor.open(NEW)
    refused = await editor.upload(page, f"{NEW}/table", "big.csv", b"x" * 3_000_001)
    assert refused.status == 413
    assert "up to 256 MB" in refused.text
    assert "Nothing was changed" in refused.text
    assert files_of(world) == []
    kept = await editor.upload(page, f"{NEW}/table", "big.csv", b"msisdn\n" + b"1\n" * 1_000_000)
    assert kept.status == 200
    assert sorted(name.rsplit(".")[-1] for name in files_of(world)) == ["json", "table"]


async def test_an_upload_that_breaks_off_leaves_nothing(world: DeskWorld, editor: Browser) -> None:
    form = (await editor.open(NEW)).form(f"{NEW}/table").fields["form"]
    parts = (
        b'--b\r\nContent-Disposition: form-data; name="form"\r\n\r\n' + form.encode(),
        b'\r\n--b\r\nContent-Disposition: form-data; name="table"; filename="a.csv"\r\n\r\nmsisdn',
    )
    for content in (b"".join(parts), b"".join(parts)[:-30], b"nonsense"):
        answer = await editor.client.post(
            f"{NEW}/table",
            content=content,
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
        assert answer.status_code == 400
        assert "nothing of it was kept" in answer.text
    assert files_of(world) == []


async def test_nobody_else_sees_an_uploaded_table(world: DeskWorld, editor: Browser) -> None:
    page = await uploaded(editor, table_of(["+79161234567,Анна"]))
    other = await world.signed_in(Role.EDITOR)
    hidden = await other.open(page.path)
    assert hidden.status == 404
    assert "This table is not there any more" in hidden.text
    assert (await editor.open(page.path)).status == 200
    world.now += KEPT
    world.now += KEPT
    world.desk.uploads.sweep()
    assert files_of(world) == []


async def test_a_restart_keeps_an_uploaded_table(world: DeskWorld, editor: Browser) -> None:
    page = await uploaded(editor, table_of(["+79161234567,Анна"]))
    restarted = replace(world.desk, uploads=Uploads(world.uploads, world.desk.clock))
    again = Browser(make_desk(restarted, new_id=uuid4, names=HostNames(["desk.test"])))
    again.client.cookies = editor.client.cookies
    assert "+7916*****67" in (await again.open(page.path)).text


async def test_a_draft_is_for_several_accounts_made_for_the_chosen_one(
    world: DeskWorld, editor: Browser
) -> None:
    world.rows(
        "INSERT INTO accounts (account, rights) VALUES ('shop', '{broadcasts,send}')"
        " ON CONFLICT DO NOTHING"
    )
    page = await draft_for(world, editor, account="shop")
    assert "Account shop" in page.text
    listed = await editor.open("/broadcasts?account=shop")
    assert page.path in listed.links
    world.rows("UPDATE accounts SET enabled = false WHERE account = 'shop'")
    assert "The account shop is disabled" in (await editor.open(page.path)).text
