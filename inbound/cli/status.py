"""`scserv status`: whether the service is well, and what an operator must do if not."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from inbound.cli._context import settings_options
from inbound.cli._language import speak_both
from inbound.cli._sources import make_sources
from inbound.settings import Settings
from inbound.terminal import echo, echo_json, reads_russian
from inbound.wording import both
from schemas.orders import utc

if TYPE_CHECKING:
    from inbound.desk.status.alarms import Alarm
    from inbound.desk.status.service_status import ServiceStatus

_BAD: Final = "bad"


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@settings_options
def status(settings: Settings, *, as_json: bool) -> None:
    """Show what is wrong, what clients notice first, and what to do about it.

    Asks PostgreSQL and Kafka, and no process of the service: it answers while any of them is down.
    The desk's page `/status` shows the same. Exit status 1 if clients notice something.
    """
    from inbound.desk.status.alarms import alarms_of

    settings.require("database_url")
    found = asyncio.run(_read(settings))
    alarms = alarms_of(found)
    if as_json:
        echo_json(_as_object(found, alarms, settings))
    else:
        for line in _lines(found, alarms, settings):
            echo(line)
    click.get_current_context().exit(any(alarm.colour == _BAD for alarm in alarms))


async def _read(settings: Settings) -> "ServiceStatus":
    from inbound.clock import utc_now
    from inbound.desk.status.service_status import Limits, StatusReader

    sources = make_sources(settings, "scserv status")
    limits = Limits(settings.dead_letter_limits(), settings.quotas.limits())
    try:
        return await StatusReader(sources, limits, utc_now).read()
    finally:
        await sources.close()


def _lines(found: "ServiceStatus", alarms: "list[Alarm]", settings: Settings) -> Iterator[str]:
    for what, todo, colour in _said(alarms, settings):
        if colour == _BAD:
            yield both("CLIENTS NOTICE: {what}", "ЗАМЕТНО КЛИЕНТАМ: {what}", what=what)
        else:
            yield both("to do: {what}", "надо сделать: {what}", what=what)
        yield f"    {todo}"
    if not alarms:
        yield both(
            "all is well: nothing needs an operator", "всё в порядке: ничто не требует внимания"
        )
    whole = found.whole_hour
    if whole is not None and whole.p50 is not None and whole.p99 is not None:
        yield both(
            "acknowledgements of the last hour: half within {p50} s, 99 of 100 within {p99} s",
            "подтверждения за последний час: половина за {p50} с, 99 из 100 за {p99} с",
            p50=f"{whole.p50:.1f}",
            p99=f"{whole.p99:.1f}",
        )


def _said(alarms: "list[Alarm]", settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong and what to do, in the language of the command, and the colour."""
    from inbound.desk.words import Words
    from inbound.timeline.model import Language

    words = Words(Language.RU if reads_russian() else Language.EN, settings.time_zone)
    for alarm in alarms:
        yield words(alarm.what, **alarm.values), words(alarm.todo), alarm.colour


def _as_object(
    found: "ServiceStatus", alarms: "list[Alarm]", settings: Settings
) -> dict[str, object]:
    whole = found.whole_hour
    return {
        "at": utc(found.at),
        "well": not any(alarm.colour == _BAD for alarm in alarms),
        "alarms": [
            {"noticed_by_clients": colour == _BAD, "what": what, "todo": todo}
            for what, todo, colour in _said(alarms, settings)
        ],
        "acknowledged_s": {
            "p50": whole.p50 if whole else None,
            "p99": whole.p99 if whole else None,
        },
    }


speak_both([status])
