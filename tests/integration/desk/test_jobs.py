"""Long work with several processes: every desk shows it, and says what became of it."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest

from inbound.api.observability import TimeLimit
from inbound.broadcasts.files import write_exclusions
from inbound.broadcasts.table_loading import load_table
from inbound.desk.broadcasts import broadcast_downloads, broadcast_drafts
from inbound.desk.clients import client_imports
from inbound.desk.long_work import BEAT_S, Job, JobOrder, JobTakenError, LongWork, Work
from inbound.desk.roles import Role
from inbound.desk.uploads import FILES_KEPT
from inbound.directory.client_import import import_clients
from inbound.store.access.desk_jobs import JobState, NewJob, claim_job
from inbound.store.connections import connect
from tests.integration.desk.broadcast_world import TEXT, client_numbers, drafted, table_of, uploaded
from tests.integration.desk.browser import Browser, Page
from tests.integration.desk.test_broadcast_loading import SlowLoading, named, reloaded
from tests.integration.desk.test_clients import HEAD, import_path, new_id, new_number, stored
from tests.integration.desk.test_clients import uploaded as uploaded_clients
from tests.integration.desk.world import PASSWORD, DeskWorld

PATIENCE_S: Final = 60
ANN: Final = UUID(int=7)


class Gate:
    """Calls that wait until they are let go."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.has_begun.set()
        assert self.may_go_on.wait(PATIENCE_S)
        return self._call(*args, **kwargs)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, world: DeskWorld) -> Iterator[Gate]:
    """Have imports and files wait, and no answer wait for them."""
    made = Gate(import_clients)
    monkeypatch.setattr(client_imports, "import_clients", made)
    files = Gate(write_exclusions)
    files.may_go_on = made.may_go_on
    monkeypatch.setattr(broadcast_downloads, "write_exclusions", files)
    world.desk.broadcast_drafts.answer_within_s = 0.01
    yield made
    made.may_go_on.set()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, world: DeskWorld) -> Iterator[SlowLoading]:
    made = SlowLoading(load_table)
    monkeypatch.setattr(broadcast_drafts, "load_table", made)
    world.desk.broadcast_drafts.answer_within_s = 0.01
    yield made
    made.may_go_on.set()


@pytest.fixture
async def second(world: DeskWorld) -> AsyncIterator[DeskWorld]:
    """Another process of the desk beside `world`: the same database, the same folder."""
    made = DeskWorld(world.url, uploads=world.uploads)
    yield made
    await made.close()


async def in_both(world: DeskWorld, second: DeskWorld, role: Role) -> tuple[Browser, Browser]:
    """Return the same user at both processes, as a proxy may lead them to either."""
    name = world.user(role)
    first, other = world.browser(), second.browser()
    await first.sign_in(name, PASSWORD)
    other.client.cookies = first.client.cookies
    return first, other


def silence(world: DeskWorld, page: Page) -> None:
    """Let the process that has the job of a page have died a while ago."""
    job_id = UUID(page.path.rsplit("/", 1)[-1])
    world.rows(
        "UPDATE desk_jobs SET process = %s, beat_at = now() - interval '1 minute'"
        " WHERE job_id = %s",
        uuid4(),
        job_id,
    )


async def test_another_process_tells_how_far_a_draft_is_and_leads_to_it(
    world: DeskWorld, second: DeskWorld, slow: SlowLoading
) -> None:
    here, there = await in_both(world, second, Role.EDITOR)
    form = await uploaded(here, table_of([f"{client_numbers(world, 1)[0]},Анна"]))
    page = await here.send(form, form.path, name=named("Both"), text=TEXT)
    other = await reloaded(
        there, await there.open(page.path), lambda page: "40 % is done" in page.text
    )
    # Sent again there it is the same draft, not a second one.
    again = await there.send(await there.open(form.path), form.path, name="x", text=TEXT)
    assert again.path != page.path  # another name is another draft, which waits
    slow.may_go_on.set()
    made = await reloaded(there, other, lambda page: "/loading/" not in page.path)
    assert "The draft is made" in made.text


async def test_a_draft_whose_process_has_died_says_so_and_keeps_what_was_typed(
    world: DeskWorld, second: DeskWorld, slow: SlowLoading
) -> None:
    here, there = await in_both(world, second, Role.EDITOR)
    form = await uploaded(here, table_of([f"{client_numbers(world, 1)[0]},Анна"]))
    name = named("Died")
    page = await here.send(form, form.path, name=name, text=TEXT)
    silence(world, page)
    lost = await there.open(page.path)
    assert lost.status == 422
    assert "The process that was at it has died. Nothing was stored" in lost.text
    assert lost.form(form.path).fields["name"] == name
    slow.may_go_on.set()
    made = await reloaded(
        there,
        await there.send(lost, form.path),
        lambda page: "/loading/" not in page.path,
    )
    assert "Recipients 1" in made.text
    assert world.rows("SELECT count(*) FROM broadcasts WHERE name = %s", name) == [(1,)]


async def test_a_stopped_desk_says_that_its_work_was_stopped(
    world: DeskWorld, second: DeskWorld, slow: SlowLoading
) -> None:
    here, there = await in_both(world, second, Role.EDITOR)
    form = await uploaded(here, table_of([f"{client_numbers(world, 1)[0]},Анна"]))
    page = await here.send(form, form.path, name=named("Stopped"), text=TEXT)
    assert await asyncio.to_thread(slow.has_begun.wait, PATIENCE_S)
    closing = asyncio.create_task(world.desk.long_work.close())
    await asyncio.sleep(0)
    slow.may_go_on.set()
    await closing
    stopped = await there.open(page.path)
    assert "The service was stopped meanwhile. Nothing was stored" in stopped.text


async def test_an_import_has_a_page_until_it_is_done_and_then_leads_to_its_result(
    world: DeskWorld, second: DeskWorld, gate: Gate
) -> None:
    here, there = await in_both(world, second, Role.OPERATOR)
    good, bad = new_number(), new_number()
    rows = [f"{good};{new_id()};1;a-login;a-secret", f"{bad};{new_id()};;login;secret"]
    path = import_path(await uploaded_clients(here, "\n".join([HEAD, *rows]).encode()))
    page = await here.send(await here.open(path), f"{path}/check")
    assert page.path == f"{path}/check"
    assert "The table is being checked" in page.text
    assert "The table is being checked" in (await there.open(page.path)).text
    gate.may_go_on.set()
    checked = await reloaded(there, page, lambda page: "What an import would do" in page.text)
    assert "Personal code: is empty" in checked.text
    assert await stored(world, good) is None
    gate.may_go_on.clear()
    page = await here.send(checked, path)
    assert "The table is being imported" in page.text
    # Sent twice it is one import.
    assert (await here.send(checked, path)).path == page.path
    gate.may_go_on.set()
    done = await reloaded(there, page, lambda page: "imported, but for some rows" in page.text)
    assert "added 1" in done.text
    assert await stored(world, good) is not None
    form = checked.form(path)
    repeated = Page(await here.client.post(path, data=form.fields))
    assert repeated.path == done.path


async def test_an_import_whose_process_has_died_has_changed_nothing(
    world: DeskWorld, second: DeskWorld, gate: Gate
) -> None:
    here, there = await in_both(world, second, Role.OPERATOR)
    number = new_number()
    table = f"{HEAD}\n{number};{new_id()};1;a-login;a-secret".encode()
    path = import_path(await uploaded_clients(here, table))
    gate.may_go_on.set()
    checked = await here.send(await here.open(path), f"{path}/check")
    checked = await reloaded(here, checked, lambda page: "What an import" in page.text)
    gate.may_go_on.clear()
    gate.has_begun.clear()
    page = await here.send(checked, path)
    assert await asyncio.to_thread(gate.has_begun.wait, PATIENCE_S)
    world.rows("UPDATE desk_jobs SET beat_at = now() - interval '1 minute', process = %s"
               " WHERE kind = 'clients' AND state IN ('waiting', 'running')", uuid4())  # fmt: skip
    lost = await there.open(page.path)
    assert "The process that was at it has died. Nothing was stored" in lost.text
    # The process was slow, not dead: what it does now doesn't count any more.
    gate.may_go_on.set()
    await asyncio.gather(*(work.task for work in world.desk.long_work._works.values()))
    assert await stored(world, number) is None
    done = await reloaded(
        there, await there.send(lost, path), lambda page: "The table was imported" in page.text
    )
    assert "added: 1" in done.text
    assert await stored(world, number) is not None


async def test_a_file_that_takes_long_has_a_page_and_stays_for_an_hour(
    world: DeskWorld, second: DeskWorld, gate: Gate
) -> None:
    gate.may_go_on.set()
    here, there = await in_both(world, second, Role.EDITOR)
    rows = [f"{client_numbers(world, 1)[0]},Анна", "12345,Вера"]
    world.desk.broadcast_drafts.answer_within_s = 12
    page = await drafted(here, table_of(rows))
    world.desk.broadcast_drafts.answer_within_s = 0.01
    gate.may_go_on.clear()
    writing = await here.send(page, f"{page.path}/excluded", reason="to correct", format="csv")
    assert "The file is being written" in writing.text
    assert writing.path.startswith(f"{page.path}/files/")
    gate.may_go_on.set()
    ready = await reloaded(there, writing, lambda page: "The file is ready" in page.text)
    answer = await there.client.get(f"{ready.path}/content")
    assert "attachment" in answer.headers["content-disposition"]
    assert "12345" in answer.content.decode("utf-8-sig")
    other = await world.signed_in(Role.EDITOR)
    assert (await other.open(ready.path)).status == 404
    assert (await other.client.get(f"{ready.path}/content")).status_code == 404
    world.now += FILES_KEPT
    world.desk.uploads.sweep()
    assert (await there.open(ready.path)).status == 200
    world.now += FILES_KEPT
    world.desk.uploads.sweep()
    gone = await there.open(ready.path)
    assert gone.status == 422
    assert "The file is not there any more" in gone.text


async def test_a_file_of_a_small_broadcast_is_deleted_when_it_was_sent(world: DeskWorld) -> None:
    editor = await world.signed_in(Role.EDITOR)
    page = await drafted(editor, table_of([f"{client_numbers(world, 1)[0]},А", "12345,Вера"]))
    fields = page.form(f"{page.path}/excluded").fields
    answer = await editor.client.post(
        f"{page.path}/excluded", data={**fields, "reason": "to correct", "format": "csv"}
    )
    assert answer.status_code == 200
    described = [path.read_text("utf-8") for path in world.uploads.glob("*.json")]
    assert described  # the table of the draft
    assert not [text for text in described if '"purpose": "files"' in text]


async def waited(work: LongWork, order: JobOrder) -> Job:
    job = await work.wait(order.job_id, order.owner, order.kind, PATIENCE_S)
    assert job is not None
    return job


async def test_a_job_that_goes_on_is_renewed_and_one_that_is_taken_over_can_not_end(
    world: DeskWorld, second: DeskWorld
) -> None:
    work, other = world.desk.long_work, second.desk.long_work
    order = JobOrder(uuid4(), "test", ANN, {"typed": "text"})
    begun, may_end = threading.Event(), threading.Event()

    def run(conn: psycopg.Connection, mine: Work) -> dict[str, object]:
        mine.advance(1, 4)
        begun.set()
        assert may_end.wait(PATIENCE_S)
        with conn.transaction():
            conn.execute("CREATE TABLE half_done ()")
            mine.record(conn, {})
        return {}

    await work.begin(order, run)
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    found = None
    while found is None or found.percent != 25:
        assert time.monotonic() < deadline
        await asyncio.sleep(BEAT_S / 10)
        found = await other.find(order.job_id, ANN, "test")
    assert found.state is JobState.RUNNING
    assert found.form == {"typed": "text"}
    assert await other.find(order.job_id, UUID(int=8), "test") is None
    # A process that lives has it: begun again elsewhere it is not.
    await other.begin(order, run)
    assert not other._works
    world.rows(
        "UPDATE desk_jobs SET beat_at = now() - interval '1 minute' WHERE job_id = %s",
        order.job_id,
    )
    with connect(world.url, "tests") as conn:
        assert claim_job(conn, NewJob(order.job_id, "test", ANN, b""), uuid4())
    may_end.set()
    ended = await waited(work, order)
    assert ended.state in {JobState.FAILED, JobState.WAITING}
    assert world.rows("SELECT to_regclass('half_done')") == [(None,)]
    with pytest.raises(JobTakenError), connect(world.url, "tests") as conn:
        Work(order, uuid4()).record(conn, {})


async def test_a_defect_in_a_job_is_logged_without_its_text(
    world: DeskWorld, caplog: pytest.LogCaptureFixture
) -> None:
    order, number = JobOrder(uuid4(), "test", ANN), "+79161234567"

    def run(conn: psycopg.Connection, work: Work) -> dict[str, object]:
        raise ValueError(number)

    await world.desk.long_work.begin(order, run)
    job = await waited(world.desk.long_work, order)
    assert (job.state, job.result) == (JobState.FAILED, {"problem": "defect"})
    assert "defect in a job: ValueError" in caplog.text
    assert number not in caplog.text


async def test_large_bodies_may_take_longer_than_an_answer(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = 0
    allow = TimeLimit.allow_pieces

    def count(limit: TimeLimit) -> None:
        nonlocal allowed
        allowed += 1
        allow(limit)

    monkeypatch.setattr(TimeLimit, "allow_pieces", count)
    editor = await world.signed_in(Role.EDITOR)
    assert allowed == 0
    page = await drafted(editor, table_of([f"{client_numbers(world, 1)[0]},А", "12345,Вера"]))
    assert allowed == 1
    fields = {**page.form(f"{page.path}/excluded").fields, "reason": "to correct"}
    await editor.client.post(f"{page.path}/excluded", data=fields | {"format": "csv"})
    assert allowed == 2
    administrator = await world.signed_in(Role.ADMINISTRATOR)
    audit = await administrator.open("/audit")
    answer = await administrator.client.post(
        "/audit/download", data=audit.form("/audit/download").fields
    )
    assert answer.status_code == 200
    assert allowed == 3
    # Whoever is not signed in gets no more time.
    stranger = world.browser()
    await stranger.client.post("/broadcasts/new/table", files={"table": ("a.csv", b"x")})
    assert allowed == 3
