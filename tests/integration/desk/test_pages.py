"""What holds for every page: rights, forms, headers, languages, errors."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from inbound.desk.app import ROUTERS
from inbound.desk.roles import RIGHTS, Right, Role, rights_of
from inbound.desk.visitors import Does, Sees
from inbound.errors import RetryableError
from tests.integration.api.world import SUBJECTS
from tests.integration.desk.browser import Page
from tests.integration.desk.world import PASSWORD, DeskWorld

OPEN = {
    ("GET", "/"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-in/code"),
    ("POST", "/sign-in/provider"),
    ("GET", "/sign-in/back"),
    ("GET", "/sign-in/continue"),
    ("POST", "/sign-out"),
    ("POST", "/language"),
    ("GET", "/static/{name}"),
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def routes() -> Iterator[tuple[str, str, Right | None]]:
    """Yield each route with the right that it needs."""
    for route in (route for router in ROUTERS for route in router.routes):
        assert isinstance(route, APIRoute)
        for method in route.methods or ():
            yield method, route.path, right_of(route.dependant)


def right_of(dependant: Dependant) -> Right | None:
    for one in dependant.dependencies:
        if isinstance(one.call, Sees | Does):
            return one.call.right
    return None


GUARDED = [(method, path, right) for method, path, right in routes() if right is not None]


def test_every_page_and_action_needs_a_right() -> None:
    assert {(method, path) for method, path, right in routes() if right is None} == OPEN
    assert {right for _, _, right in GUARDED} == set(Right)


def test_every_right_has_a_role_and_administrators_have_all() -> None:
    assert set(RIGHTS) == set(Right)
    assert all(RIGHTS[right] for right in Right)
    assert rights_of([Role.ADMINISTRATOR]) == set(Right)
    assert rights_of(["a role of a newer release"]) == set()


async def call(world: DeskWorld, browser: Any, method: str, path: str) -> Any:
    """Call a route as its page would, with ids that nothing has."""
    path = re.sub(r"\{[^}]+\}", "7a0a6442-bd60-4496-9d09-36b591bc1f08", path)
    if method == "GET":
        return await browser.client.get(path, follow_redirects=False)
    token = (await browser.open("/account")).form("/sign-out").fields["form"]
    return await browser.client.post(path, data={"form": token}, follow_redirects=False)


@pytest.mark.parametrize("role", Role)
async def test_every_page_and_action_under_every_role(handset_world: DeskWorld, role: Role) -> None:
    world = handset_world
    browser = await world.signed_in(role)
    for method, path, right in GUARDED:
        answer = await call(world, browser, method, path)
        assert answer.status_code < 500, (method, path)
        is_refused = answer.status_code == 403
        assert is_refused is (right not in rights_of([role])), (method, path, role)
        if is_refused:
            assert "Your role does not allow this" in answer.text
            assert "Nothing was changed" in answer.text


async def test_nothing_is_shown_or_done_without_a_session(handset_world: DeskWorld) -> None:
    world = handset_world
    browser = world.browser()
    token = (await browser.open("/sign-in")).form("/sign-in").fields["form"]
    for method, path, _ in GUARDED:
        answer = await browser.client.request(
            method,
            re.sub(r"\{[^}]+\}", "x", path),
            data={"form": token} if method == "POST" else None,
            follow_redirects=False,
        )
        assert answer.status_code == (303 if method == "GET" else 401), (method, path)


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({}, {}),
        ({"form": "0" * 64}, {}),
        ({"form": "форма"}, {}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
    ],
)
async def test_a_forged_form_does_nothing(
    world: DeskWorld, data: dict[str, str] | None, headers: dict[str, str]
) -> None:
    browser = await world.signed_in()
    if data is None:
        data = (await browser.open("/account")).form("/sign-out").fields
    actions = [path for method, path, _ in routes() if method == "POST"]
    for path in actions:
        answer = await browser.client.post(path, data=data, headers={**FORM, **headers})
        assert answer.status_code == 403, path
        assert "This form is out of date" in answer.text
    assert (await browser.open("/account")).path == "/account"


async def test_a_form_of_another_browser_is_refused(world: DeskWorld) -> None:
    mine, theirs = await world.signed_in(), await world.signed_in()
    token = (await theirs.open("/account")).form("/sign-out").fields["form"]
    assert (await mine.client.post("/sign-out", data={"form": token})).status_code == 403


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"x=" + b"y" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"x=1" for _ in range(101)), "application/x-www-form-urlencoded", 403),
        (b"x=\xff", "application/x-www-form-urlencoded", 403),
        (b"form=%ff", "application/x-www-form-urlencoded", 403),
        (b"{}", "application/json", 415),
        (b"--b--", "multipart/form-data; boundary=b", 415),
    ],
)
async def test_a_body_that_is_no_form_of_ours_is_refused(
    world: DeskWorld, content: bytes, content_type: str, status: int
) -> None:
    browser = await world.signed_in()
    answer = await browser.client.post(
        "/sign-out", content=content, headers={"Content-Type": content_type}
    )
    assert answer.status_code == status
    assert "Nothing was changed" in answer.text


async def test_every_answer_has_the_headers_that_protect(world: DeskWorld) -> None:
    browser = await world.signed_in()
    for path in ("/account", "/sign-in", "/nothing", "/static/desk.css"):
        headers = (await browser.client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        cached = headers["cache-control"]
        assert ("immutable" in cached) is path.startswith("/static"), path


async def test_nothing_is_inline_and_nothing_comes_from_elsewhere(
    handset_world: DeskWorld,
) -> None:
    browser = await handset_world.signed_in(Role.ADMINISTRATOR)
    paths = ["/account", "/handset", "/people", f"/people/{SUBJECTS[2]}", "/nothing"]
    paths += ["/users", "/tokens", "/audit", "/send", "/send/sent", "/send/scheduled"]
    paths += ["/templates", "/templates/_new"]
    paths += ["/status", "/status/live", "/status/dead-letters", "/status/report"]
    pages = [await browser.open(path) for path in paths]
    for page in [*pages, await handset_world.browser().open("/sign-in")]:
        for tag, attributes in page.elements:
            assert "style" not in attributes, tag
            assert not [name for name in attributes if name.startswith("on")], tag
            assert tag != "style"
            for name in ("src", "href", "action"):
                assert attributes.get(name, "/").startswith(("/", "#")), (tag, attributes)


async def test_static_files_are_found_by_the_addresses_in_pages(world: DeskWorld) -> None:
    browser = world.browser()
    page = await browser.open("/sign-in")
    addresses = [a["href"] for tag, a in page.elements if tag == "link"]
    assert len(addresses) == 2
    for address in addresses:
        answer = await browser.client.get(address)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(("text/css", "image/svg+xml"))
    assert (await browser.client.get("/static/../app.py")).status_code == 404


async def test_the_language_is_that_of_the_browser_until_it_is_chosen(world: DeskWorld) -> None:
    browser = world.browser(language="ru-RU,ru;q=0.9,en;q=0.5")
    page = await browser.open("/sign-in")
    assert "Вход в SCSERV" in page.text
    assert ("html", {"lang": "ru"}) in page.elements
    page = await browser.send(page, "/language", language="en")
    assert page.path == "/sign-in"
    assert "Sign in to SCSERV" in page.text
    page = await browser.send(page, "/language", language="ru")
    assert "Вход в SCSERV" in page.text


async def test_another_language_is_of_the_same_page_and_what_it_shows(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    page = await browser.open("/audit?actor=somebody&until=2024-05-17")
    page = await browser.send(page, "/language", language="ru")
    assert page.form("/audit").fields["actor"] == "somebody"
    assert "Аудит" in page.text


@pytest.mark.parametrize(
    ("page", "form", "fields", "leads_to"),
    [
        ("/send", "/send", {"to": ""}, "/send"),
        ("/people", "/people/search", {"q": "nobody at all"}, "/people"),
        ("/clients", "/clients/search", {"client": "nobody at all"}, "/clients"),
        ("/accounts/default", "/accounts/default", {"zone": "nowhere"}, "/accounts/default"),
        ("/accounts/default", "/accounts/default/senders", {"sender": "я"}, "/accounts/default"),
        ("/broadcasts/new/clients", "/broadcasts/new/clients", {}, "/broadcasts/new/clients"),
    ],
)
async def test_after_a_refused_form_another_language_leads_to_its_page(
    world: DeskWorld, page: str, form: str, fields: dict[str, str], leads_to: str
) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    refused = await browser.send(await browser.open(page), form, **fields)
    after = await browser.send(refused, "/language", language="ru")
    assert (after.status, after.path) == (200, leads_to)
    assert ("html", {"lang": "ru"}) in after.elements


async def test_after_a_refused_form_another_language_keeps_the_query_of_its_page(
    world: DeskWorld,
) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    like = f"?like={uuid4()}"
    page = await browser.open(f"/broadcasts/new{like}")
    refused = await browser.upload(page, f"/broadcasts/new/table{like}", "a.csv", b"")
    assert refused.status == 422
    after = await browser.send(refused, "/language", language="ru")
    assert (after.status, after.path) == (200, "/broadcasts/new")
    assert f"/broadcasts/new/table{like}" in {form.action for form in after.forms}


async def test_a_message_to_somebody_is_still_to_them_in_another_language(
    world: DeskWorld,
) -> None:
    browser = await world.signed_in(Role.SUPPORT)
    page = await browser.open(f"/send?person={SUBJECTS[2]}")
    refused = await browser.send(page, "/send", text="")
    after = await browser.send(refused, "/language", language="ru")
    assert after.form("/send").fields["person"] == str(SUBJECTS[2])


async def test_what_is_shown_once_is_not_left_for_another_language(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    page = await browser.open("/tokens")
    assert "/language" in {form.action for form in page.forms}
    name = f"t-{uuid4().hex[:6]}"
    data = {**page.form("/tokens").fields, "name": name, "scope-read": "1"}
    made = Page(await browser.client.post("/tokens", data=data))
    assert made.secrets
    assert "/language" not in {form.action for form in made.forms}


async def test_a_page_that_is_not_there_says_what_to_do(world: DeskWorld) -> None:
    page = await (await world.signed_in()).open("/nothing/here")
    assert page.status == 404
    assert "There is no such page" in page.text
    assert page.answer.headers["x-request-id"] in page.text
    assert "/account" in page.links


async def test_an_outage_says_what_became_of_the_change(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise RetryableError("PostgreSQL at secret-host does not answer")

    browser = await world.signed_in_twice()
    page = await browser.open("/account")
    monkeypatch.setattr(world.desk.sign_in.sessions, "end_others", away)
    failed = await browser.send(page, "/account/sessions/end-others")
    assert failed.status == 503
    assert "not certain whether your change was made" in failed.text
    assert "secret-host" not in failed.answer.text
    monkeypatch.setattr(world.desk.sign_in.sessions, "find", away)
    failed = await browser.open("/account")
    assert failed.status == 503
    assert "Nothing was changed" in failed.text
    assert failed.answer.headers["retry-after"]


async def test_a_defect_shows_a_number_and_no_detail(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    detail = "a secret detail"

    async def broken(*_: object) -> None:
        raise ValueError(detail)

    browser = await world.signed_in_twice()
    page = await browser.open("/account")
    monkeypatch.setattr(world.desk.sign_in.sessions, "end_others", broken)
    failed = await browser.send(page, "/account/sessions/end-others")
    assert failed.status == 500
    assert "Something went wrong in the service itself" in failed.text
    number = failed.answer.headers["x-request-id"]
    assert number in failed.text
    assert "secret detail" not in failed.answer.text + caplog.text
    assert f"defect: ValueError id={number}" in caplog.text


async def test_markup_in_what_is_typed_stays_text(world: DeskWorld) -> None:
    browser = world.browser()
    page = await browser.sign_in('"><script>alert(1)</script>', "x")
    assert "<script>" not in page.answer.text
    assert page.form("/sign-in").fields["name"] == '"><script>alert(1)</script>'


async def test_the_log_names_the_user_and_nothing_that_was_sent(
    world: DeskWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    name = world.user()
    browser = world.browser()
    await browser.sign_in(name, PASSWORD)
    await browser.open("/sign-in?to=/account?secret=1")
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("inbound")]
    assert any(f"user={name}" in line for line in ours)
    assert not any("secret" in line or PASSWORD in line for line in ours)
