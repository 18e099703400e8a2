"""`scserv status`: whether the service is well, and what an operator must do if not."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from inbound.cli._alarms import BAD, ask_status, in_words
from inbound.cli._context import settings_options
from inbound.cli._language import speak_both
from inbound.settings import Settings
from inbound.terminal import echo, echo_json
from inbound.wording import both
from schemas.orders import utc

if TYPE_CHECKING:
    from inbound.desk.status.alarm import Alarm
    from inbound.desk.status.service_status import ServiceStatus
    from inbound.store.running_roles import SeenRole


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@settings_options
def status(settings: Settings, *, as_json: bool) -> None:
    """Show what is wrong, what clients notice first, and what to do about it.

    Asks PostgreSQL and Kafka, and no process of the service: it answers while any of them is down.
    The desk's page `/status` shows the same. Exit status 1 if clients notice something.
    """
    from inbound.desk.status.alarms import alarms_of

    settings.require("database_url", "kafka_bootstrap_servers")
    found = ask_status(settings)
    alarms = alarms_of(found)
    if as_json:
        echo_json(_as_object(found, alarms, settings))
    else:
        for line in _lines(found, alarms, settings):
            echo(line)
    click.get_current_context().exit(any(alarm.colour == BAD for alarm in alarms))


def _lines(found: "ServiceStatus", alarms: "list[Alarm]", settings: Settings) -> Iterator[str]:
    for what, todo, colour in in_words(alarms, settings):
        if colour == BAD:
            yield both("CLIENTS NOTICE: {what}", "ЗАМЕТНО КЛИЕНТАМ: {what}", what=what)
        else:
            yield both("to do: {what}", "надо сделать: {what}", what=what)
        yield f"    {todo}"
    if found.unavailable:
        yield both("why: {reason}", "причина: {reason}", reason=found.unavailable)
    if not alarms:
        yield both(
            "all is well: nothing needs an operator", "всё в порядке: ничто не требует внимания"
        )
    if found.stored is not None and found.stored.seen:
        yield both(
            "processes that reported within the last minutes: {roles}",
            "процессы, которые сообщили о себе за последние минуты: {roles}",
            roles=", ".join(_count(one) for one in found.stored.seen),
        )
    whole = found.whole_hour
    if whole is not None and whole.p50 is not None and whole.p99 is not None:
        yield both(
            "acknowledgements of the last hour, {count} in all: half within {p50} s, 99 of 100"
            " within {p99} s",
            "подтверждения за последний час, всего {count}: половина за {p50} с, 99 из 100 за"
            " {p99} с",
            count=whole.arrived,
            p50=f"{whole.p50:.1f}",
            p99=f"{whole.p99:.1f}",
        )


def _count(one: "SeenRole") -> str:
    if one.running:
        return f"{one.role} {one.running}"
    return both(
        "{role} 0 (the last {minutes} min ago)",
        "{role} 0 (последний {minutes} мин назад)",
        role=one.role,
        minutes=round(one.age_s / 60),
    )


def _as_object(
    found: "ServiceStatus", alarms: "list[Alarm]", settings: Settings
) -> dict[str, object]:
    whole = found.whole_hour
    return {
        "at": utc(found.at),
        "well": not any(alarm.colour == BAD for alarm in alarms),
        "alarms": [
            {"noticed_by_clients": colour == BAD, "what": what, "todo": todo}
            for what, todo, colour in in_words(alarms, settings)
        ],
        "database": found.unavailable,
        "processes": [asdict(one) for one in found.stored.seen] if found.stored else None,
        "acknowledged_s": {
            "p50": whole.p50 if whole else None,
            "p99": whole.p99 if whole else None,
        },
    }


speak_both([status])
