"""Writing to one person: what the form shows, what is sent once, refused, scheduled, cancelled."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest

from inbound.desk.roles import Role
from inbound.errors import RetryableError
from inbound.orders.templates.definition import check_definition
from inbound.parsers.numbers import mask
from inbound.store.orders.account_records import AccountSettings, create_account
from inbound.store.orders.account_senders import add_sender, approve_sender
from inbound.store.orders.templates import add_template
from tests.bench import history
from tests.integration.api.world import import_clients
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import ZONE, DeskWorld

PHONE = "+79037771001"
CLIENT = "C-send-1"
TEMPLATE = "case-done"
ACCOUNT = "priced"
HTMX = {"hx_request": "true"}
LONG = "4 001 characters, and at most 4 000 are possible"
LAST = (history.END + timedelta(days=366)).astimezone(ZoneInfo(ZONE))
LATEST = f"the latest possible time is {LAST:%d.%m.%Y %H:%M}"


@pytest.fixture
async def support(world: DeskWorld) -> Browser:
    world.now = history.END
    import_clients(world.url, [(PHONE, CLIENT)])
    with psycopg.connect(world.url) as conn:
        settings = AccountSettings(
            rights=("send", "service", "strangers"), price_per_part=Decimal("2.5"), max_parts=2
        )
        if create_account(conn, ACCOUNT, settings, actor="tests"):
            add_sender(conn, ACCOUNT, "PRICED", actor="tests")
            approve_sender(conn, ACCOUNT, "PRICED", actor="somebody else")
            add_sender(conn, ACCOUNT, "WAITS", actor="tests")
        definition = check_definition(
            {
                "texts": {"ru": "Заявка {number} готова.", "en": "Request {number} is done."},
                "fields": {"number": {"type": "integer", "max_length": 6}},
            },
            lambda _: 1,
        )
        add_template(conn, TEMPLATE, definition.model_dump_json(exclude_none=True), actor="tests")
    return await world.signed_in(Role.SUPPORT)


async def preview(browser: Browser, **fields: str) -> Page:
    """Return the form after another look at what is typed, as without JavaScript."""
    page = await browser.open("/send")
    form = page.form("/send")
    return Page(await browser.client.post("/send/form", data={**form.fields, **fields}))


async def send(browser: Browser, **fields: str) -> Page:
    return await browser.send(await browser.open("/send"), "/send", **fields)


async def test_a_message_is_sent_once_however_often_the_form_is(
    world: DeskWorld, support: Browser
) -> None:
    page = await support.open("/send")
    text = f"Здравствуйте! {uuid4()}"
    first = await support.send(page, "/send", to="8 903 777-10-01", text=text)
    assert first.path.startswith("/send/orders/")
    assert "The message is accepted" in first.text
    assert "waiting" in first.text
    assert mask(PHONE) in first.text
    assert PHONE not in first.answer.text
    again = await support.send(page, "/send", to="8 903 777-10-01", text=text)
    assert again.path == first.path
    order_id = page.form("/send").fields["once"]
    assert first.path.endswith(order_id)
    assert world.rows("SELECT count(*) FROM orders WHERE order_id = %s", order_id) == [(1,)]
    recorded = world.rows(
        "SELECT action, actor, subject_id IS NOT NULL FROM audit WHERE request_id = %s", order_id
    )
    [(action, actor, has_subject)] = recorded
    assert (action, has_subject) == ("order.send", True)
    assert actor.startswith("user ")


async def test_a_form_that_was_sent_is_another_message_when_it_is_changed(
    support: Browser,
) -> None:
    page = await support.open("/send")
    await support.send(page, "/send", to=CLIENT, text="First.")
    changed = await support.send(page, "/send", to=CLIENT, text="Second.")
    assert changed.status == 422
    assert "This form was sent before" in changed.text
    assert changed.form("/send").fields["text"] == "Second."
    sent = await support.send(changed, "/send")
    assert "The message is accepted" in sent.text


async def test_the_preview_counts_what_the_service_would_send(support: Browser) -> None:
    page = await preview(support, to=CLIENT, account=ACCOUNT, text="a" * 100 + "—" + "b" * 50)
    assert "Characters 151 (50 more until the next part)" in page.text
    assert "Alphabet UCS-2" in page.text
    assert "Parts 3 the account may send 2" in page.text
    assert "Price 7.50 RUB" in page.text
    assert "The character — at place 101 makes the message longer" in page.text
    assert "Write “-” instead" in page.text
    assert "Part 2 begins with the character a at place 68" in page.text
    assert mask(PHONE) in page.text
    assert f"client {CLIENT}" in page.text
    assert [a["class"] for tag, a in page.elements if tag == "mark"] == [
        *("begins", "foreign", "begins")
    ]


async def test_htmx_gets_the_parts_that_change(support: Browser) -> None:
    page = await support.open("/send")
    data = {**page.form("/send").fields, "text": "Hello"}
    headers = {"HX-Request": "true", "HX-Target": "preview"}
    part = Page(await support.client.post("/send/form", data=data, headers=headers))
    assert "Characters 5 (155 more until the next part)" in part.text
    assert not part.forms
    headers = {"HX-Request": "true", "HX-Target": "fields"}
    data["template"] = TEMPLATE
    part = Page(await support.client.post("/send/form", data=data, headers=headers))
    names = {a.get("name") for tag, a in part.elements if tag == "input"}
    assert "f.number" in names
    assert [a["hx-swap-oob"] for _, a in part.elements if "hx-swap-oob" in a] == ["true"]


async def test_the_account_decides_senders_and_kinds(support: Browser) -> None:
    page = await preview(support, account="default")
    assert page.form("/send").fields["sender"] == ""
    page = await preview(support, account=ACCOUNT)
    options = [a["value"] for tag, a in page.elements if tag == "option"]
    assert "PRICED" in options
    assert "WAITS" not in options
    assert "service" in options


async def test_a_template_is_filled_in_and_sent(world: DeskWorld, support: Browser) -> None:
    page = await preview(support, to=CLIENT, template=TEMPLATE)
    assert "Заявка {number} готова." in page.text
    assert "A whole number, characters at most: 6" in page.text
    wrong = await support.send(page, "/send", **{"f.number": "4711x"})
    assert wrong.status == 422
    assert "This does not fit" in wrong.text
    assert wrong.form("/send").fields["f.number"] == "4711x"
    sent = await support.send(wrong, "/send", **{"f.number": "4711"})
    assert "The message is accepted" in sent.text
    order_id = sent.path.rsplit("/", 1)[-1]
    found = world.rows(
        "SELECT template, template_version FROM orders WHERE order_id = %s", order_id
    )
    assert found == [(TEMPLATE, 1)]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"to": "", "text": "Hello"}, "Say whom it is for"),
        ({"to": "nobody at all", "text": "Hello"}, "Nobody is known by this"),
        ({"to": "+7916", "text": "Hello"}, "Nobody is known by this"),
        ({"to": "x" * 65, "text": "Hello"}, "Nobody is known by this"),
        ({"to": PHONE, "text": " \u200b"}, "Type a text"),
        ({"to": PHONE, "text": "a\x07b"}, "invisible control character"),
        (
            {"to": PHONE, "text": "я" * 4001},
            LONG,
        ),
        ({"to": PHONE, "text": "Hello", "at": "soon"}, "Write day and time"),
        ({"to": PHONE, "text": "Hello", "at": "2020-01-01T10:00"}, "This time is past"),
        (
            {"to": PHONE, "text": "Hello", "at": "01.01.2030 10:00"},
            LATEST,
        ),
        ({"to": PHONE, "text": "Hello", "kind": "broadcast"}, "can't be sent"),
        ({"to": PHONE, "text": "Hello", "once": "x"}, "can't be sent"),
        ({"to": PHONE, "template": "no-such"}, "not there any more"),
        ({"to": PHONE, "text": "Hello", "hours_from": "10:00"}, "Give both times"),
        ({"to": PHONE, "text": "Hello", "hours_from": "9:0", "hours_to": "x"}, "Give both times"),
        (
            {"to": PHONE, "text": "Hello", "hours_from": "10:00", "hours_to": "10:00"},
            "two different ones",
        ),
    ],
)
async def test_a_form_that_is_wrong_sends_nothing_and_keeps_what_was_typed(
    world: DeskWorld, support: Browser, fields: dict[str, str], problem: str
) -> None:
    [(before,)] = world.rows("SELECT count(*) FROM orders")
    page = await send(support, **fields)
    assert page.status == 422
    assert problem in page.text
    assert "Nothing was sent" in page.text
    form = page.form("/send").fields
    assert form["to"] == fields["to"]
    assert form["text"] == fields.get("text", "")
    assert world.rows("SELECT count(*) FROM orders") == [(before,)]


async def test_a_refusal_says_why_and_what_to_do(support: Browser) -> None:
    page = await send(support, to="+79037771777", text="Здравствуйте!")
    assert page.status == 422
    assert "Nothing was sent. To read out:" in page.text
    assert "not in our client directory" in page.text
    assert "For you:" in page.text
    assert page.form("/send").fields["text"] == "Здравствуйте!"
    [refused] = [link for link in page.links if link.startswith("/send/orders/")]
    assert "refused" in (await support.open(refused)).text


async def test_a_message_waits_for_its_sending_hours(world: DeskWorld, support: Browser) -> None:
    begins = (world.now.astimezone(ZoneInfo(ZONE)) + timedelta(hours=2)).replace(minute=0)
    ends = begins + timedelta(hours=1)
    page = await send(
        support,
        to=PHONE,
        text="In its hours.",
        hours_from=f"{begins:%H:%M}",
        hours_to=f"{ends:%H:%M}",
    )
    assert "scheduled" in page.text
    assert f"{begins:%d.%m.%Y %H:%M}" in page.text
    cancelled = await support.send(page, f"{page.path}/cancel")  # other tests list what waits
    assert "The message was cancelled" in cancelled.text


async def test_a_message_for_later_waits_and_can_be_cancelled(
    world: DeskWorld, support: Browser
) -> None:
    page = await send(support, to=PHONE, text="Later.", at="2024-06-05T18:30")
    assert "scheduled" in page.text
    assert "05.06.2024 18:30" in page.text
    listed = await support.open("/send/scheduled")
    assert mask(PHONE) in listed.text
    assert "05.06.2024 18:30" in listed.text
    assert "Europe/Moscow" in listed.text
    action = f"{page.path}/cancel"
    cancelled = await support.send(listed, action)
    assert cancelled.path == "/send/scheduled"
    assert "The message was cancelled" in cancelled.text
    assert action not in [form.action for form in cancelled.forms]
    late = await support.send(listed, action)
    assert "It was not cancelled" in late.text or "The message was cancelled" in late.text
    order_id = page.path.rsplit("/", 1)[-1]
    actions = world.rows("SELECT action FROM audit WHERE request_id = %s ORDER BY id", order_id)
    assert actions == [("order.send",), ("order.cancel",)]
    assert "cancelled" in (await support.open(page.path)).text


async def test_a_message_that_is_on_its_way_is_not_cancelled(support: Browser) -> None:
    page = await send(support, to=PHONE, text="Now.")
    assert f"{page.path}/cancel" not in [form.action for form in page.forms]
    token = page.form("/sign-out").fields["form"]
    late = Page(await support.client.post(f"{page.path}/cancel", data={"form": token}))
    assert late.path == page.path
    assert "It was not cancelled" in late.text


async def test_the_list_has_what_users_sent_in_pages(
    world: DeskWorld, support: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbound.desk.messages.sending.SHOWN", 2)
    monkeypatch.setattr("inbound.desk.messages.order_routes.SHOWN", 2)
    paths = [(await send(support, to=PHONE, text=f"Text {n}.")).path for n in range(3)]
    page = await support.open("/send/sent")
    found = [link for link in page.links if link.startswith("/send/orders/")]
    assert found == [paths[2], paths[1]]
    [older] = [link for link in page.links if "before=" in link]
    page = await support.open(older)
    assert paths[0] in page.links
    assert "user-" in page.text
    del world


async def test_a_scheduled_list_has_pages(
    support: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbound.desk.messages.sending.SHOWN", 2)
    monkeypatch.setattr("inbound.desk.messages.order_routes.SHOWN", 2)
    paths = [
        (await send(support, to=PHONE, text=f"{n}", at=f"2024-06-03T10:0{n}")).path
        for n in range(3)
    ]
    page = await support.open("/send/scheduled")
    assert [link for link in page.links if link.startswith("/send/orders/")] == paths[:2]
    [later] = [link for link in page.links if "after=" in link]
    assert paths[2] in (await support.open(later)).links
    for path in paths:
        token = page.form("/sign-out").fields["form"]
        await support.client.post(f"{path}/cancel", data={"form": token})


async def test_a_form_for_somebody_names_no_number(world: DeskWorld, support: Browser) -> None:
    person = await support.send(await support.open("/people"), "/people/search", q=PHONE)
    page = await support.open(f"/send?person={person.path.split('/')[-1]}")
    assert mask(PHONE) in page.text
    assert PHONE not in page.answer.text
    sent = await support.send(page, "/send", text="For you.")
    assert "The message is accepted" in sent.text
    del world


async def test_the_state_is_answered_only_when_it_has_changed(support: Browser) -> None:
    page = await send(support, to=PHONE, text="Watched.")
    [address] = [a["hx-get"] for _, a in page.elements if "hx-get" in a]
    assert (await support.client.get(address)).status_code == 204
    answer = await support.client.get(address.partition("?")[0])
    assert answer.status_code == 200
    assert "<html" not in answer.text


async def test_a_viewer_sees_what_was_sent_and_changes_nothing(
    world: DeskWorld, support: Browser
) -> None:
    page = await send(support, to=PHONE, text="Later.", at="2024-06-05T18:30")
    viewer = await world.signed_in(Role.VIEWER)
    assert (await viewer.open("/send")).path == "/send/sent"
    for path in ("/send/sent", "/send/scheduled", page.path):
        seen = await viewer.open(path)
        assert seen.status == 200
        assert PHONE not in seen.answer.text
        assert {form.action for form in seen.forms} == {
            *("/people/search", "/language", "/sign-out")
        }


async def test_ids_that_lead_nowhere_say_so(support: Browser) -> None:
    assert (await support.open(f"/send/orders/{uuid4()}")).status == 404
    assert (await support.open("/send/orders/nonsense")).status == 404
    for query in ("before=x", "before=2024-01-01T00:00:00Z_99999999999999999999", "before=-1"):
        assert (await support.open(f"/send/sent?{query}")).status == 200
    for query in ("after=x", "after=2024-01-01_x", "after=2024-01-01T00:00:00"):
        assert (await support.open(f"/send/scheduled?{query}")).status == 200


async def test_markup_in_a_text_stays_text(support: Browser) -> None:
    page = await preview(support, to="<b>x</b>", text="<script>alert(1)</script>")
    assert "<script>alert" not in page.answer.text
    assert "<b>x" not in page.answer.text


async def test_an_unanswered_form_may_be_sent_again(
    world: DeskWorld, support: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise RetryableError("PostgreSQL does not answer")

    page = await support.open("/send")
    with monkeypatch.context() as patch:
        patch.setattr(world.desk.sending, "place", away)
        failed = await support.send(page, "/send", to=PHONE, text="Once.")
    assert failed.status == 503
    assert "It is not certain whether your message was accepted" in failed.text
    assert "it is sent once" in failed.text
    assert (
        "The message is accepted"
        in (await support.send(page, "/send", to=PHONE, text="Once.")).text
    )


async def test_both_languages_have_the_pages(world: DeskWorld, support: Browser) -> None:
    del support
    browser = await world.signed_in(Role.SUPPORT, language="ru")
    page = await browser.open("/send")
    assert "Новое сообщение" in page.text
    assert "Отправить сейчас" in page.text
    page = await preview(browser, account=ACCOUNT, text="Привет")
    assert "2,50\u00a0₽" in page.answer.text


async def test_times_are_those_of_the_zone(world: DeskWorld, support: Browser) -> None:
    page = await send(support, to=PHONE, text="Later.", at="10.06.2024 09:00")
    order_id = page.path.rsplit("/", 1)[-1]
    [(due_at,)] = world.rows("SELECT due_at FROM orders WHERE order_id = %s", order_id)
    assert due_at.isoformat().startswith("2024-06-10T06:00:00")


async def test_a_field_in_a_text_of_ones_own_is_warned_of(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.SUPPORT)
    fields = (await browser.open("/send")).form("/send").fields
    for text, is_warned in (("Привет, {name}!", True), ("Привет, { name } {1}", False)):
        page = Page(await browser.client.post("/send/form", data={**fields, "text": text}))
        assert ("{name} is sent as it stands" in page.text) is is_warned
