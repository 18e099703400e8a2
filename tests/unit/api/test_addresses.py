"""Which client a request belongs to."""

from typing import Any

import pytest

from inbound.api.addresses import UNKNOWN, ClientAddresses, client_of, parse_networks
from inbound.errors import SetupError

PROXIES = parse_networks("10.0.0.0/24, 192.0.2.7,2001:db8::/64")


def scope(host: str | None, *forwarded: str) -> dict[str, Any]:
    return {
        "type": "http",
        "client": host and (host, 1),
        "headers": [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded],
    }


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_one_client(host: str, client: str) -> None:
    assert client_of(host) == client


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # the first one is the client's own claim
        (["198.51.100.1", "10.0.0.8"], "198.51.100.1"),  # through two proxies
        (["198.51.100.1:4711, 10.0.0.8"], "198.51.100.1"),
        (["[2001:db8:1:2::3]:80"], "2001:db8:1:2::/64"),
        (["198.51.100.1, nonsense"], "10.0.0.7"),
        ([], "10.0.0.7"),
        (["10.0.0.9"], "10.0.0.7"),
    ],
)
def test_a_trusted_proxy_names_the_client(forwarded: list[str], client: str) -> None:
    assert ClientAddresses(PROXIES).client(scope("10.0.0.7", *forwarded)) == client


def test_a_stranger_names_nobody() -> None:
    assert ClientAddresses(PROXIES).client(scope("203.0.113.1", "198.51.100.1")) == "203.0.113.1"
    assert ClientAddresses().client(scope("10.0.0.7", "198.51.100.1")) == "10.0.0.7"
    assert ClientAddresses().client(scope(None)) == UNKNOWN


def test_invalid_networks_are_one_line_for_the_operator() -> None:
    assert parse_networks("") == ()
    with pytest.raises(SetupError, match="SCSERV_API__TRUSTED_PROXIES: "):
        parse_networks("proxy.example")
