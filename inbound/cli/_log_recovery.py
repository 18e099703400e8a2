"""`scserv log recover`: completes the log of a database that was restored from a backup."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._format import counted
from inbound.cli._operator import operator, reason_option
from inbound.cli._times import local
from inbound.errors import SetupError
from inbound.keys import SubjectHasher
from inbound.settings import Settings
from inbound.startup import check_database, make_cipher
from inbound.terminal import confirm, echo

if TYPE_CHECKING:
    import psycopg

    from inbound.eventlog.recovered_rows import RecoveredRows
    from inbound.eventlog.recovery import Recovered, Restore
    from inbound.kafka.group_offsets import Moved

APPLICATION_NAME = "scserv log recover"
_ENDS_WITHIN_S = 5.0
_LOOK_AGAIN_S = 0.3


@click.command
@reason_option
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
@click.option(
    "--show",
    default=20,
    show_default=True,
    help="Lines of each list; the rest is counted.",
)
@settings_options
def recover(settings: Settings, reason: str, *, yes: bool, show: int) -> None:
    """Restore from Kafka the events that the log has lost since its backup.

    Run it after a restore, with every process of the service stopped and before the first one is
    started. Safe to repeat. Then check with `scserv log verify`.
    """
    from inbound.clock import utc_now
    from inbound.eventlog.recovery import Restore

    actor, why = operator(reason)
    settings.require("kafka_bootstrap_servers")
    hasher = SubjectHasher(check_database(settings))
    if not yes:
        confirm("Is every process of the service stopped?")
    done, moved = _recover(settings, hasher, Restore(actor, why, utc_now()))
    erased = asyncio.run(_erase_again(settings, hasher, actor))
    for line in _report(settings, done, show):
        echo(line)
    for line in _report_moved(moved):
        echo(line)
    if erased:
        people = counted(erased, "person was", "people were")
        echo(f"{people} erased again, because the backup had them")


def _recover(
    settings: Settings, hasher: SubjectHasher, restore: "Restore"
) -> "tuple[Recovered, list[Moved]]":
    from inbound.eventlog.published_tail import CLOCKS_APART, PublishedTail
    from inbound.eventlog.recovery import Recovery
    from inbound.kafka.group_offsets import rewind
    from inbound.kafka.topic_reader import open_reader
    from inbound.store.sealing import Sealer
    from schemas.topics import TopicNames
    from streams.groups import WORKER_GROUP

    kafka, names = settings.kafka(), TopicNames.prefixed(settings.topic_prefix)
    sealer = Sealer(make_cipher(settings))
    moved: list[Moved] = []

    with (
        _open_unused(settings) as conn,
        open_reader(kafka) as reader,
    ):

        def rewind_workers(done: "Recovered") -> None:
            """Have workers read again what may have been committed and not published.

            Also if nothing is missing from what was published: that can't be told from a log whose
            last events never were.
            """
            since = {names.mo: done.until, names.receipts: done.until, names.notify: done.since}
            known = {topic: at - CLOCKS_APART for topic, at in since.items() if at is not None}
            moved.extend(rewind(kafka, reader, settings.topic_prefix + WORKER_GROUP, known))

        recovery = Recovery(conn, PublishedTail(reader, names), sealer, hasher)
        return recovery.run(restore, rewind_workers), moved


@contextmanager
def _open_unused(settings: Settings) -> "Iterator[psycopg.Connection]":
    """Connect to the database of a service that is stopped. Raises SetupError while it runs."""
    with open_database(settings, APPLICATION_NAME, long=True) as conn:
        _refuse_running(conn)
        yield conn


def _refuse_running(conn: "psycopg.Connection") -> None:
    """Raise SetupError while a process of the service is connected to the database."""
    from inbound.store.access.process_keys import list_keys
    from inbound.store.connected import list_connected

    deadline = time.monotonic() + _ENDS_WITHIN_S
    while connected := list_connected(conn):
        if time.monotonic() > deadline:
            found = [f"    {one}, connected to the database" for one in connected]
            found += [f"    {one}" for one in list_keys(conn)]
            raise SetupError(
                "\n".join(
                    [
                        "the service is not stopped, and nothing was changed. These run:",
                        *found,
                        "Stop every process but PostgreSQL and Kafka, and run this again.",
                    ]
                )
            )
        time.sleep(_LOOK_AGAIN_S)


async def _erase_again(settings: Settings, hasher: SubjectHasher, actor: str) -> int:
    """Erase people whose erasure is in the log and whom the backup still has."""
    from inbound.clock import utc_now
    from inbound.erasure.eraser import Eraser
    from inbound.eventlog.recovery import people_to_erase_again
    from inbound.store.sealing import Sealer
    from inbound.store.transactions.postgres import PostgresStore

    cipher = make_cipher(settings)
    with open_database(settings, APPLICATION_NAME, long=True) as conn:
        numbers = people_to_erase_again(conn, Sealer(cipher))
    if not numbers:
        return 0
    url = settings.database_url.get_secret_value()
    store = PostgresStore(url, cipher, application_name=APPLICATION_NAME, long=True)
    try:
        eraser = Eraser(store, hasher, clock=utc_now)
        for number in numbers:
            await eraser.erase(number, actor=actor, reason="erased again after a restore")
    finally:
        await store.close()
    return len(numbers)


def _report(settings: Settings, done: "Recovered", show: int) -> Iterator[str]:
    if done.rows is None:
        yield f"nothing was published after event {done.backup}: the log is complete"
        return
    until = local(done.until, settings.time_zone) if done.until else ""
    yield (
        f"took back {counted(done.events, 'event')}, {done.backup + 1} to {done.last}, the last of "
        f"{until}"
    )
    if done.lost:
        places = ", ".join(map(str, done.lost[:show]))
        more = f" and {len(done.lost) - show} more" if len(done.lost) > show else ""
        yield f"{counted(len(done.lost), 'event')} can't be taken back: {places}{more}"
    yield from _report_rows(done.rows, show)


def _report_moved(moved: "Sequence[Moved]") -> Iterator[str]:
    records = sum(one.before - one.now for one in moved)
    if not moved:
        yield "no offset of the workers was moved"
        return
    yield (
        f"offsets of the workers were moved back: they read {counted(records, 'record')} again, "
        "and recognise what is done already"
    )
    for one in sorted(moved, key=lambda one: (one.topic, one.partition)):
        yield f"  {one.topic}, partition {one.partition}: from {one.before} to {one.now}"


def _report_rows(rows: "RecoveredRows", show: int) -> Iterator[str]:
    yield f"{counted(rows.messages, 'message')} ended since the backup, and won't be sent again"
    if rows.numbers:
        yield f"{counted(rows.numbers, 'new person', 'new people')} got the number back"
    if unknown := rows.without_number:
        yield (
            f"{counted(len(unknown), 'person', 'people')} can't be reached: the number is nowhere "
            "any more. A text from it begins a new person"
        )
        yield from _listed(map(str, unknown), len(unknown), show)
    if rows.open_requests:
        yield (
            f"{counted(len(rows.open_requests), 'request was', 'requests were')} open; one that "
            "stays open was not answered, and its client has to text again"
        )
        lines = (f"request {one.request_id} of {one.subject_id}" for one in rows.open_requests)
        yield from _listed(lines, len(rows.open_requests), show)
    if rows.lost_orders:
        yield (
            f"{counted(len(rows.lost_orders), 'order has', 'orders have')} lost the text: ordered "
            "again under the same id or idempotency key they are sent, once"
        )
        lines = (f"order {one.order_id} of {one.account}" for one in rows.lost_orders)
        yield from _listed(lines, len(rows.lost_orders), show)


def _listed(lines: Iterator[str], total: int, show: int) -> Iterator[str]:
    for _, line in zip(range(show), lines, strict=False):
        yield f"  {line}"
    if total > show:
        yield f"  and {total - show} more"
