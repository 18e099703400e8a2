"""Prints a timeline on a terminal: sentences first, steps below, at any width.

Adds layout, colours and labels to the texts of the timeline. Colour never carries meaning
alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from inbound.cli._timeline_labels import LABELS, RUSSIAN_REASONS
from inbound.terminal import Terminal
from inbound.timeline.model import (
    ClockState,
    ExcludedTimeline,
    Language,
    Miss,
    OrderTimeline,
    ReplyStatus,
    RequestTimeline,
    Step,
    StepKind,
    SwitchTimeline,
    Timeline,
)
from inbound.timeline.words import duration
from schemas.orders import OrderState, utc

_GOOD: Final = "bold green"
_OPEN: Final = "bold yellow"
_BAD: Final = "bold red"
_STYLES: Final[Mapping[ReplyStatus, str]] = {
    ReplyStatus.DELIVERED: _GOOD,
    ReplyStatus.WAITING: _OPEN,
    ReplyStatus.ON_ITS_WAY: _OPEN,
}
_ORDER_STYLES: Final[Mapping[OrderState, str]] = {
    OrderState.DELIVERED: _GOOD,
    OrderState.SCHEDULED: _OPEN,
    OrderState.QUEUED: _OPEN,
    OrderState.SENT: _OPEN,
}
_CLOCKS: Final[Mapping[ClockState, str]] = {
    ClockState.KEPT: "green",
    ClockState.RUNNING: "yellow",
}
_TROUBLE: Final = {StepKind.ATTEMPT, StepKind.LATE, StepKind.RESCHEDULED}
_ENDED: Final = {
    StepKind.ORDER_REFUSED,
    StepKind.WITHHELD,
    StepKind.CANCELLED,
    StepKind.EXPIRED,
}
_OUTCOMES: Final[Mapping[object, str]] = {
    "submitted": "",
    "delivered": "green",
    "undetermined": "yellow",
}
_SHORT: Final = 10.0


def print_timeline(timeline: Timeline, console: Terminal) -> None:
    """Print a timeline, newest request or order first."""
    labels = LABELS[timeline.language]
    console.print(_title(timeline, labels))
    entries = sorted(_entries(timeline, labels), key=lambda entry: entry[0], reverse=True)
    if not entries:
        console.print(Text(timeline.sentence, style=_OPEN))
    elif timeline.pending:
        for note in timeline.pending:
            console.print(Text(note.sentence, style=_OPEN))
        console.print()
    for n, (_, entry) in enumerate(entries):
        if n:
            console.print()
        console.print(entry)
    for one in timeline.answers:
        console.print()
        console.print(Text(labels[one.question], style="dim"))
        console.print(Padding(Text(one.sentence), (0, 0, 0, 2), expand=False))
    for line in _left_out(timeline, labels):
        console.print(Text(line, style="dim"))


def _title(timeline: Timeline, labels: Mapping[str, str]) -> RenderableType:
    absent = labels["nobody" if timeline.subject_id is None else "erased"]
    number = timeline.number or absent
    lines = [Text(f"{number}, {labels['zone']} {timeline.zone}", style="bold")]
    if timeline.subject_id is not None:
        lines.append(Text(f"{labels['subject']} {timeline.subject_id}", style="dim"))
    return Group(*lines, Text())


def _entries(
    timeline: Timeline, labels: Mapping[str, str]
) -> Iterator[tuple[datetime, RenderableType]]:
    zone = ZoneInfo(timeline.zone)
    for request in timeline.requests:
        yield request.arrived_at, _request(request, zone, labels)
    for order in timeline.orders:
        yield order.ordered_at, _order(order, zone, labels)
    for excluded in timeline.excluded:
        yield excluded.began_at, _excluded(excluded, timeline.language, labels)
    for switch in timeline.switches:
        yield switch.at, _switch(switch, labels)
    for miss in timeline.misses:
        yield miss.last_at, _miss(miss)
    for unfinished in timeline.unfinished:
        yield unfinished.first_at, Text(unfinished.sentence, style=_OPEN)


def _miss(miss: Miss) -> RenderableType:
    sentence = Text(miss.sentence, style=_OPEN)
    if miss.reading is None:
        return sentence
    return Group(sentence, Padding(Text(miss.reading.text), (0, 0, 0, 2), expand=False))


def _request(request: RequestTimeline, zone: ZoneInfo, labels: Mapping[str, str]) -> RenderableType:
    about = _about()
    about.add_row(labels["request"], str(request.request_id))
    if request.trace_id:
        about.add_row(labels["trace"], request.trace_id)
    clock = Text(request.clock.text, style=_CLOCKS.get(request.clock.state, _BAD))
    about.add_row(labels["clock"], clock)
    sentence = Text(request.sentence, style=_STYLES.get(request.verdict, _BAD))
    return _entry(sentence, about, _steps(request.steps, zone, labels["units"].split()))


def _order(order: OrderTimeline, zone: ZoneInfo, labels: Mapping[str, str]) -> RenderableType:
    about = _about()
    about.add_row(labels["order"], str(order.order_id))
    about.add_row(labels["account"], order.account)
    if order.broadcast_id is not None:
        about.add_row(labels["broadcast"], _broadcast(order.broadcast, order.broadcast_id))
    if order.template is not None:
        version = f", {labels['version']} {order.template_version}"
        about.add_row(
            labels["template"], f"{order.template}{version if order.template_version else ''}"
        )
    if order.advice is not None:
        about.add_row(labels["advice"], order.advice)
    if order.trace_id:
        about.add_row(labels["trace"], order.trace_id)
    sentence = Text(order.sentence, style=_ORDER_STYLES.get(order.verdict, _BAD))
    return _entry(sentence, about, _steps(order.steps, zone, labels["units"].split()))


def _excluded(
    excluded: ExcludedTimeline, language: Language, labels: Mapping[str, str]
) -> RenderableType:
    about = _about()
    about.add_row(labels["broadcast"], _broadcast(excluded.broadcast, excluded.broadcast_id))
    about.add_row(labels["account"], excluded.account)
    reason = excluded.reason.replace("_", " ")
    if language is Language.RU:
        reason = RUSSIAN_REASONS[excluded.reason]
    about.add_row(labels["row"], f"{excluded.row} ({reason})")
    sentence = Text(excluded.sentence, style=_BAD)
    return Group(sentence, Padding(about, (0, 0, 0, 2), expand=False))


def _switch(switch: SwitchTimeline, labels: Mapping[str, str]) -> RenderableType:
    about = _about()
    about.add_row(labels["advice"], f"{switch.by}: {switch.reason}")
    return Group(Text(switch.sentence), Padding(about, (0, 0, 0, 2), expand=False))


def _broadcast(name: str | None, broadcast_id: UUID) -> str:
    return f"{name} ({broadcast_id})" if name else str(broadcast_id)


def _about() -> Table:
    about = Table.grid(padding=(0, 2))
    about.add_column(no_wrap=True)
    about.add_column(overflow="fold")
    return about


def _entry(sentence: Text, about: Table, steps: Table) -> RenderableType:
    indent = (0, 0, 0, 2)
    return Group(
        sentence,
        Padding(about, indent, expand=False),
        Padding(steps, indent, expand=False),
    )


def _steps(steps: Sequence[Step], zone: ZoneInfo, units: list[str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    day = None
    for n, step in enumerate(steps):
        local = step.at.astimezone(zone)
        if local.date() != day:
            day = local.date()
            table.add_row(Text(f"{day:%d.%m.%Y}", style="bold"))
        since = _since(step.after_s, units) if n else ""
        text = Text(step.text, style=_style(step))
        table.add_row(f"{local:%H:%M:%S.%f}"[:-3], Text(since, style="dim"), text)
    return table


def _since(seconds: float, units: list[str]) -> str:
    if abs(seconds) < _SHORT:
        return f"{seconds:+.3f} {units[0]}"
    s, minutes, hours, days = units
    sign = "+" if seconds > 0 else "-"
    return sign + duration(timedelta(seconds=abs(seconds)), (s, minutes, hours, days))


def _style(step: Step) -> str:
    if step.step in _TROUBLE:
        return "yellow"
    if step.step in _ENDED:
        return "red"
    if step.step is StepKind.RESULT:
        return _OUTCOMES.get(step.details["outcome"], "red")
    if step.step is StepKind.RECEIPT:
        return _OUTCOMES.get(step.details["fate"], "red")
    return ""


def _left_out(timeline: Timeline, labels: Mapping[str, str]) -> Iterator[str]:
    more = ""
    if timeline.next_until is not None:
        yield ""
        more = f"; {labels['more']}: --until {utc(timeline.next_until)}"
    if timeline.requests_left_out:
        yield f"{labels['left_out']}: {timeline.requests_left_out}{more}"
    if timeline.orders_left_out:
        yield f"{labels['orders_left_out']}: {timeline.orders_left_out}{more}"
    if timeline.misses_left_out:
        yield labels["misses_left_out"]
    if timeline.not_noted and (timeline.requests or timeline.orders or timeline.misses):
        yield f"{labels['not_noted']}: {timeline.not_noted}"
