"""A disk that is full during an upload, a database that is away while a form is sent."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inbound.desk.roles import Role
from inbound.local.servers.postgres import PostgresServer
from inbound.store.migrations.runner import migrate
from tests.e2e.disks import Disk, small_disk
from tests.integration.desk.broadcast_world import (
    NEW,
    client_numbers,
    draft_for,
    drafted,
    table_of,
    uploaded,
)
from tests.integration.desk.browser import Browser
from tests.integration.desk.test_clients import added, new_id, new_number, stored
from tests.integration.desk.world import DeskWorld

pytestmark = pytest.mark.drill

ROWS = 4000
"""Of a table of 3.6 MB."""


@pytest.fixture
async def on_disk(desk_url: str, tmp_path: Path) -> AsyncIterator[tuple[DeskWorld, Disk]]:
    """A desk whose uploads have a disk of their own, of 16 MB."""
    with small_disk(tmp_path / "disk", 16) as disk:
        if disk is None:
            pytest.skip("this machine lets nobody mount a file system")
        world = DeskWorld(desk_url, uploads=disk.path / "uploads")
        yield world, disk
        await world.close()


async def test_a_full_disk_refuses_an_upload_and_keeps_nothing_of_it(
    on_disk: tuple[DeskWorld, Disk],
) -> None:
    world, disk = on_disk
    editor = await world.signed_in(Role.EDITOR)
    content = table_of([f"{client_numbers(world, 1)[0]},{'Анна ' * 100}"] * ROWS)
    disk.fill(leave=1 << 20)
    page = await uploaded(editor, content)
    assert page.status == 503
    assert "The table could not be stored" in page.text
    assert page.answer.headers["x-request-id"] in page.text
    assert [path for path in world.uploads.iterdir() if path.suffix != ".new"] == []
    disk.free()
    page = await uploaded(editor, content)
    assert page.status == 200
    assert page.path.startswith(f"{NEW}/table/")


async def test_a_full_disk_refuses_a_file_and_says_so(on_disk: tuple[DeskWorld, Disk]) -> None:
    world, disk = on_disk
    editor = await world.signed_in(Role.EDITOR)
    rows = [f"{client_numbers(world, 1)[0]},Анна", *(f"12345,{'x' * 900}" for _ in range(2000))]
    page = await drafted(editor, table_of(rows))
    disk.fill(leave=1 << 16)
    refused = await editor.send(page, f"{page.path}/excluded", reason="correct", format="csv")
    assert refused.status == 422
    assert "the disk may be full" in refused.text
    assert not list(world.uploads.glob("scserv-desk-*"))
    disk.free()
    form = page.form(f"{page.path}/excluded").fields
    data = {**form, "reason": "correct", "format": "csv"}
    answer = await editor.client.post(f"{page.path}/excluded", data=data)
    assert answer.content.count(b"12345") == 2000


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[tuple[DeskWorld, PostgresServer]]:
    """A desk on a server of its own, which the test may stop."""
    with PostgresServer(tmp_path / "postgres") as server:
        migrate(server.url())
        world = DeskWorld(server.url())
        yield world, server
        await world.close()


async def test_a_form_that_is_sent_while_the_database_is_away_is_lost_to_nobody(
    own_server: tuple[DeskWorld, PostgresServer],
) -> None:
    world, server = own_server
    operator: Browser = await world.signed_in(Role.OPERATOR)
    number, client_id = new_number(), new_id()
    page = await operator.open("/clients")
    given = {
        "number": number,
        "client_id": client_id,
        "personal_code": "4711",
        "login": "a-login",
        "password": "a-secret",
        "reason": "a letter",
    }
    server.stop()
    away = await operator.send(page, "/clients", **given)
    assert away.status == 503
    assert away.answer.headers["retry-after"]
    assert "The database does not answer" in away.text
    assert "a-secret" not in away.answer.text
    assert (await operator.open("/clients")).status == 503
    server.start()
    # The browser goes back and sends the same form: the session and the form are still good.
    again = await operator.send(page, "/clients", **given)
    assert "The client was saved" in again.text
    assert await stored(world, number) is not None
    assert "has a client already" in (await added(operator, number, client_id)).text


async def test_an_upload_while_the_database_is_away_says_so_and_counts_after_it(
    own_server: tuple[DeskWorld, PostgresServer],
) -> None:
    world, server = own_server
    editor = await world.signed_in(Role.EDITOR)
    content = table_of([f"{client_numbers(world, 1)[0]},Анна"])
    page = await uploaded(editor, content)
    server.stop()
    away = await editor.send(page, page.path, name="Away", text="Good day")
    assert away.status == 503
    assert (await editor.open(page.path)).status == 503
    server.start()
    # The table was accepted before, so it is still there.
    made = await editor.send(await editor.open(page.path), page.path, name="Away", text="Good day")
    assert "The draft is made" in made.text
    assert world.rows("SELECT count(*) FROM broadcasts") == [(1,)]
    assert (await draft_for(world, editor)).status == 200
