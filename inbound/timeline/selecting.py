"""Chooses the requests and orders that a timeline shows. Pure."""

from collections.abc import Iterable, Sequence

from inbound.timeline.incidents import Switch, SwitchedBy, stop_before
from inbound.timeline.input import SelectedHistory, TimelineOptions
from inbound.timeline.orders import OrderHistory, group_orders
from inbound.timeline.requests import EventRow, RequestHistory, group_requests, read_events


def select(rows: Iterable[EventRow], options: TimelineOptions) -> SelectedHistory:
    """Return the requests and orders to show; `rows` are the events of one subject, in order.

    Raises UnknownEventError for an event of a newer release.
    """
    events = read_events(rows)
    requests, limits = group_requests(events)
    orders = group_orders(events)
    both: list[RequestHistory | OrderHistory] = [*requests, *orders]
    wanted = [one for one in both if _is_asked(one, options)]
    wanted.sort(key=lambda one: one.at, reverse=True)
    shown, left_out = wanted[: options.limit], wanted[options.limit :]
    return SelectedHistory(
        [one for one in shown if isinstance(one, RequestHistory)],
        [one for one in shown if isinstance(one, OrderHistory)],
        limits,
        sum(isinstance(one, RequestHistory) for one in left_out),
        sum(isinstance(one, OrderHistory) for one in left_out),
    )


def with_stops(selection: SelectedHistory, switches: Sequence[Switch]) -> SelectedHistory:
    """Add the switch that turned notifications off to orders not sent because of it, and to stops.

    `switches` are those of the person, the newest first.
    """
    for order in selection.orders:
        if (version := order.opted_out_before) is not None:
            order.stop = stop_before(switches, version)
    for request in selection.told_requests:
        if (version := request.repeats_stop_at) is not None:
            request.stop = stop_before(switches, version)
    return selection


def switches_by_operators(switches: Sequence[Switch], options: TimelineOptions) -> list[Switch]:
    """Return the newest switches by operators within the requested time, without undone stops."""
    shown = [
        one
        for one in switches
        if one.switched_by is SwitchedBy.OPERATOR
        and (options.since is None or one.at >= options.since)
        and (options.until is None or one.at < options.until)
    ]
    return shown[: options.limit]


def _is_asked(one: RequestHistory | OrderHistory, options: TimelineOptions) -> bool:
    return (
        (options.only is None or one.id in options.only)
        and (options.since is None or one.at >= options.since)
        and (options.until is None or one.at < options.until)
    )
