"""Broadcasts: the list, one broadcast, its actions, two people at once, live progress."""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from inbound.desk.roles import Right, Role, rights_of
from inbound.store.access.approval_rules import ApprovalRules, publish_rules
from inbound.store.connections import connect
from tests.integration.desk.broadcast_world import act, begin, draft_for, id_of, state_of
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.world import DeskWorld

HTMX = {"HX_Request": "true"}


@pytest.fixture
async def editor(world: DeskWorld) -> Browser:
    return await world.signed_in(Role.EDITOR)


@pytest.fixture
def needs_approval(world: DeskWorld) -> Iterator[None]:
    """Broadcasts to more than two people need a second person."""
    with connect(world.url, "tests") as conn:
        publish_rules(conn, ApprovalRules(2))
        yield
        publish_rules(conn, ApprovalRules())


def actions_of(page: Page) -> set[str]:
    return {form.action.rsplit("/", 1)[-1] for form in page.forms if page.path in form.action}


def live_of(page: Page) -> str:
    """Return the address that the page asks for its live part."""
    [address] = [given["hx-get"] for _, given in page.elements if "hx-get" in given]
    return address


async def test_an_empty_list_says_what_to_do_first(world: DeskWorld, editor: Browser) -> None:
    page = await editor.open("/broadcasts?account=nobody")
    assert "No broadcasts yet" in page.text
    assert "Make the first draft" in page.text
    assert "/broadcasts/new" in page.links
    viewer = await world.signed_in(Role.VIEWER)
    page = await viewer.open("/broadcasts?account=nobody")
    assert "An editor makes the first one" in page.text
    assert "/broadcasts/new" not in page.links


async def test_the_list_has_states_and_progress_in_pages(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(latest,)] = world.rows("SELECT max(created_at) FROM broadcasts")  # of other tests
    world.now = max(world.now, latest or world.now)
    editor = await world.signed_in(Role.EDITOR)
    made = []
    for _ in range(3):
        world.now += timedelta(seconds=1)
        made.append(await draft_for(world, editor))
    begin(world, made[2], delivered=1, open=1)
    monkeypatch.setattr("inbound.desk.broadcasts.broadcasts.PAGE", 2)
    first = await editor.open("/broadcasts")
    paths = [one.path for one in reversed(made)]
    assert [link for link in first.links if link in paths] == paths[:2]
    assert "Running" in first.text
    assert "1 of 2 recipients" in first.text
    [older] = [link for link in first.links if "behind=" in link]
    second = await editor.open(older)
    assert [link for link in second.links if link in paths] == paths[2:]


async def test_a_broadcast_is_started_paused_resumed_and_cancelled(
    world: DeskWorld, editor: Browser
) -> None:
    page = await draft_for(world, editor)
    page = await act(editor, page, "start")
    assert "The broadcast is started" in page.text
    assert state_of(world, page) == "scheduled"
    begin(world, page, delivered=1)
    page = await editor.open(page.path)
    assert "1 of 2 recipients" in page.text
    assert "50 %" in page.text
    page = await act(editor, page, "pause")
    assert "The broadcast is paused" in page.text
    assert state_of(world, page) == "paused"
    page = await act(editor, page, "resume")
    assert "goes on where it was" in page.text
    assert state_of(world, page) == "running"
    assert "1 recipients will not get it. 1 messages are on their way" in page.text
    page = await act(editor, page, "cancel")
    assert "The broadcast is cancelled" in page.text
    assert state_of(world, page) == "cancelled"
    assert actions_of(page) == {"recipients"}
    [(actor,)] = world.rows(
        "SELECT created_by FROM broadcasts WHERE broadcast_id = %s", id_of(page)
    )
    actions = ["create", "start", "pause", "resume", "cancel"]
    assert world.audit(actor)[1:] == [f"broadcast.{one}" for one in actions]
    for told in ("created", "started", "paused", "resumed", "cancelled"):
        assert f"Broadcast {told} {actor}" in page.text


async def test_a_start_is_set_and_moved_in_the_zone_of_the_service(
    world: DeskWorld, editor: Browser
) -> None:
    page = await draft_for(world, editor)
    page = await act(editor, page, "start", at="2024-05-18T10:00")
    assert "It starts at 18.05.2024 10:00" in page.text
    assert "Europe/Moscow" in page.text
    [(starts_at,)] = world.rows(
        "SELECT starts_at FROM broadcasts WHERE broadcast_id = %s", id_of(page)
    )
    assert starts_at.isoformat() == "2024-05-18T07:00:00+00:00"
    page = await act(editor, page, "start", at="2024-05-19T11:30")
    assert "The start is moved" in page.text
    assert "It starts at 19.05.2024 11:30" in page.text
    page = await act(editor, page, "pause")
    assert "It was to start at 19.05.2024 11:30" in page.text
    assert "whom it has not reached" not in page.text
    page = await act(editor, page, "resume")
    assert "It starts at 19.05.2024 11:30" in page.text


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("2024-05-16T10:00", "This time has passed"),
        ("tomorrow", "This is not a time"),
        ("2026-05-17T10:00", "the latest possible time is 18.05.2025 15:00"),
    ],
)
async def test_a_start_that_cannot_be_is_refused_and_kept(
    world: DeskWorld, editor: Browser, at: str, problem: str
) -> None:
    page = await draft_for(world, editor)
    refused = await act(editor, page, "start", at=at)
    assert refused.status == 422
    assert problem in refused.text
    assert state_of(world, page) == "draft"
    form = next(form for form in refused.forms if form.action == f"{page.path}/start")
    assert form.fields["at"] == at


async def test_a_large_broadcast_is_approved_by_somebody_else(
    world: DeskWorld, needs_approval: None
) -> None:
    del needs_approval
    author = await world.signed_in(Role.EDITOR, Role.APPROVER)
    page = await draft_for(world, author, 3)
    assert "It has more than 2 recipients, so somebody else has to approve it" in page.text
    page = await act(author, page, "start")
    assert "Approval is asked for" in page.text
    assert "Awaiting approval" in page.text
    assert state_of(world, page) == "awaiting_approval"
    assert "somebody else has to approve it" in page.text
    assert "Approval of the broadcast asked for" in page.text
    assert "Broadcast started" not in page.text
    assert "approve" not in actions_of(page)
    fields = page.form(f"{page.path}/cancel").fields
    own = Page(await author.client.post(f"{page.path}/approve", data=fields))
    assert own.status == 409
    assert "You have created or started it" in own.text
    assert state_of(world, page) == "awaiting_approval"
    approver, late = [await world.signed_in(Role.APPROVER) for _ in range(2)]
    late_page = await late.open(page.path)
    page = await act(approver, await approver.open(page.path), "approve")
    assert "The broadcast is approved. It starts by itself" in page.text
    assert state_of(world, page) == "scheduled"
    refused = await act(late, late_page, "approve")
    assert refused.status == 409
    assert "has approved it already" in refused.text


async def test_a_missed_start_is_confirmed(world: DeskWorld, editor: Browser) -> None:
    page = await act(editor, await draft_for(world, editor), "start", at="2024-05-18T10:00")
    world.rows(
        "UPDATE broadcasts SET needs_confirmation = true WHERE broadcast_id = %s", id_of(page)
    )
    page = await editor.open(page.path)
    assert "Missed its start" in page.text
    assert "It should have started at 18.05.2024 10:00" in page.text
    page = await act(editor, page, "confirm")
    assert "The broadcast is starting" in page.text
    assert "Missed its start" not in page.text


async def test_an_action_on_what_somebody_else_has_changed_is_refused(
    world: DeskWorld, editor: Browser
) -> None:
    page = await act(editor, await draft_for(world, editor), "start")
    begin(world, page)
    other = await world.signed_in(Role.OPERATOR)
    mine, theirs = await editor.open(page.path), await other.open(page.path)
    await act(other, theirs, "cancel")
    refused = await act(editor, mine, "pause")
    assert refused.status == 409
    assert "This broadcast has changed" in refused.text
    assert "Cancelled" in refused.text
    assert state_of(world, page) == "cancelled"


@pytest.mark.parametrize(("action", "after"), [("pause", "paused"), ("cancel", "cancelled")])
async def test_a_broadcast_is_stopped_that_has_begun_since_the_page_was_shown(
    world: DeskWorld, editor: Browser, action: str, after: str
) -> None:
    waiting = await act(editor, await draft_for(world, editor), "start")
    assert "Waits for its start" in waiting.text
    begin(world, waiting)
    stopped = await act(editor, waiting, action)
    assert stopped.status == 200, stopped.text
    assert state_of(world, waiting) == after


async def test_who_may_not_stop_it_reads_who_may(world: DeskWorld, editor: Browser) -> None:
    page = await act(editor, await draft_for(world, editor), "start")
    begin(world, page)
    viewer = await world.signed_in(Role.VIEWER)
    who = "Editors, approvers and operators pause, resume and cancel it"
    assert who in (await viewer.open(page.path)).text
    assert who not in (await editor.open(page.path)).text


async def test_a_page_looks_often_when_a_start_is_near(world: DeskWorld, editor: Browser) -> None:
    soon = await act(editor, await draft_for(world, editor), "start")
    later = await act(editor, await draft_for(world, editor), "start", at="2024-05-19T10:00")
    every = [
        next(given["hx-trigger"] for _, given in page.elements if "hx-get" in given)
        for page in (soon, later)
    ]
    assert [asked.split(",")[0] for asked in every] == ["every 2s", "every 10s"]


async def test_what_two_people_do_alike_is_done_once(world: DeskWorld, editor: Browser) -> None:
    page = await act(editor, await draft_for(world, editor), "start")
    begin(world, page)
    other = await world.signed_in(Role.OPERATOR)
    mine, theirs = await editor.open(page.path), await other.open(page.path)
    for browser, shown in ((other, theirs), (editor, mine)):
        paused = await act(browser, shown, "pause")
        assert paused.status == 200
        assert "The broadcast is paused" in paused.text
    pauses = world.rows(
        "SELECT count(*) FROM audit WHERE request_id = %s AND action = 'broadcast.pause'",
        id_of(page),
    )
    assert pauses == [(1,)]


async def test_a_moved_start_makes_an_older_page_stale(world: DeskWorld, editor: Browser) -> None:
    page = await act(editor, await draft_for(world, editor), "start", at="2024-05-18T10:00")
    other = await world.signed_in(Role.EDITOR)
    theirs = await other.open(page.path)
    await act(editor, page, "start", at="2024-05-19T10:00")
    refused = await act(other, theirs, "start", at="2024-05-20T10:00")
    assert refused.status == 409
    assert "It starts at 19.05.2024 10:00" in refused.text


async def test_the_live_part_is_the_whole_state_at_each_look(
    world: DeskWorld, editor: Browser
) -> None:
    page = await act(editor, await draft_for(world, editor), "start")
    begin(world, page, open=1)
    page = await editor.open(page.path)
    address = live_of(page)
    assert "0 of 2 recipients" in page.text
    world.now += timedelta(minutes=30)
    begin(world, page, open=-1, delivered=1, withheld=1)
    later = await editor.open(address, **HTMX)
    assert "50 % sent to 1 of 2 recipients" in later.text.replace("\u00a0", " ")
    assert "delivered 1" in later.text
    assert "withheld 1" in later.text
    assert "as of 17.05.2024 15:30:00, zone Europe/Moscow" in later.text
    assert live_of(later) == address
    assert "actions" not in [given.get("id") for _, given in later.elements]


async def test_actions_and_history_follow_a_change_of_somebody_else(
    world: DeskWorld, editor: Browser
) -> None:
    page = await act(editor, await draft_for(world, editor), "start")
    begin(world, page)
    page = await editor.open(page.path)
    operator = await world.signed_in(Role.OPERATOR)
    await act(operator, await operator.open(page.path), "pause")
    later = await editor.open(live_of(page), **HTMX)
    swapped = {given.get("id") for _, given in later.elements if "hx-swap-oob" in given}
    assert swapped == {"actions", "history", "done"}
    assert f"{page.path}/resume" in {form.action for form in later.forms}
    assert "Broadcast paused" in later.text
    assert live_of(later) != live_of(page)
    resumed = await editor.send(later, f"{page.path}/resume")
    assert "goes on where it was" in resumed.text


async def test_an_approval_appears_on_the_page_of_its_author(
    world: DeskWorld, editor: Browser, needs_approval: None
) -> None:
    del needs_approval
    page = await act(editor, await draft_for(world, editor, 3), "start")
    approver = await world.signed_in(Role.APPROVER)
    await act(approver, await approver.open(page.path), "approve")
    later = await editor.open(live_of(page), **HTMX)
    assert "Waits for its start" in later.text
    assert "Broadcast approved" in later.text


async def test_a_bind_that_is_down_is_told(world: DeskWorld, editor: Browser) -> None:
    page = await act(editor, await draft_for(world, editor), "start")
    begin(world, page, open=1)
    page = await editor.open(page.path)
    assert "Nothing can be sent now: no bind to an SMS centre is up" in page.text


async def test_looking_on_keeps_no_session_alive(world: DeskWorld, editor: Browser) -> None:
    page = await act(editor, await draft_for(world, editor), "start")
    address = live_of(page)
    for _ in range(3):
        world.now += timedelta(minutes=25)
        answer = await editor.client.get(address, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"].startswith("/sign-in")


async def test_why_messages_were_not_sent_is_told(world: DeskWorld, editor: Browser) -> None:
    page = await act(editor, await draft_for(world, editor), "start")
    begin(world, page)
    for state, reason in (("refused", "daily_limit"), ("withheld", "opted_out")):
        world.rows(
            "INSERT INTO broadcast_progress VALUES (%s, %s, 1, %s)", id_of(page), state, reason
        )
    world.rows(
        "UPDATE broadcasts SET state = 'paused', problem = 'a <b>defect</b>'"
        " WHERE broadcast_id = %s",
        id_of(page),
    )
    page = await editor.open(page.path)
    assert "the account's limit for the day is used up 1" in page.text
    assert "the person had switched notifications off 1" in page.text
    assert "a <b>defect</b>" in page.text
    assert "<b>defect" not in page.answer.text
    assert "refused: 1, withheld: 1" in (await editor.open("/broadcasts")).text
    russian = await world.signed_in(Role.EDITOR, language="ru")
    assert "отказано: 1, не отправлено: 1" in (await russian.open("/broadcasts")).text
    assert "не отправлено 1" in (await russian.open(page.path)).text


async def test_a_draft_is_deleted_and_nothing_that_was_started(
    world: DeskWorld, editor: Browser
) -> None:
    page = await draft_for(world, editor)
    other = await world.signed_in(Role.EDITOR)
    theirs = await other.open(page.path)
    started = await draft_for(world, editor)
    await act(editor, started, "start")
    listed = await act(editor, page, "delete")
    assert listed.path == "/broadcasts"
    assert "The draft is deleted" in listed.text
    assert page.path not in listed.links
    gone = await act(other, theirs, "delete")
    assert gone.status == 404
    assert re.search(r"user user-\d+ deleted this draft: \d\d\.\d\d\.\d{4}", gone.text)
    refused = await act(other, started, "delete", form=theirs.form("/sign-out").fields["form"])
    assert refused.status == 409
    assert "This broadcast has changed" in refused.text


@pytest.mark.parametrize("role", Role)
async def test_each_role_has_the_actions_of_its_rights(world: DeskWorld, role: Role) -> None:
    editor, browser = await world.signed_in(Role.EDITOR), await world.signed_in(role)
    page = await act(editor, await draft_for(world, editor), "start", at="2024-05-18T10:00")
    shown = await browser.open(page.path)
    rights = rights_of([role])
    expected = set()
    if Right.CONTROL_BROADCASTS in rights:
        expected |= {"pause", "cancel"}
    if Right.PREPARE_BROADCASTS in rights:
        expected |= {"start"}
    begin(world, page)
    assert actions_of(shown) == expected | (
        {"excluded"} if Right.BROADCAST_ROWS in rights and "Excluded" in shown.text else set()
    )


async def test_there_is_no_such_broadcast(editor: Browser) -> None:
    for path in (f"/broadcasts/{uuid4()}", f"/broadcasts/{uuid4()}/live", "/broadcasts/nonsense"):
        page = await editor.open(path)
        assert page.status == 404
        assert "There is no such" in page.text


async def test_both_languages_have_the_pages(world: DeskWorld) -> None:
    browser = await world.signed_in(Role.ADMINISTRATOR, language="ru")
    page = await draft_for(world, browser)
    assert "Черновик готов" in page.text
    assert "Что получат люди" in page.text
    page = await act(browser, page, "start")
    assert "Рассылка запущена" in page.text
    assert "0 из 2 получателей" in page.text
