"""Chooses the requests and orders that a timeline shows. Pure."""

from collections.abc import Iterable

from inbound.timeline.input import Selection, TimelineOptions
from inbound.timeline.orders import OrderHistory, group_orders
from inbound.timeline.requests import EventRow, RequestHistory, group_requests, read_events


def select(rows: Iterable[EventRow], options: TimelineOptions) -> Selection:
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
    return Selection(
        [one for one in shown if isinstance(one, RequestHistory)],
        [one for one in shown if isinstance(one, OrderHistory)],
        limits,
        sum(isinstance(one, RequestHistory) for one in left_out),
        sum(isinstance(one, OrderHistory) for one in left_out),
    )


def _is_asked(one: RequestHistory | OrderHistory, options: TimelineOptions) -> bool:
    return (
        (options.only is None or one.id in options.only)
        and (options.since is None or one.at >= options.since)
        and (options.until is None or one.at < options.until)
    )
