"""Which bind may carry a message: its own centre's, until that has been down too long."""

import pytest

from inbound.gateway.links import FAILOVER_S, Link, Links
from inbound.smpp.esme import BindHealth, EsmeState
from inbound.smpp.segmentation import part_count
from inbound.templates.catalogue import load_catalogue
from streams.outbox.encoding import Encoder


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def link(name: str, centre: str, clock: Clock) -> Link:
    encoder = Encoder(load_catalogue(None, part_count), "SCSERV", "gsm0338")
    return Link(name, centre, encoder, 10, clock=clock)


def up(*links: Link) -> None:
    for each in links:
        each.changed(BindHealth(EsmeState.BOUND, 0, "bound"))


def down(*links: Link) -> None:
    for each in links:
        each.changed(BindHealth(EsmeState.DOWN, 0, "gone"))


def test_a_centre_is_stranded_only_after_a_while_without_any_bind(clock: Clock) -> None:
    north, north_2, south = (
        link(n, c, clock) for n, c in (("n1", "north"), ("n2", "north"), ("s1", "south"))
    )
    links = Links([north, north_2, south])
    up(north, north_2, south)
    down(north)
    clock.now += FAILOVER_S + 1
    assert links.served_by(south) == ("south",)
    down(north_2)
    clock.now += FAILOVER_S - 1
    assert links.served_by(south) == ("south",)
    clock.now += 1
    assert links.served_by(south) == ("south", "north")
    up(north)
    assert links.served_by(south) == ("south",)


def test_trying_to_connect_does_not_count_as_being_up(clock: Clock) -> None:
    north, south = link("n1", "north", clock), link("s1", "south", clock)
    links = Links([north, south])
    clock.now += FAILOVER_S / 2
    north.changed(BindHealth(EsmeState.CONNECTING, 0, "connecting"))
    clock.now += FAILOVER_S / 2
    assert links.is_stranded("north")


def test_a_message_goes_where_its_text_came_from_else_to_the_first_centre(clock: Clock) -> None:
    links = Links([link("n1", "north", clock), link("s1", "south", clock)])
    assert links.centre_for("south") == "south"
    assert links.centre_for("west") == links.centre_for(None) == "north"


def test_the_window_of_a_centre_is_that_of_its_binds(clock: Clock) -> None:
    links = Links([link(n, "north", clock) for n in ("n1", "n2")])
    assert links.window("north") == 20
