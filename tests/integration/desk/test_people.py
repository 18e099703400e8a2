"""Searching and one person: what is found, shown, masked, changed and recorded."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from inbound.desk.roles import Role, rights_of
from inbound.errors import RetryableError
from inbound.freshness.model import PendingWork
from inbound.parsers.numbers import mask
from inbound.store.broadcasts.broadcasts import search_broadcasts
from inbound.store.connections import connect
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.dead_letters.rows import DeadLetter
from inbound.store.orders.templates import add_template
from inbound.store.transactions.changes import Changes
from inbound.subjects import StateCache, Subjects
from schemas.events import SubscriptionStopped
from tests.bench import history
from tests.integration.api.world import SUBJECTS, import_clients
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import DeskWorld

PHONE = history.number_of(2)
SUBJECT = SUBJECTS[2]
PERSON = f"/people/{SUBJECT}"


@pytest.fixture
async def support(world: DeskWorld) -> Browser:
    world.now = history.END
    return await world.signed_in(Role.SUPPORT)


async def search(browser: Browser, typed: str) -> Page:
    return await browser.send(await browser.open("/people"), "/people/search", q=typed)


def ids_of(world: DeskWorld, subject_id: UUID) -> dict[str, Any]:
    """Return the ids of the newest request of a subject."""
    [(metadata, data)] = world.rows(
        "SELECT metadata, data FROM events WHERE stream_id = %s AND type = 'request.accepted'"
        " ORDER BY version DESC LIMIT 1",
        subject_id,
    )
    return {"request": data["request_id"], "trace": metadata["traceparent"].split("-")[1]}


async def test_a_number_is_found_in_any_form(support: Browser) -> None:
    for typed in (PHONE, f"8{PHONE[2:]}", f" +7 ({PHONE[2:5]}) {PHONE[5:8]}-{PHONE[8:]} "):
        assert (await search(support, typed)).path == PERSON


@pytest.mark.parametrize(
    ("typed", "said"),
    [("9031112233", "Begin with +7 or 8"), ("84951234567", "not a mobile number")],
)
async def test_why_a_number_was_not_read_is_said(support: Browser, typed: str, said: str) -> None:
    assert said in (await search(support, typed)).text
    page = await support.send(await support.open("/send"), "/send", to=typed, text="Привет")
    assert page.status == 422
    assert said in page.text


async def test_ids_of_every_kind_lead_to_the_person(world: DeskWorld, support: Browser) -> None:
    ids = ids_of(world, SUBJECT)
    for typed in (str(SUBJECT), ids["request"], ids["trace"]):
        page = await search(support, typed)
        assert page.path == PERSON, typed
    page = await search(support, ids["request"])
    assert str(page.answer.url).endswith(f"#e{ids['request']}")
    assert f"e{ids['request']}" in [a.get("id") for _, a in page.elements]


async def test_a_client_with_several_numbers_is_listed_masked(support: Browser) -> None:
    page = await search(support, "H-1")
    people = [link for link in page.links if link.startswith("/people/")]
    assert len(people) == 2
    assert mask(PHONE) in page.text
    assert PHONE not in page.answer.text


async def test_a_broadcast_is_found_by_its_name_or_id_by_those_who_may_see_it(
    world: DeskWorld, support: Browser
) -> None:
    broadcast_id = uuid4()
    world.rows(
        "INSERT INTO broadcasts (broadcast_id, state, name) VALUES (%s, 'draft', %s)",
        broadcast_id,
        "Осенняя <b>распродажа</b>",
    )
    with connect(world.url, "tests") as conn:
        for typed in (str(broadcast_id).upper(), "ОСЕННЯЯ"):
            [found] = search_broadcasts(conn, typed, 10)
            assert found.broadcast_id == broadcast_id
        assert search_broadcasts(conn, "%", 10) == []
    page = await search(support, "распродажа")
    assert (page.path == f"/broadcasts/{broadcast_id}") is support_may_see_broadcasts()


def support_may_see_broadcasts() -> bool:
    return "broadcasts" in rights_of([Role.SUPPORT])


async def test_a_dead_letter_is_found_by_its_number(world: DeskWorld, support: Browser) -> None:
    letter = DeadLetter("sms.mo.v1", 1, 4, "KeyError", b"{}")
    with connect(world.url, "tests") as conn:
        limits = DeadLetterLimits(10_000, 10**9)
        dead_letters.insert(conn, world.sources.sealer, limits, [letter])
    [(id_,)] = world.rows("SELECT max(id) FROM dead_letters")
    assert (await search(support, f" {id_} ")).path == f"/status/dead-letters/{id_}"
    world.rows("DELETE FROM dead_letters WHERE id = %s", id_)
    assert "Nothing is known by this" in (await search(support, str(id_))).text


async def test_what_is_not_known_says_how_sure_that_is(world: DeskWorld, support: Browser) -> None:
    page = await search(support, "no such thing")
    assert "Nothing is known by this" in page.text
    assert page.form("/people/search").fields["q"] == "no such thing"
    assert "still being processed" not in page.text
    world.oldest = {(PendingWork.TEXTS, 0): world.now - timedelta(seconds=2)}
    assert "still being processed" in (await search(support, str(uuid4()))).text


async def test_a_person_is_shown_with_sentence_steps_consent_and_freshness(
    support: Browser,
) -> None:
    page = await support.open(PERSON)
    assert page.status == 200
    assert mask(PHONE) in page.text
    assert "client H-1" in page.text
    assert "To read out:" in page.text
    assert "Your text with the command CLIENT" in page.text
    assert "Step by step" in page.text
    assert "deliver_sm" in page.text
    assert "Complete up to" in page.text
    assert "notifications on" in page.text or "notifications off" in page.text


async def test_the_number_is_nowhere_until_it_is_revealed(
    world: DeskWorld, support: Browser
) -> None:
    page = await support.open(PERSON)
    assert PHONE not in page.answer.text
    assert PHONE[1:] not in str(page.answer.url)
    page = await support.send(page, f"{PERSON}/reveal", reason="calls back, ticket 4711")
    assert PHONE in page.text
    recorded = world.rows(
        "SELECT action, reason FROM audit WHERE subject_id = %s ORDER BY id DESC LIMIT 1", SUBJECT
    )
    assert recorded == [("timeline.reveal", "calls back, ticket 4711")]
    assert PHONE not in (await support.open(PERSON)).answer.text


@pytest.mark.parametrize("reason", ["", "   ", "her number is 8 916 123 45 67", "x" * 301])
async def test_a_reason_that_cannot_be_recorded_reveals_and_switches_nothing(
    support: Browser, reason: str
) -> None:
    page = await support.open(PERSON)
    for action, button in (("reveal", {}), ("switch", {"to": "off"})):
        refused = await support.send(page, f"{PERSON}/{action}", reason=reason, **button)
        assert refused.status == 422
        assert "Give a reason" in refused.text
        assert PHONE not in refused.answer.text
        assert refused.form(f"{PERSON}/{action}").fields["reason"] == reason


async def test_notifications_are_switched_at_the_clients_request(
    world: DeskWorld, support: Browser
) -> None:
    page = await search(support, "+79037770001")
    assert page.path.startswith("/people/")
    assert "On: nobody has ever switched them off" in page.text
    assert "+79037770001" not in page.answer.text
    page = await support.send(page, f"{page.path}/switch", to="off", reason="asked on the phone")
    assert "Notifications were switched off" in page.text
    assert "notifications off" in page.text
    assert ", switched at the client's request by staff member user-" in page.text
    assert "asked on the phone" in page.text
    page = await support.send(page, f"{page.path}/switch", to="off", reason="again")
    assert "it was like that already" in page.text
    page = await support.send(page, f"{page.path}/switch", to="on", reason="changed their mind")
    assert "notifications on" in page.text
    actions: Sequence[Any] = world.rows(
        "SELECT action FROM audit WHERE subject_id = %s ORDER BY id", page.path.split("/")[-1]
    )
    assert [action for (action,) in actions] == ["subscription.stop", "subscription.start"]


async def test_a_search_that_fails_has_changed_nothing(
    world: DeskWorld, support: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: str) -> None:
        raise RetryableError("away")

    monkeypatch.setattr(world.desk.people, "search", fail)
    page = await search(support, "C-1001")
    assert page.status == 503
    assert "Nothing was changed." in page.text
    assert "not certain" not in page.text


async def test_the_card_names_who_switched_and_not_who_asked_again(
    world: DeskWorld, support: Browser
) -> None:
    number = "+79037770077"
    number_hash = world.sources.hasher.hash(number)
    async with world.store.transaction() as transaction:
        subject_id = (await transaction.subjects({number_hash: number}))[number_hash]
        subjects = Subjects(transaction, StateCache())
        await subjects.load([subject_id])
        stop = SubscriptionStopped(request_id=uuid4(), at=world.now)
        subjects.append(subject_id, [stop], None)
        await transaction.write(Changes(events=subjects.events, states=subjects.states()))
    page = await search(support, number)
    world.now += timedelta(minutes=1)
    page = await support.send(page, f"{page.path}/switch", to="off", reason="by phone")
    assert "Nothing was changed: it was like that already." in page.text
    assert "by a text of the client." in page.text
    assert "they were off already" in page.text
    assert "We switched" not in page.text


async def test_a_notification_is_sent_once_and_seen(world: DeskWorld, support: Browser) -> None:
    import_clients(world.url, [("+79037770003", "C-desk-3")])
    page = await search(support, "C-desk-3")
    action = f"{page.path}/send"
    sent = await support.send(page, action, text="Ваша заявка выполнена.")
    assert "The notification was placed" in sent.text
    assert "Notification" in sent.text
    assert "waiting" in sent.text
    again = await support.send(page, action, text="Ваша заявка выполнена.")
    assert "The notification was placed" in again.text
    order_id = page.form(action).fields["once"]
    orders = world.rows("SELECT state FROM orders WHERE order_id = %s", order_id)
    assert len(orders) == 1
    recorded = world.rows("SELECT DISTINCT action FROM audit WHERE request_id = %s", order_id)
    assert recorded == [("order.send",)]


async def test_a_refused_notification_keeps_the_text_and_says_why(
    world: DeskWorld, support: Browser
) -> None:
    page = await search(support, "+79037770002")
    action = f"{page.path}/send"
    page = await support.send(page, action, text="Здравствуйте!")
    assert page.status == 422
    assert "It was refused" in page.text
    assert "Здравствуйте!" in page.answer.text
    assert "For you:" in page.text


async def test_answers_to_other_questions_are_there(support: Browser) -> None:
    page = await support.open(PERSON)
    assert "If the client asks something else" in page.text
    assert "“I got it twice”" in page.text
    assert "“I switched it off and still get messages”" in page.text


async def test_a_scheduled_message_is_listed_and_cancelled(
    world: DeskWorld, support: Browser
) -> None:
    import_clients(world.url, [("+79037770004", "C-desk-4")])
    person = await search(support, "C-desk-4")
    name = person.path.rsplit("/", 1)[-1]
    form = await support.open(f"/send?person={name}")
    sent = await support.send(form, "/send", text="Later.", at="2024-06-05T18:30")
    person = await search(support, "C-desk-4")
    assert "Waiting for their time" in person.text
    assert "05.06.2024 18:30" in person.text
    assert sent.path in person.links
    page = await support.send(person, f"{sent.path}/cancel")
    assert page.path == person.path
    assert "The message was cancelled" in page.text
    assert "Waiting for their time" not in page.text
    late = await support.send(person, f"{sent.path}/cancel")
    assert "It was not cancelled" in late.text or "The message was cancelled" in late.text


async def test_a_template_is_chosen_from_the_page_of_the_person(
    world: DeskWorld, support: Browser
) -> None:
    definition = '{"texts": {"ru": "Готово."}, "fields": {}}'
    with psycopg.connect(world.url) as conn:
        add_template(conn, "from-a-person", definition, actor="tests")
    page = await support.open(PERSON)
    form = page.form("/send")
    assert form.method == "get"
    chosen = await support.client.get("/send", params={**form.fields, "template": "from-a-person"})
    assert "Готово." in chosen.text
    assert mask(PHONE) in chosen.text
    assert PHONE not in chosen.text
    assert PHONE[1:] not in str(chosen.url)


async def test_a_viewer_sees_no_form_that_changes_anything(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.VIEWER)
    page = await browser.open(PERSON)
    assert page.status == 200
    actions = {form.action for form in page.forms}
    assert actions == {"/people/search", "/language", "/sign-out"}


async def test_who_was_erased_is_not_found(world: DeskWorld, support: Browser) -> None:
    for name in (str(uuid4()), "nonsense", "AAAA", "я"):
        page = await support.open(f"/people/{name}")
        assert page.status == 404
        assert "Nobody is known by this address" in page.text
    del world


async def test_both_languages_have_the_page(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.SUPPORT, language="ru")
    page = await browser.open(PERSON)
    assert "Прочитать клиенту:" in page.text
    assert "По шагам" in page.text
