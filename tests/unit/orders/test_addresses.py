"""From where an account may order."""

import pytest

from inbound.orders.addresses import NetworkAddressError, parse_network


def test_a_network_is_written_as_the_database_has_it() -> None:
    assert parse_network(" 203.0.113.7 ") == "203.0.113.7/32"
    assert parse_network("2001:DB8::/32") == "2001:db8::/32"


@pytest.mark.parametrize("text", ["", "203.0.113", "203.0.113.7/24", "example.org"])
def test_something_else_is_refused(text: str) -> None:
    with pytest.raises(NetworkAddressError, match=r"write 203\.0\.113\.7"):
        parse_network(text)
