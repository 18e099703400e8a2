"""Templates: what is listed and shown, written, refused, retired, compared."""

from uuid import uuid4

import pytest

from inbound.desk.roles import Role
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import DeskWorld

RU = "Заявка {number} готова с {day}."
EN = "Request {number} is done since {day}."
FIELDS = {
    "type.number": "integer",
    "length.number": "6",
    "type.day": "date",
    "length.day": "20",
}


@pytest.fixture
async def editor(world: DeskWorld) -> Browser:
    return await world.signed_in(Role.EDITOR)


def new_name() -> str:
    return f"t-{uuid4().hex[:12]}"


async def post(browser: Browser, page: Page, path: str, **fields: str) -> Page:
    """Send the form of a template with fields that appear while it is written."""
    [form] = [form for form in page.forms if "base" in form.fields]
    data = {**form.fields, **fields}
    return Page(await browser.client.post(path, data=data))


async def create(browser: Browser, name: str, **fields: str) -> Page:
    page = await browser.open("/templates/_new")
    given = {"name": name, "ru": RU, "en": EN, **FIELDS, **fields}
    return await post(browser, page, "/templates/_new", **given)


async def change(browser: Browser, name: str, **fields: str) -> Page:
    page = await browser.open(f"/templates/{name}/change")
    return await post(browser, page, f"/templates/{name}/change", **fields)


async def test_a_template_is_written_shown_and_listed(world: DeskWorld, editor: Browser) -> None:
    name = new_name()
    page = await create(editor, name)
    assert page.path == f"/templates/{name}"
    assert "The template was created" in page.text
    assert RU in page.text
    assert "A whole number, characters at most: 6" in page.text
    assert "Parts at most, with every field at its longest: 1." in page.text
    assert "Заявка 4711 готова с 17.05.2024." in page.text
    assert "Request 4711 is done since 17 May 2024." in page.text
    [(actor,)] = world.rows(
        "SELECT actor FROM audit WHERE action = 'templates.create' AND reason LIKE %s", f"{name}%"
    )
    assert actor.startswith("user ")
    viewer = await world.signed_in(Role.VIEWER)
    assert name in (await viewer.open("/templates")).text


async def test_the_fields_follow_from_the_texts(editor: Browser) -> None:
    page = await editor.open("/templates/_new")
    data = {
        **page.form("/templates/_new").fields,
        "ru": "Сумма {sum} и {who}",
        "type.sum": "decimal",
    }
    shown = Page(await editor.client.post("/templates/_form", data=data))
    fields = shown.form("/templates/_new").fields
    assert fields["type.sum"] == "decimal"
    assert fields["type.who"] == "text"
    assert fields["length.who"] == "20"
    assert "parts at most: 1" in shown.text
    headers = {"HX-Request": "true", "HX-Target": "template-fields"}
    part = await editor.client.post("/templates/_form", data=data, headers=headers)
    assert "<html" not in part.text
    assert "length.who" in part.text


async def test_a_wrong_brace_hides_no_field_that_was_there(editor: Browser) -> None:
    page = await editor.open("/templates/_new")
    typed = {"ru": "Сумма {sum}, заявка {num", "type.sum": "decimal", "length.sum": "9"}
    data = {**page.form("/templates/_new").fields, **typed}
    shown = Page(await editor.client.post("/templates/_form", data=data))
    assert shown.form("/templates/_new").fields["type.sum"] == "decimal"
    assert "New fields can't be told while a brace is wrong" in shown.text
    data = {**page.form("/templates/_new").fields, "ru": "заявка {num"}
    shown = Page(await editor.client.post("/templates/_form", data=data))
    assert "have no fields yet" not in shown.text
    assert "a brace itself is written {{ or }}." in shown.text


async def test_a_text_that_lacks_a_field_of_the_other_is_remarked(editor: Browser) -> None:
    form = (await editor.open("/templates/_new")).form("/templates/_new").fields
    for ru, en, remarks in (
        ("Заявка {number} от {day}.", "Request {number}.", {"English": "day"}),
        ("Заявка.", "Request {number}, {sum}.", {"Russian": "number , sum"}),
        ("Заявка {day}.", "Request {number}.", {"Russian": "number", "English": "day"}),
        ("Заявка {number}.", "Request {number}.", {}),
        ("Заявка {number}.", "", {}),
    ):
        page = Page(await editor.client.post("/templates/_form", data=form | {"ru": ru, "en": en}))
        for language in ("Russian", "English"):
            is_said = f"The {language} text lacks fields" in page.text
            assert is_said is (language in remarks), (ru, en)
            if is_said:
                assert f"one has: {remarks[language]}" in page.text


async def test_a_new_version_leaves_the_old_one_as_it_was(editor: Browser) -> None:
    name = new_name()
    await create(editor, name)
    page = await change(editor, name, ru="Ваша заявка {number} выполнена {day}.")
    assert "The new version was stored" in page.text
    assert "version 2" in page.text
    old = await editor.open(f"/templates/{name}?version=1")
    assert RU in old.text
    assert "This is not the newest version" in old.text
    compared = await editor.open(f"/templates/{name}/compare?old=1&new=2")
    assert "Version 1 and version 2" in compared.text
    assert [tag for tag, _ in compared.elements if tag in {"del", "ins"}]
    assert "Ваша" in compared.text
    assert "This text is the same." in compared.text


async def test_the_same_again_is_no_version(editor: Browser) -> None:
    name = new_name()
    await create(editor, name)
    assert "says the same" in (await change(editor, name)).text
    assert "version 2" not in (await editor.open(f"/templates/{name}")).text


async def test_a_version_after_one_that_is_not_the_newest_is_refused_once(
    world: DeskWorld, editor: Browser
) -> None:
    name = new_name()
    await create(editor, name)
    path = f"/templates/{name}/change"
    mine = await editor.open(path)
    other = await world.signed_in(Role.EDITOR)
    await change(other, name, ru="Готова {number} {day}.")
    stale = await post(editor, mine, path, ru="Сделана {number} {day}.")
    assert stale.status == 409
    assert "Nothing was stored" in stale.text
    assert f"/templates/{name}/compare?old=1&new=2" in stale.links
    assert stale.form(path).fields["ru"] == "Сделана {number} {day}."
    stored = await post(editor, stale, path)
    assert "The new version was stored" in stored.text
    assert "version 3" in stored.text


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "Имя"}, "A name has up to 64 small Latin letters"),
        ({"name": ""}, "A name has up to 64 small Latin letters"),
        ({"ru": " ", "en": ""}, "Write a text in at least one language"),
        ({"ru": "Скобка { одна"}, "Check the braces"),
        ({"ru": "a\x07"}, "invisible control character"),
        ({"ru": "я" * 4001}, "The text is too long"),
        ({"length.number": "0"}, "Write a number from 1 to 500"),
        ({"length.number": "many"}, "Write a number from 1 to 500"),
        (
            {"ru": "{number} " + "я" * 140, "max_parts": "1"},
            "could need 3 parts; allowed: 1.",
        ),
        ({"ru": "".join(f"{{f{n}}}" for n in range(41))}, "up to 40 fields"),
    ],
)
async def test_a_template_that_is_wrong_is_not_stored_and_keeps_what_was_typed(
    editor: Browser, fields: dict[str, str], problem: str
) -> None:
    name = new_name()
    page = await create(editor, **{"name": name, **fields})
    assert page.status == 422
    assert problem in page.text
    assert "Nothing was stored" in page.text
    kept = page.form("/templates/_new").fields
    assert kept["name"] == fields.get("name", name)
    assert kept["ru"] == fields.get("ru", RU)
    assert (await editor.open(f"/templates/{name}")).status == 404


async def test_a_name_that_is_taken_is_refused(editor: Browser) -> None:
    name = new_name()
    await create(editor, name)
    page = await create(editor, name, ru="Другой {number} {day}")
    assert page.status == 422
    assert "A template of this name exists" in page.text


async def test_a_retired_template_is_offered_no_more_and_comes_back(
    world: DeskWorld, editor: Browser
) -> None:
    name = new_name()
    page = await create(editor, name)
    page = await editor.send(page, f"/templates/{name}/retire")
    assert "The template was retired" in page.text
    assert "Retired by user " in page.text
    assert name not in (await editor.open("/send")).text
    assert name in (await editor.open("/templates")).text
    page = await editor.send(page, f"/templates/{name}/restore")
    assert "The template was restored" in page.text
    assert f"Template {name}" in (await editor.open("/send")).text
    actions = world.rows("SELECT action FROM audit WHERE reason = %s ORDER BY id", name)
    assert actions == [("templates.retire",), ("templates.restore",)]


async def test_a_preview_takes_values_and_says_which_do_not_fit(editor: Browser) -> None:
    name = new_name()
    page = await create(editor, name)
    shown = await editor.send(page, f"/templates/{name}/preview", **{"f.number": "12"})
    assert "Заявка 12 готова" in shown.text
    wrong = await editor.send(page, f"/templates/{name}/preview", **{"f.number": "1234567"})
    assert "number : This does not fit" in wrong.text
    assert "Заявка {number} готова" in wrong.text
    form = page.form(f"/templates/{name}/preview").fields
    part = await editor.client.post(
        f"/templates/{name}/preview", data=form, headers={"HX-Request": "true"}
    )
    assert "<html" not in part.text


async def test_only_those_who_may_see_forms(world: DeskWorld, editor: Browser) -> None:
    name = new_name()
    await create(editor, name)
    support = await world.signed_in(Role.SUPPORT)
    page = await support.open(f"/templates/{name}")
    assert page.status == 200
    assert {form.action for form in page.forms} == {
        *("/people/search", "/language", "/sign-out", f"/templates/{name}/preview")
    }
    assert f"/templates/{name}/change" not in page.links
    assert (await support.open("/templates/_new")).status == 403
    assert (await support.open(f"/templates/{name}/change")).status == 403


async def test_markup_in_a_template_stays_text(editor: Browser) -> None:
    name = new_name()
    markup = "<script>alert(1)</script> {number} {day}"
    page = await create(editor, name, ru=markup)
    assert markup in page.text
    for path in ("", "/change", "/compare"):
        assert "<script>alert" not in (await editor.open(f"/templates/{name}{path}")).answer.text
    assert "<script>alert" not in (await editor.open("/templates")).answer.text


async def test_the_list_has_pages(editor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    base = new_name()
    names = [f"{base}-{letter}" for letter in "abc"]
    for name in names:
        await create(editor, name)
    monkeypatch.setattr("inbound.desk.messages.message_templates.SHOWN", 1)
    monkeypatch.setattr("inbound.desk.messages.template_routes.SHOWN", 1)
    page = await editor.open(f"/templates?after={names[0]}")
    assert names[1] in page.text
    [more] = [link for link in page.links if "after=" in link]
    assert names[2] in (await editor.open(more)).text


async def test_what_is_not_there_says_so(editor: Browser) -> None:
    for path in ("/templates/nothing", "/templates/nothing/change", "/templates/nothing/compare"):
        page = await editor.open(path)
        assert page.status == 404
        assert "There is no template of this name" in page.text


async def test_both_languages_have_the_pages(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.EDITOR, language="ru")
    assert "Создать шаблон" in (await browser.open("/templates/_new")).text
    name = new_name()
    assert "Шаблон создан" in (await create(browser, name)).text
