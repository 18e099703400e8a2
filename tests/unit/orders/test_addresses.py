"""From where an account may order."""

import pytest

from inbound.orders.addresses import AddressError, is_allowed, parse_network

NETWORKS = ["203.0.113.7/32", "198.51.100.0/24", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        ("203.0.113.7", True),
        ("203.0.113.8", False),
        ("198.51.100.200", True),
        ("::ffff:198.51.100.200", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("", False),
        ("unix:", False),
    ],
)
def test_an_address_is_in_one_of_the_networks(peer: str, allowed: bool) -> None:
    assert is_allowed(NETWORKS, peer) is allowed


def test_without_networks_every_address_is_allowed() -> None:
    assert is_allowed([], "203.0.113.8")
    assert is_allowed([], "")


def test_a_network_is_written_as_the_database_has_it() -> None:
    assert parse_network(" 203.0.113.7 ") == "203.0.113.7/32"
    assert parse_network("2001:DB8::/32") == "2001:db8::/32"


@pytest.mark.parametrize("text", ["", "203.0.113", "203.0.113.7/24", "example.org"])
def test_something_else_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match=r"write 203\.0\.113\.7"):
        parse_network(text)
