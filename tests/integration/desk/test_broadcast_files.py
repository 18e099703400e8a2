"""Files about broadcasts: excluded rows and recipients; reasons, audit, formulas."""

import csv
import io
from uuid import uuid4

import pytest
from python_calamine import CalamineWorkbook

from inbound.desk.roles import Role
from tests.integration.desk.broadcast_world import (
    act,
    begin,
    client_numbers,
    drafted,
    id_of,
    table_of,
)
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import DeskWorld


@pytest.fixture
async def editor(world: DeskWorld) -> Browser:
    return await world.signed_in(Role.EDITOR)


@pytest.fixture
async def page(world: DeskWorld, editor: Browser) -> Page:
    """The page of a draft with an excluded row whose cells look like formulas."""
    numbers = client_numbers(world, 2)
    rows = [f"{number},Анна,x" for number in numbers]
    return await drafted(editor, table_of([*rows, "12345,=1+1,@SUM(A1)"], "msisdn,name,note"))


async def test_the_excluded_rows_are_a_file_that_can_be_corrected(
    world: DeskWorld, editor: Browser, page: Page
) -> None:
    form = page.form(f"{page.path}/excluded").fields
    wanted = {**form, "reason": "to correct them", "format": "csv"}
    answer = await editor.client.post(f"{page.path}/excluded", data=wanted)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    header, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert header == ["row", "state", "reason", "time", "msisdn", "name", "note"]
    assert row[:2] == ["4", "excluded"]
    assert row[4] == "12345"
    assert all(not cell.startswith(("=", "+", "-", "@")) for cell in row)
    recorded = world.rows(
        "SELECT reason FROM audit WHERE request_id = %s AND action = 'broadcast.excluded'",
        id_of(page),
    )
    assert len(recorded) == 1
    assert recorded[0][0].startswith("to correct them (Spring")


async def test_a_workbook_has_the_cells_as_text(editor: Browser, page: Page) -> None:
    form = page.form(f"{page.path}/excluded").fields
    wanted = {**form, "reason": "to correct them", "format": "xlsx"}
    answer = await editor.client.post(f"{page.path}/excluded", data=wanted)
    # What is a formula in a CSV file is not certain, so it stands in the reason alone.
    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0)
    assert rows.to_python()[1][4:] == ["12345", "", "@SUM(A1)"]


async def test_the_recipients_not_reached_are_a_file(
    world: DeskWorld, editor: Browser, page: Page
) -> None:
    page = await act(editor, page, "start")
    begin(world, page)
    page = await act(editor, await editor.open(page.path), "cancel")
    form = page.form(f"{page.path}/recipients").fields
    wanted = {**form, "reason": "to write to them", "format": "csv"}
    answer = await editor.client.post(f"{page.path}/recipients", data=wanted)
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row[1] for row in rows[1:]] == ["withheld", "withheld"]
    assert all(row[4].lstrip("'").startswith("+7") for row in rows[1:])


async def test_there_is_no_file_without_a_reason(
    world: DeskWorld, editor: Browser, page: Page
) -> None:
    for reason in ("", "for +7 916 123-45-67"):
        refused = await editor.send(page, f"{page.path}/excluded", reason=reason, format="csv")
        assert refused.status == 422
        assert "Say what you need the file for" in refused.text
        assert refused.form(f"{page.path}/excluded").fields["reason"] == reason
    assert world.rows(
        "SELECT count(*) FROM audit WHERE request_id = %s AND action = 'broadcast.excluded'",
        id_of(page),
    ) == [(0,)]


async def test_a_file_that_would_be_empty_or_is_not_kept_is_refused(
    world: DeskWorld, editor: Browser, page: Page
) -> None:
    world.rows("DELETE FROM broadcast_exclusions WHERE broadcast_id = %s", id_of(page))
    refused = await editor.send(page, f"{page.path}/excluded", reason="to correct", format="csv")
    assert "There is no such row now" in refused.text
    world.rows(
        "UPDATE broadcasts SET audience_deleted_at = now() WHERE broadcast_id = %s", id_of(page)
    )
    refused = await editor.send(page, f"{page.path}/excluded", reason="to correct", format="csv")
    assert "are no longer kept" in refused.text
    assert f"{page.path}/excluded" not in {form.action for form in refused.forms}


async def test_a_file_of_no_broadcast_is_not_found(editor: Browser, page: Page) -> None:
    form = page.form(f"{page.path}/excluded").fields
    answer = await editor.client.post(
        f"/broadcasts/{uuid4()}/excluded",
        data={**form, "reason": "to correct them", "format": "csv"},
    )
    assert answer.status_code == 404


async def test_nobody_without_the_right_gets_numbers(world: DeskWorld, page: Page) -> None:
    for role in (Role.VIEWER, Role.SUPPORT, Role.APPROVER, Role.OPERATOR):
        browser = await world.signed_in(role)
        shown = await browser.open(page.path)
        assert shown.status == 200
        token = shown.form("/sign-out").fields["form"]
        answer = await browser.client.post(
            f"{page.path}/excluded", data={"form": token, "reason": "curious", "format": "csv"}
        )
        assert answer.status_code == 403


async def test_a_russian_file_has_russian_words_and_rows_that_load_again_once_corrected(
    world: DeskWorld,
) -> None:
    editor = await world.signed_in(Role.EDITOR, language="ru")
    first, second, third = client_numbers(world, 3)
    rows = [f"{first};Анна;x", "12345;Вера;x", f"{second};Бор;ис;x", f"{third};", f"{first};;x"]
    page = await drafted(
        editor, table_of(rows, "Телефон;Имя;Заметка"), text="{Имя}, офис закрыт 9 мая."
    )
    form = page.form(f"{page.path}/excluded").fields
    wanted = {**form, "reason": "исправить", "format": "csv"}
    answer = await editor.client.post(f"{page.path}/excluded", data=wanted)
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert lines[0] == ["строка", "состояние", "причина", "время", "Телефон", "Имя", "Заметка"]
    told = {line[0]: line for line in lines[1:]}
    assert {line[1] for line in lines[1:]} == {"исключена"}
    assert told["3"][2] == "номер: без + в начале нужно 11 цифр, первая 7 или 8"
    # Its own cells, one too many; and too few, without the number.
    assert told["4"][4:] == [second, "Бор", "ис", "x"]
    assert told["5"][4:] == ["", "", ""]
    assert third in told["5"][2]
    assert told["6"][2].startswith("«Имя»: не заполнено")
    assert not any(
        "a" <= char <= "z" for line in lines[1:] for char in line[2].replace("msisdn", "")
    )
    # As it is nothing of it is sent; corrected in place it is.
    again = await drafted(editor, answer.content, text="{Имя}, офис закрыт 9 мая.")
    assert "у неё нет получателей" in again.text or "Получателей нет" in again.text
    told["4"][4:] = [second, "Борис", "x"]
    told["5"][4:] = [third, "Глеб", "x"]
    corrected = io.StringIO()
    csv.writer(corrected, delimiter=";").writerows([lines[0], told["4"], told["5"]])
    made = await drafted(editor, corrected.getvalue().encode(), text="{Имя}, офис закрыт 9 мая.")
    assert "Получателей 2" in made.text
    assert "Борис, офис закрыт 9 мая." in made.text
