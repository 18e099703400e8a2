"""The pages of accounts: rights, limits, balance, senders, callbacks, and who may change them."""

from decimal import Decimal
from uuid import uuid4

import pytest

from inbound.callbacks.signing import secret_context
from inbound.desk.roles import Role
from inbound.store.connections import connect
from inbound.store.orders.account_records import list_accounts
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import DeskWorld


async def new_account(world: DeskWorld, browser: Browser) -> str:
    name = f"shop-{uuid4().hex[:5]}x"
    page = await browser.open("/accounts")
    page = await browser.send(page, "/accounts", name=name)
    assert page.path == f"/accounts/{name}"
    assert "The account was created" in page.text
    return name


async def post(browser: Browser, page: Page, path: str, **fields: str) -> Page:
    """Send a form of which only some fields count, as with other boxes ticked."""
    token = page.form("/sign-out").fields["form"]
    return Page(await browser.client.post(path, data={"form": token, **fields}))


def settings(world: DeskWorld, name: str) -> object:
    with connect(world.url, "tests") as conn:
        [found] = list_accounts(conn, name)
    return found.settings


async def test_an_account_is_created_changed_and_shown(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    name = await new_account(world, browser)
    page = await browser.open(f"/accounts/{name}")
    form = page.form(f"/accounts/{name}")
    form.fields["right-broadcasts"] = ""  # a box that is not ticked yet
    page = await browser.send(
        page,
        f"/accounts/{name}",
        **{"right-broadcasts": "1", "day_limit": "100", "min_delay_s": "10m"},
        price_per_part="2,50",
        addresses="203.0.113.7\n2001:db8::/32",
        patterns="Code [0-9]{4}",
    )
    assert "The account was changed" in page.text
    found = settings(world, name)
    assert getattr(found, "rights", ()) == ("send", "broadcasts")
    assert getattr(found, "day_limit", 0) == 100
    assert getattr(found, "min_delay_s", 0) == 600
    assert getattr(found, "price_per_part", 0) == Decimal("2.50")
    assert getattr(found, "addresses", ()) == ("203.0.113.7/32", "2001:db8::/32")
    fields = page.form(f"/accounts/{name}").fields
    assert fields["min_delay_s"] == "10m"
    assert fields["price_per_part"] == "2.50"
    assert "0 of 100 used" in page.text
    page = await browser.send(page, f"/accounts/{name}", day_limit="", patterns="", addresses="")
    assert "0 used, no limit" in page.text
    page = await browser.send(page, f"/accounts/{name}")
    assert "Nothing was changed" in page.text
    [(actor,)] = world.rows("SELECT DISTINCT actor FROM audit WHERE reason LIKE %s", f"{name}:%")
    assert world.audit(actor)[-3:] == ["accounts.create", "accounts.change", "accounts.change"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (
            "day_limit",
            "many",
            "from 0 to 2 000 000 000, or",
        ),
        ("min_delay_s", "32d", "a time from 1s to 31d, such as 30s"),
        (
            "price_per_part",
            "0.00001",
            "like 2.50, below 100 000 000",
        ),
        ("zone", "Moscow", "no such time zone"),
        ("currency", "roubles", "three letters"),
        ("addresses", "example.org", "an address or a network"),
        ("patterns", "(", "a regular expression"),
        ("rate_per_s", "0", "a whole number from 1 to 100 000"),
        ("patterns", "a\n" * 21, "too many lines: 21, and at most 20"),
    ],
)
async def test_a_field_that_is_refused_is_marked_and_kept(
    world: DeskWorld, field: str, value: str, said: str
) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    name = await new_account(world, browser)
    before = settings(world, name)
    page = await browser.open(f"/accounts/{name}")
    page = await browser.send(page, f"/accounts/{name}", **{field: value, "week_limit": "7"})
    assert page.status == 422
    assert said in page.text
    assert "Nothing was saved" in page.text
    fields = page.form(f"/accounts/{name}").fields
    assert (fields[field], fields["week_limit"]) == (value, "7")
    assert settings(world, name) == before


async def test_a_balance_is_not_relabelled(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    name = await new_account(world, browser)
    world.rows("UPDATE accounts SET balance = 100 WHERE account = %s", name)
    page = await browser.open(f"/accounts/{name}")
    page = await browser.send(page, f"/accounts/{name}", currency="EUR")
    assert page.status == 422
    assert "needs an exchange rate" in page.text
    world.rows("UPDATE accounts SET balance = NULL WHERE account = %s", name)
    page = await browser.open(f"/accounts/{name}")
    page = await browser.send(page, f"/accounts/{name}", currency="EUR")
    assert getattr(settings(world, name), "currency", "") == "EUR"


async def test_two_people_who_edit_one_account_lose_nothing(world: DeskWorld) -> None:
    one, two = [await world.signed_in(Role.OPERATOR) for _ in range(2)]
    name = await new_account(world, one)
    pages = [await browser.open(f"/accounts/{name}") for browser in (one, two)]
    await one.send(pages[0], f"/accounts/{name}", day_limit="100")
    page = await two.send(pages[1], f"/accounts/{name}", month_limit="900")
    assert page.status == 422
    assert "Somebody has changed this account meanwhile" in page.text
    assert page.form(f"/accounts/{name}").fields["month_limit"] == "900"
    page = await two.send(page, f"/accounts/{name}", day_limit="100")
    assert "The account was changed" in page.text
    assert getattr(settings(world, name), "day_limit", 0) == 100
    assert getattr(settings(world, name), "month_limit", 0) == 900


async def test_what_was_spent_meanwhile_stays_spent(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    name = await new_account(world, browser)
    page = await browser.open(f"/accounts/{name}")
    page = await post(browser, page, f"/accounts/{name}/balance", amount="100", how="set")
    assert "The balance was set" in page.text
    world.rows("UPDATE accounts SET balance = balance - 30 WHERE account = %s", name)
    page = await browser.send(page, f"/accounts/{name}", price_per_part="2")
    assert "70.00 RUB" in page.text
    assert "SMS parts: 35" in page.text
    page = await post(browser, page, f"/accounts/{name}/balance", amount="0,50", how="add")
    assert "70.50 RUB" in page.text
    page = await post(browser, page, f"/accounts/{name}/balance", amount="", how="set")
    assert getattr(settings(world, name), "balance", 0) is None
    for amount, how, said in (
        ("1", "add", "The balance is unlimited"),
        ("much", "set", "Use an amount"),
        ("", "add", "Use an amount"),
        ("-1", "set", "Use an amount like 2.50, below 100"),
    ):
        page = await post(browser, page, f"/accounts/{name}/balance", amount=amount, how=how)
        assert page.status == 422
        assert said in page.text


async def test_a_sender_is_asked_for_by_one_and_approved_by_another(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    other = await world.signed_in(Role.APPROVER)
    name = await new_account(world, browser)
    page = await browser.open(f"/accounts/{name}")
    page = await browser.send(page, f"/accounts/{name}/senders", sender="Привет")
    assert page.status == 422
    assert page.form(f"/accounts/{name}/senders").fields["sender"] == "Привет"
    page = await browser.send(page, f"/accounts/{name}/senders", sender="<b>SHOP</b>")
    assert "waits for approval" in page.text
    assert "<b>SHOP" not in page.answer.text
    path = f"/accounts/{name}/senders"
    # Another person has worked with the service, so nobody approves what they have asked for.
    world.rows("INSERT INTO audit (actor, action, reason) VALUES ('ivan', 'reveal', 'a call')")
    page = await browser.send(page, f"{path}/approve", sender="<b>SHOP</b>")
    assert page.status == 422
    assert "Somebody else has to approve it" in page.text
    page = await other.open(f"/accounts/{name}")
    page = await other.send(page, f"{path}/approve", sender="<b>SHOP</b>")
    assert "The sender was approved" in page.text
    page = await other.send(page, f"{path}/remove", sender="<b>SHOP</b>")
    assert "no senders of its own" in page.text
    page = await post(other, page, f"{path}/approve", sender="gone")
    assert "not asked for any more" in page.text


async def test_a_callback_url_is_set_with_a_secret_that_is_shown_once(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    name = await new_account(world, browser)
    path = f"/accounts/{name}/callback"
    page = await browser.open(f"/accounts/{name}")
    for url in ("http://example.org/sms", "https://10.0.0.1/", "ftp://example.org/", "x"):
        page = await browser.send(page, path, url=url)
        assert page.status == 422
        assert page.form(path).fields["url"] == url
    page = await browser.send(page, path, url="https://example.org/sms")
    [secret] = page.secrets
    [(sealed,)] = world.rows("SELECT secret FROM callback_urls WHERE account = %s", name)
    assert world.sources.sealer.open(sealed, secret_context(name)) == secret.encode()
    assert not (await browser.open(f"/accounts/{name}")).secrets
    page = await browser.send(page, f"{path}/rotate")
    assert page.secrets != [secret]
    assert "until 18.05.2024 15:00" in page.text
    for n in range(2):
        world.rows(
            "INSERT INTO callbacks (account, topic_id, type, body, created_at, due_at, dead_at,"
            " error) VALUES (%s, %s, 'message.sent', %s, now(), now(), now(), 'HTTP 500')",
            name,
            uuid4(),
            f'{{"timestamp": "2024-05-17T12:0{n}:00Z"}}',
        )
    page = await browser.open(f"/accounts/{name}")
    assert page.text.count("HTTP 500") >= 2
    [one] = [value for form in page.forms for _, value in form.buttons if value.count("-") == 4][:1]
    page = await browser.send(page, f"{path}/retry", id=one)
    assert "The calls are made again" in page.text
    count = "SELECT count(*) FROM callbacks WHERE account = %s AND dead_at IS NOT NULL"
    assert world.rows(count, name) == [(1,)]
    page = await post(browser, page, f"{path}/retry", id="all")
    assert world.rows(count, name) == [(0,)]
    chosen = {"url": "https://example.org/a", "smsc": "1"}
    page = await post(browser, page, path, **chosen, commands="1")
    assert (page.status, "no calls about commands" in page.text) == (422, True)
    page = await post(browser, page, path, **chosen)
    assert world.rows("SELECT form FROM callback_urls WHERE account = %s", name) == [("smsc",)]
    # Another URL keeps the form, unless it is changed, too.
    page = await browser.send(await browser.open(f"/accounts/{name}"), path, url="https://b.test/")
    assert world.rows("SELECT form FROM callback_urls WHERE account = %s", name) == [("smsc",)]
    page = await browser.send(page, f"{path}/remove")
    assert "nobody is called" in page.text
    assert (await post(browser, page, f"{path}/remove")).status == 404


@pytest.mark.parametrize("name", ["Магазин", "shop 79161234567", "", '"><script>'])
async def test_a_name_that_is_refused_is_kept(world: DeskWorld, name: str) -> None:
    browser = await world.signed_in(Role.OPERATOR)
    page = await browser.send(await browser.open("/accounts"), "/accounts", name=name)
    assert page.status == 422
    assert page.form("/accounts").fields["name"] == name
    page = await browser.send(page, "/accounts", name="default")
    assert "Another account has this name" in page.text


async def test_who_may_see_an_account_may_not_change_it(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.VIEWER)
    page = await browser.open("/accounts/default")
    assert "every address" in page.text
    assert not [form for form in page.forms if form.action.startswith("/accounts")]
    assert (await browser.open("/accounts/nothing")).status == 404
    assert (await browser.open("/accounts/79161234567")).status == 404
