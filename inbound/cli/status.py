"""`scserv status`: whether the service is well, and what an operator must do if not."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from inbound.cli._alarms import BAD, ask_status, in_words
from inbound.cli._context import settings_options
from inbound.cli._language import speak_both
from inbound.settings import Settings
from inbound.terminal import echo, echo_json
from inbound.wording import Bilingual, both, decimal, joined
from schemas.orders import utc

if TYPE_CHECKING:
    from inbound.desk.status.alarm import Alarm
    from inbound.desk.status.service_status import ServiceStatus
    from inbound.store.running_roles import SeenRole

_OF_KAFKA: Final = {"backlog": both("what waits for the workers", "что ждёт обработки")}
_OF_TABLES: Final = {
    "binds": both("binds", "подключения"),
    "processes": both("processes", "процессы"),
    "replies": both("replies that wait to be sent", "ответы, которые ждут отправки"),
    "projections": both("look-up tables", "таблицы для поиска"),
    "dead_letters": both("dead letters", "необработанные сообщения"),
    "quotas": both("quotas", "квоты"),
    "registrations": both("held registrations", "задержанные выдачи данных"),
}
_OF_HOUR: Final = {
    "acknowledgements": both("acknowledgements of the last hour", "подтверждения за последний час")
}


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@settings_options
def status(settings: Settings, *, as_json: bool) -> None:
    """Show what is wrong, what clients notice first, and what to do about it.

    Asks PostgreSQL and Kafka, and no process of the service: it answers while any of them is down
    or hangs, within ten seconds. The desk's page `/status` shows the same. Exit status 1 if clients
    notice something.
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
    for reason in filter(None, (found.kafka and found.kafka.reason, found.unavailable)):
        yield both("why: {reason}", "причина: {reason}", reason=reason)
    if unknown := _not_known(found):
        yield both(
            "not known now: {what}",
            "сейчас неизвестно: {what}",
            what=joined(", ", unknown.values()),
        )
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
            "acknowledgements of the last 60 whole minutes, {count} in all: half within {p50} s,"
            " 99 of 100 within {p99} s",
            "подтверждения за последние 60 полных минут, всего {count}: половина за {p50} с,"
            " 99 из 100 за {p99} с",
            count=whole.arrived,
            p50=decimal(whole.p50),
            p99=decimal(whole.p99),
        )


def _count(one: "SeenRole") -> str:
    from inbound.store.access.process_keys import ALIVE

    if one.running or one.age_s < ALIVE.total_seconds():  # the alarms name those that are silent
        return f"{one.role} {one.running}"
    return both(
        "{role} 0 (the last {minutes} min ago)",
        "{role} 0 (последний {minutes} мин назад)",
        role=one.role,
        minutes=round(one.age_s / 60),
    )


def _not_known(found: "ServiceStatus") -> Mapping[str, Bilingual]:
    """Return what the status lacks, because its source did not answer: by its name in JSON."""
    return {
        **(_OF_KAFKA if found.backlog.oldest is None else {}),
        **(_OF_TABLES if found.stored is None else {}),
        **(_OF_HOUR if found.whole_hour is None else {}),
    }


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
        "kafka": found.kafka.reason if found.kafka else "",
        "not_known": list(_not_known(found)),
        "processes": [asdict(one) for one in found.stored.seen] if found.stored else None,
        "silent": [asdict(one) for one in found.stored.silent] if found.stored else None,
        "acknowledged_s": {
            "p50": whole.p50 if whole else None,
            "p99": whole.p99 if whole else None,
        },
    }


speak_both([status])
