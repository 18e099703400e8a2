"""What docs/SECURITY.md promises of the whole desk and no page shows by itself."""

from collections.abc import AsyncIterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from inbound.desk.app import ROUTERS
from inbound.desk.roles import Role
from inbound.desk.static_files import static_files
from inbound.desk.visitors import Does, Sees
from tests.integration.desk.test_people import search
from tests.integration.desk.world import PASSWORD, DeskWorld

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


@pytest.fixture
async def secure_world(desk_url: str) -> AsyncIterator[DeskWorld]:
    made = DeskWorld(desk_url, is_secure=True)
    yield made
    await made.close()


def guards(dependant: Dependant) -> set[type]:
    """Return the kinds of guards of a route."""
    return {type(one.call) for one in dependant.dependencies} & {Sees, Does}


def test_only_a_post_changes_anything() -> None:
    for route in ROUTES:
        if Does in guards(route.dependant):
            assert route.methods == {"POST"}, route.path
        if Sees in guards(route.dependant):
            assert route.methods == {"GET"}, route.path


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT"])
async def test_no_other_method_is_answered(world: DeskWorld, method: str) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    for path in ("/account", "/sign-in", "/people/search"):
        answer = await browser.client.request(method, path, headers={"X-Echo": "secret-echo"})
        assert answer.status_code == 405, path
        assert "secret-echo" not in answer.text


async def test_no_documentation_debugging_or_listing_is_served(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    for path in (
        *("/docs", "/redoc", "/openapi.json", "/metrics", "/health/ready", "/debug", "/.git/HEAD"),
        *("/static", "/static/", "/static/..%2fapp.py", "/static/htmx.LICENSE.txt"),
    ):
        assert (await browser.client.get(path)).status_code == 404, path


async def test_over_tls_every_answer_demands_tls(secure_world: DeskWorld) -> None:
    browser = secure_world.browser()
    style = static_files()["desk.css"].address
    for path in ("/sign-in", "/", "/nothing", style):
        answer = await browser.client.get(path, follow_redirects=False)
        policy = answer.headers["strict-transport-security"]
        assert policy == "max-age=31536000; includeSubDomains", path


async def test_every_answer_names_its_type_and_characters(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    files = [one.address for one in static_files().values()]
    for path in ("/account", "/nothing", "/status/report.csv", *files):
        answer = await browser.client.get(path)
        assert answer.headers["content-type"].endswith("; charset=utf-8"), path
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_signing_in_again_ends_the_session_before(world: DeskWorld) -> None:
    name = world.user()
    browser, thief = world.browser(), world.browser()
    await browser.sign_in(name, PASSWORD)
    before = browser.client.cookies["scserv_session"]
    token = (await browser.open("/account")).form("/sign-out").fields["form"]
    fields = {"form": token, "name": name, "password": PASSWORD, "to": "/account"}
    answer = await browser.client.post("/sign-in", data=fields)
    assert answer.url.path == "/account"
    after = browser.client.cookies["scserv_session"]
    assert after != before
    assert len(after) == 43  # 256 random bits, in base64
    thief.client.cookies["scserv_session"] = before
    assert (await thief.open("/account")).path == "/sign-in"


async def test_fields_that_a_form_does_not_have_change_nothing(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.VIEWER)
    page = await browser.open("/account")
    fields = {
        **page.form("/account/password").fields,
        "current": PASSWORD,
        "new": "eleven red balloons",
        "again": "eleven red balloons",
        "roles": "administrator",
        "role": "administrator",
        "user_id": "1",
        "actor": "root",
    }
    assert (await browser.client.post("/account/password", data=fields)).status_code == 200
    assert (await browser.client.get("/account")).text.count("administrator") == 0


async def test_the_last_of_two_values_is_the_one_that_is_checked_and_used(
    world: DeskWorld,
) -> None:
    browser = await world.signed_in()
    token = (await browser.open("/account")).form("/sign-out").fields["form"]
    content = f"form={'0' * 64}&form={token}&language=xx&language=ru&back=//evil.test&back=/account"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser.client.post("/language", content=content, headers=headers)
    assert answer.url.host == "desk.test"
    assert answer.headers["content-language"] == "ru"
    content = f"form={token}&form={'0' * 64}&language=en&back=/account"
    answer = await browser.client.post("/language", content=content, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "typed",
    [
        "'; DROP TABLE subjects; --",
        "' OR '1'='1",
        "%' OR 1=1 --",
        "\\",
        "%00",
        "{{7103*7109}} ${7103*7109} <%= 7103*7109 %>",
        "../../etc/passwd",
    ],
)
async def test_what_is_searched_for_is_never_code(world: DeskWorld, typed: str) -> None:
    browser = await world.signed_in()
    page = await search(browser, typed)
    assert page.status == 200
    assert "Nothing is known by this" in page.text
    assert str(7103 * 7109) not in page.text


async def test_a_refused_visitor_is_in_the_log(
    world: DeskWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    browser = await world.signed_in(Role.VIEWER)
    token = (await browser.open("/account")).form("/sign-out").fields["form"]
    answer = await browser.client.post("/status/dead-letters/discard", data={"form": token})
    assert answer.status_code == 403
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("inbound")]
    [line] = [text for text in ours if " 403 " in text]
    assert "user=user-" in line
    assert "/status/dead-letters/discard" in line


def test_scripts_store_nothing_in_the_browser_and_run_no_text() -> None:
    for name, one in static_files().items():
        if name.endswith(".js") and not name.startswith("htmx"):
            for word in (b"localStorage", b"sessionStorage", b"eval(", b"innerHTML", b"indexedDB"):
                assert word not in one.content, name


@pytest.mark.parametrize("host", ["evil.example", "desk.test.evil.example", "evil.example:80", ""])
async def test_a_request_for_another_name_is_refused(world: DeskWorld, host: str) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    name = world.user()
    form = (await browser.open("/account")).form("/sign-out").fields
    for method, path in (
        ("GET", "/users"),
        ("GET", "/sign-in"),
        ("POST", f"/users/{name}/disable"),
    ):
        data = form if method == "POST" else None
        answer = await browser.client.request(method, path, data=data, headers={"Host": host})
        assert answer.status_code == 421
        assert "The desk is not known by this name." in answer.text
        assert name not in answer.text
    assert (await browser.open(f"/users/{name}")).text.count("disabled") == 0
    assert (
        await browser.client.get("/users", headers={"Host": "localhost:8070"})
    ).status_code == 200
