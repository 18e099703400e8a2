"""The handset: texting, replies, steps; with and without JavaScript."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from inbound.desk.handset import handset
from inbound.desk.roles import Role
from inbound.timeline.model import (
    Clock,
    ClockState,
    Miss,
    ReplyStatus,
    RequestTimeline,
    Step,
    StepKind,
)
from schemas.events import Command, Plan
from tests.integration.desk.browser import Page
from tests.integration.desk.world import DeskWorld

HANDSET = "/handset"
HTMX = {"HX-Request": "true"}


def step(kind: StepKind, text: str, at: Any, **details: str) -> Step:
    return Step(step=kind, at=at, local=at, after_s=0, text=text, details=details)


def request_with(world: DeskWorld, steps: Sequence[Step], verdict: ReplyStatus) -> RequestTimeline:
    return RequestTimeline(
        request_id=uuid4(),
        subject_id=uuid4(),
        command=Command.CLIENT_INFO,
        plan=Plan.REGISTRATION,
        arrived_at=world.now,
        verdict=verdict,
        sentence="We have your text.",
        clock=Clock(state=ClockState.KEPT, within_s=120),
        steps=tuple(steps),
    )


async def texted(world: DeskWorld, text: str = "CLIENT info") -> tuple[Any, Page]:
    browser = await world.signed_in()
    page = await browser.open(HANDSET)
    form = next(form for form in page.forms if "text" in form.fields)
    data = {**form.fields, "text": text}
    return browser, Page(await browser.client.post("/handset/text", data=data))


async def test_it_is_the_first_page_after_signing_in(handset_world: DeskWorld) -> None:
    browser = await handset_world.signed_in()
    page = await browser.open("/")
    assert page.path == HANDSET
    for number in handset_world.phones.numbers:
        assert number in page.text
    assert page.text.count("Nothing yet") == 2
    assert "each step lights up here" in page.text


async def test_who_may_not_text_has_another_first_page(handset_world: DeskWorld) -> None:
    browser = await handset_world.signed_in(Role.VIEWER)
    page = await browser.open("/")
    assert page.path == "/people"
    assert HANDSET not in page.links


async def test_without_a_simulated_centre_there_is_no_handset(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR)
    page = await browser.open("/account")
    assert HANDSET not in page.links
    assert (await browser.open(HANDSET)).status == 404
    token = page.form("/sign-out").fields["form"]
    answer = await browser.client.post("/handset/text", data={"form": token, "text": "x"})
    assert answer.status_code == 404


async def test_a_text_and_its_replies_are_shown_with_parts_and_seconds(
    handset_world: DeskWorld,
) -> None:
    world = handset_world
    browser, page = await texted(world)
    assert page.path == HANDSET
    number = world.phones.numbers[0]
    world.phones.receive(number, "Принято", world.now + timedelta(seconds=0.04))
    world.phones.receive(number, "Ваш код 1234", world.now + timedelta(seconds=1.5), parts=3)
    page = await browser.open(HANDSET)
    text = page.text.replace(" ,", ",")
    assert "CLIENT info 15:00:00, parts: 1" in text
    assert "Принято SCSERV, parts: 1, after 0.04 s" in text
    assert "Ваш код 1234 SCSERV, parts: 3, after 1.50 s" in text
    assert page.text.count("Nothing yet") == 1


async def test_steps_light_up_from_deliver_sm_to_the_receipt(
    handset_world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = handset_world
    browser, page = await texted(world)
    assert "deliver_sm received still to come" in page.text
    ack = {"purpose": "acknowledgement"}
    steps = [
        step(StepKind.ARRIVED, "arrived on bind main-1", world.now),
        step(StepKind.RESULT, "the centre took it", world.now, outcome="submitted", **ack),
        step(StepKind.RECEIPT, "on the phone", world.now, fate="undeliverable", **ack),
    ]

    answer = await browser.client.get("/handset/live", headers=HTMX)
    seen = answer.headers["etag"]
    again = await browser.client.get(f"/handset/live?seen={seen}", headers=HTMX)
    assert (again.status_code, again.text) == (204, "")

    async def timeline(*_: Any) -> Any:
        found = await empty(*_)
        requests = (request_with(world, steps, ReplyStatus.ON_ITS_WAY),)
        return found.model_copy(update={"requests": requests})

    empty = handset._timeline
    monkeypatch.setattr(handset, "_timeline", timeline)
    answer = await browser.client.get(f"/handset/live?seen={seen}", headers=HTMX)
    assert answer.status_code == 200
    page = Page(answer)
    assert "We have your text." in page.text
    lights = [a["class"] for tag, a in page.elements if a.get("class", "").startswith("lit")]
    assert lights[:1] == ["lit good"]
    assert {"lit good", "lit bad", "lit waiting"} == set(lights)
    assert "the centre took it" in page.text
    assert 'hx-swap-oob="true"' in answer.text


async def test_a_double_click_sends_one_text(handset_world: DeskWorld) -> None:
    browser = await handset_world.signed_in()
    page = await browser.open(HANDSET)
    posting = [a for tag, a in page.elements if tag == "form" and a["action"] == "/handset/text"]
    assert len(posting) == 4
    assert {form["hx-trigger"] for form in posting} == {"submit throttle:1s"}


async def test_a_text_that_only_repeated_another_is_explained(
    handset_world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = handset_world
    browser, _ = await texted(world)
    empty = handset._timeline

    async def timeline(*_: Any) -> Any:
        found = await empty(*_)
        miss = Miss(
            kind="duplicate", first_at=world.now, last_at=world.now, count=1, sentence="It repeats."
        )
        steps = [step(StepKind.ARRIVED, "arrived on bind main-1", world.now)]
        requests = (request_with(world, steps, ReplyStatus.ON_ITS_WAY),)
        return found.model_copy(update={"requests": requests, "misses": (miss,)})

    monkeypatch.setattr(handset, "_timeline", timeline)
    page = await browser.open(HANDSET)
    assert "We have your text. It repeats." in page.text


async def test_htmx_gets_the_parts_that_change_and_an_empty_field(
    handset_world: DeskWorld,
) -> None:
    world = handset_world
    browser = await world.signed_in()
    page = await browser.open(HANDSET)
    form = next(form for form in page.forms if "text" in form.fields)
    data = {**form.fields, "text": "CLIENT info"}
    answer = await browser.client.post("/handset/text", data=data, headers=HTMX)
    part = Page(answer)
    assert "<html" not in answer.text
    assert [form.fields["text"] for form in part.forms if "text" in form.fields] == [""]
    assert "CLIENT info" in part.text


@pytest.mark.parametrize(
    ("text", "said"),
    [("  ", "Type a text first"), ("x" * 460, "at most 459 characters")],
)
async def test_a_text_that_cannot_be_sent_is_not_lost(
    handset_world: DeskWorld, text: str, said: str
) -> None:
    _, page = await texted(handset_world, text)
    assert page.status == 422
    assert said in page.text
    assert [form.fields["text"] for form in page.forms if "text" in form.fields] == [text, ""]
    assert not any(handset_world.phones.messages.values())


async def test_a_centre_that_is_away_is_said(handset_world: DeskWorld) -> None:
    handset_world.phones.problem = "no simulated SMS centre at secret-host"
    _, page = await texted(handset_world)
    assert page.status == 422
    assert "The text was not sent" in page.text
    assert "secret-host" not in page.answer.text
    assert page.forms[2].fields.get("text", "CLIENT info") == "CLIENT info"


async def test_only_the_phones_of_the_handset_can_text(handset_world: DeskWorld) -> None:
    browser = await handset_world.signed_in()
    page = await browser.open(HANDSET)
    form = next(form for form in page.forms if "text" in form.fields)
    data = {**form.fields, "phone": "+79990000000", "text": "CLIENT info"}
    assert (await browser.client.post("/handset/text", data=data)).status_code == 404


async def test_markup_in_messages_stays_text(handset_world: DeskWorld) -> None:
    world = handset_world
    browser, _ = await texted(world, "<script>alert(1)</script>")
    world.phones.receive(world.phones.numbers[0], "<b>bold</b>", world.now)
    page = await browser.open(HANDSET)
    assert "<script>alert" not in page.answer.text
    assert "<b>" not in page.answer.text
    assert "<script>alert(1)</script>" in page.text
