"""Characters, nesting and choices that no page of the desk offers: refused, and nothing changes."""

import re
from uuid import UUID

import pytest
from fastapi.routing import APIRoute

from inbound.desk.app import ROUTERS
from inbound.desk.roles import Role
from inbound.desk.visitors import Does
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.test_security import guards
from tests.integration.desk.world import PASSWORD, DeskWorld

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
FIELDS = ("to", "text", "account", "template", "once", "q", "name", "reason", "phone", "number")


@pytest.mark.parametrize("typed", ["\0", "C\0"])
async def test_no_page_takes_a_nul(world: DeskWorld, typed: str) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR, Role.EDITOR, Role.SUPPORT)
    token = (await browser.open("/account")).form("/sign-out").fields["form"]
    for route in ROUTES:
        path = re.sub(r"\{[^}]*\}", "C%00" if "C" in typed else "%00", route.path)
        if route.methods == {"GET"} and path != route.path:
            assert (await browser.client.get(path)).status_code == 404, route.path
        if route.methods == {"GET"}:
            answer = await browser.client.get(path, params={"template": typed, "after": typed})
            assert answer.status_code == 404, route.path
        if Does in guards(route.dependant):
            path = re.sub(r"\{[^}]*\}", "00000000-0000-0000-0000-000000000000", route.path)
            fields = {"form": token, **dict.fromkeys(FIELDS, typed)}
            answer = await browser.client.post(path, data=fields)
            assert answer.status_code == 400, route.path
            assert "Nothing was changed." in answer.text
            upload = {"file": ("a.csv", b"msisdn\n")}
            answer = await browser.client.post(path, data=fields, files=upload)
            assert answer.status_code in {400, 415}, route.path


async def test_signing_in_with_a_nul_fails_and_is_counted(world: DeskWorld) -> None:
    browser = world.browser()
    page = await browser.open("/sign-in")
    statuses = []
    for number in range(31):
        name = f"{number}\0b"
        answer = await browser.send(page, "/sign-in", name=name, password=PASSWORD)
        statuses.append(answer.status)
    assert statuses == [403] * 30 + [429]


@pytest.mark.parametrize(
    "kept",
    [
        "[" * 5000,
        '{"path": "/send", "fields": {"text": "a\\u0000"}}',
        '{"path": "/send", "fields": {"text": "\\ud800"}}',
        '{"path": "/send", "fields": {"text": {"a": ["b"]}}}',
    ],
)
async def test_a_kept_form_that_the_desk_did_not_make_is_dropped(
    world: DeskWorld, kept: str
) -> None:
    browser, name = world.browser(), world.user()
    page = await browser.open("/sign-in?to=/account")
    typed = {"name": name, "password": PASSWORD, "kept": kept}
    form = {**page.form("/sign-in").fields, **typed}
    page = Page(await browser.client.post("/sign-in", data=form))
    assert (page.status, page.path) == (200, "/account")


@pytest.mark.parametrize(
    "shown", ["http://[bad", "http://desk.test:x/people", "//evil/\\x", "[", ""]
)
async def test_a_part_of_a_page_asks_to_sign_in_whatever_page_it_is_of(
    world: DeskWorld, shown: str
) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": shown}
    answer = await world.browser().client.get("/status", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/sign-in?to=%2F")


async def tables(browser: Browser) -> list[str]:
    """Upload a table of recipients and one of clients; return where their readings are chosen."""
    recipients = await browser.open("/broadcasts/new")
    content = "msisdn;name\n+79161234567;Анна\n".encode()
    recipients = await browser.upload(recipients, "/broadcasts/new/table", "a.csv", content)
    clients = await browser.open("/clients")
    clients = await browser.upload(clients, "/clients/import", "a.csv", content)
    return [f"{recipients.path}/reading", f"{clients.path}/read"]


async def test_a_choice_that_a_form_does_not_have_is_refused(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR, Role.EDITOR, Role.SUPPORT)
    token = (await browser.open("/account")).form("/sign-out").fields["form"]
    page = await browser.open("/people")
    page = await browser.send(page, "/people/search", q="+79161234567")
    reason = {"form": token, "reason": "as they have asked"}
    nowhere = "/broadcasts/00000000-0000-0000-0000-000000000000"
    for path, fields in (
        (f"{page.path}/switch", {**reason, "to": "OFF"}),
        (f"{page.path}/switch", reason),
        (f"{page.path.replace('people', 'clients')}", {**reason, "language": "de"}),
        ("/accounts/default/balance", {**reason, "amount": "1", "how": "more"}),
        ("/tokens", {**reason, "name": "shop", "scope-read": "1", "days": "36500"}),
        ("/broadcasts/new/clients", {**reason, "name": "May", "text": "Hi", "language": "de"}),
        (f"{nowhere}/recipients", {**reason, "state": "everybody", "format": "csv"}),
        (f"{nowhere}/excluded", {**reason, "format": "exe"}),
        *(
            (path, {**reason, name: value})
            for path in (await tables(browser))
            for name, value in (
                *(("encoding", codec) for codec in ("undefined", "punycode", "unicode_escape")),
                ("separator", ";"),
            )
        ),
    ):
        answer = await browser.client.post(path, data=fields)
        assert answer.status_code == 422, path
        assert "a choice that the desk does not know" in answer.text, path
    assert "notifications on" in (await browser.open(page.path)).text


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "http://evil"},
        {"Origin": "null"},
        {"Origin": "http://desk.test.evil"},
        {"Origin": "http://desk.test@evil"},
        {"Origin": "http://desk.test/"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil"},
    ],
)
async def test_a_form_of_another_origin_is_refused(
    world: DeskWorld, header: dict[str, str]
) -> None:
    browser = await world.signed_in()
    form = (await browser.open("/account")).form("/sign-out").fields
    answer = await browser.client.post("/sign-out", data=form, headers=header)
    assert answer.status_code == 403
    assert "This form is out of date." in answer.text
    upload = {"file": ("a.csv", b"msisdn\n")}
    path = "/clients/import"
    answer = await browser.client.post(path, data=form, files=upload, headers=header)
    assert answer.status_code == 403
    assert (await browser.open("/account")).path == "/account"


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "http://desk.test"},
        {"Origin": "https://desk.test:8443", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://localhost:8070", "Host": "localhost:8070"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_a_form_of_the_desk_is_taken(world: DeskWorld, header: dict[str, str]) -> None:
    browser = await world.signed_in()
    form = (await browser.open("/account")).form("/sign-out").fields
    answer = await browser.client.post(
        "/sign-out", data=form, headers=header, follow_redirects=False
    )
    assert answer.status_code == 303


async def test_a_form_of_another_port_of_this_host_is_refused(world: DeskWorld) -> None:
    browser = await world.signed_in()
    form = (await browser.open("/account")).form("/sign-out").fields
    headers = {"Origin": "http://localhost:3000", "Host": "localhost:8070"}
    assert (await browser.client.post("/sign-out", data=form, headers=headers)).status_code == 403


async def test_a_moment_that_no_clock_shows_begins_no_page(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR, Role.SUPPORT)
    person = await browser.open("/people")
    person = await browser.send(person, "/people/search", q="+79161234567")
    for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30"):
        for path, query in (
            (person.path, {"until": moment}),
            ("/audit", {"before": f"{moment} 7"}),
            ("/send/sent", {"before": f"{moment}_7"}),
            ("/send/scheduled", {"after": f"{moment}_{UUID(int=7)}"}),
        ):
            assert (await browser.client.get(path, params=query)).status_code == 200, (path, moment)
