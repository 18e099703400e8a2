"""Dead letters at the desk: listed, shown masked, revealed, retried, discarded, and audited."""

from collections.abc import AsyncIterator

import pytest

from inbound.desk.roles import Role
from inbound.store.connections import connect
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.dead_letters.rows import DeadLetter
from tests.bench import history
from tests.integration.desk.browser import Browser
from tests.integration.desk.world import DeskWorld

LIST = "/status/dead-letters"
NUMBER = "+79161112233"
CONTENT = f'{{"source": "{NUMBER}", "bind": "main-1", "payload": "<script>x</script>"}}'.encode()


@pytest.fixture
async def letters_world(own_desk_url: str) -> AsyncIterator[DeskWorld]:
    made = DeskWorld(own_desk_url)
    made.now = history.END
    yield made
    await made.close()


@pytest.fixture
async def operator(letters_world: DeskWorld) -> Browser:
    return await letters_world.signed_in(Role.OPERATOR)


def set_aside(world: DeskWorld, count: int = 1, reason: str = "ValueError in parse") -> list[int]:
    """Store dead letters; return their ids."""
    [(before,)] = world.rows("SELECT coalesce(max(kafka_offset), 0) FROM dead_letters")
    rows = [
        DeadLetter(
            topic="sms.mo.v1",
            partition=3,
            kafka_offset=before + n + 1,
            reason=reason,
            payload=CONTENT,
            key=b"\xe2\x80\xaesecret",
        )
        for n in range(count)
    ]
    with connect(world.url, "tests") as conn:
        dead_letters.insert(conn, world.sources.sealer, DeadLetterLimits(10_000, 10**9), rows)
    found = world.rows("SELECT id FROM dead_letters WHERE kafka_offset > %s ORDER BY id", before)
    return [id_ for (id_,) in found]


def left(world: DeskWorld) -> list[int]:
    return [id_ for (id_,) in world.rows("SELECT id FROM dead_letters ORDER BY id")]


def actor_of(world: DeskWorld) -> str:
    """Return the actor of the user who was created last."""
    [(name,)] = world.rows(
        "SELECT name FROM desk_users"
        " ORDER BY created_at DESC, length(name) DESC, name DESC LIMIT 1"  # user-99, user-100
    )
    return f"user {name}"


async def test_without_any_the_page_says_that_this_is_right(operator: Browser) -> None:
    page = await operator.open(LIST)
    assert "There are none, as it should be." in page.text
    assert not [form for form in page.forms if form.action.startswith(LIST)]


async def test_they_are_listed_in_pages_and_filtered(
    letters_world: DeskWorld, operator: Browser
) -> None:
    ids = set_aside(letters_world, 60)
    other = set_aside(letters_world, 1, "KeyError in <i>claims</i>")
    page = await operator.open(LIST)
    assert "61 in all" in page.text
    assert f"{LIST}/{ids[0]}" in page.links
    assert f"{LIST}/{ids[-1]}" not in page.links
    [following] = [link for link in page.links if "after=" in link]
    assert f"{LIST}/{other[0]}" in (await operator.open(following)).links
    found = await operator.open(f"{LIST}?like=keyerror")
    assert "KeyError in <i>claims</i>" in found.text
    assert f"{LIST}/{ids[0]}" not in found.links
    assert "None is of this kind." in (await operator.open(f"{LIST}?topic=x")).text


async def test_one_is_shown_masked_and_revealed_with_a_reason_only(
    letters_world: DeskWorld, operator: Browser
) -> None:
    [id_] = set_aside(letters_world)
    page = await operator.open(f"{LIST}/{id_}")
    assert "ValueError in parse" in page.text
    assert NUMBER not in page.answer.text
    assert "secret" not in page.text.replace("texts and secrets", "")
    path = f"{LIST}/{id_}/reveal"
    refused = await operator.send(page, path, reason=f"call {NUMBER}")
    assert refused.status == 422
    assert NUMBER not in refused.text
    assert refused.form(path).fields["reason"] == f"call {NUMBER}"
    assert "deadletters.reveal" not in letters_world.audit(actor_of(letters_world))
    revealed = await operator.send(page, path, reason="ticket 12")
    assert NUMBER in revealed.text
    assert "<script>x</script>" in revealed.text
    assert "<script>x" not in revealed.answer.text
    assert "\u202e" not in revealed.answer.text
    assert letters_world.audit(actor_of(letters_world))[-1] == "deadletters.reveal"


async def test_one_is_published_again(letters_world: DeskWorld, operator: Browser) -> None:
    first, second = set_aside(letters_world, 2)
    page = await operator.send(await operator.open(f"{LIST}/{first}"), f"{LIST}/retry")
    assert page.path == LIST
    assert "Published again: 1." in page.text
    assert left(letters_world) == [second]
    assert letters_world.audit(actor_of(letters_world))[-1] == "deadletters.retry"


async def test_what_kafka_does_not_take_stays(letters_world: DeskWorld, operator: Browser) -> None:
    set_aside(letters_world, 3)
    letters_world.retries.refused = 1
    form = {**(await operator.open(LIST)).form(f"{LIST}/retry").fields, "sure": "1"}
    answer = await operator.client.post(f"{LIST}/retry", data=form)
    assert "Published again: 2. Kafka did not take 1; they are still here." in answer.text
    assert len(left(letters_world)) == 1


async def test_all_of_a_kind_are_meant_only_if_confirmed(
    letters_world: DeskWorld, operator: Browser
) -> None:
    set_aside(letters_world, 2)
    kept = set_aside(letters_world, 1, "KeyError")
    for action in ("retry", "discard"):
        page = await operator.open(f"{LIST}?like=ValueError")
        form = {**page.form(f"{LIST}/{action}").fields, "reason": "no longer needed"}
        form.pop("sure", None)
        answer = await operator.client.post(f"{LIST}/{action}", data=form)
        assert answer.status_code == 422
        assert "Confirm that all of them are meant." in answer.text
        assert len(left(letters_world)) == 3
    form = {**page.form(f"{LIST}/discard").fields, "reason": "no longer needed", "sure": "1"}
    newer = set_aside(letters_world, 1)  # stored after the page was shown
    answer = await operator.client.post(f"{LIST}/discard", data=form)
    assert "Discarded for good: 2." in answer.text
    assert left(letters_world) == [*kept, *newer]
    assert letters_world.audit(actor_of(letters_world))[-1] == "deadletters.discard"


async def test_discarding_needs_a_reason_that_may_be_kept(
    letters_world: DeskWorld, operator: Browser
) -> None:
    [id_] = set_aside(letters_world)
    page = await operator.open(f"{LIST}/{id_}")
    refused = await operator.send(page, f"{LIST}/discard", reason=NUMBER)
    assert refused.status == 422
    assert "without a phone number" in refused.text
    assert refused.form(f"{LIST}/discard").fields["reason"] == NUMBER
    assert left(letters_world) == [id_]
    done = await operator.send(page, f"{LIST}/discard", reason="a test text, ticket 12")
    assert "Discarded for good: 1." in done.text
    assert left(letters_world) == []
    gone = await operator.open(f"{LIST}/{id_}")
    assert gone.status == 404
    assert "There is no such dead letter." in gone.text


async def test_one_retry_at_a_time(letters_world: DeskWorld, operator: Browser) -> None:
    [id_] = set_aside(letters_world)
    letters_world.retries.is_running = True
    page = await operator.send(await operator.open(f"{LIST}/{id_}"), f"{LIST}/retry")
    assert "Another retry is running." in page.text
    assert left(letters_world) == [id_]


async def test_a_viewer_sees_them_masked_and_changes_nothing(letters_world: DeskWorld) -> None:
    [id_] = set_aside(letters_world)
    viewer = await letters_world.signed_in(Role.VIEWER)
    for path in (LIST, f"{LIST}/{id_}"):
        page = await viewer.open(path)
        assert page.status == 200
        assert not [
            form for form in page.forms if form.action.startswith(LIST) and form.method == "post"
        ]
