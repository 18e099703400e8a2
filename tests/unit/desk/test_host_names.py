"""By which names browsers reach the desk."""

import pytest

from inbound.desk.host_names import parse_hosts
from inbound.errors import SetupError


@pytest.mark.parametrize(
    ("header", "is_own"),
    [
        ("localhost", True),
        ("localhost:8070", True),
        ("LOCALHOST", True),
        ("desk.localhost:1", True),
        ("127.0.0.1:8070", True),
        ("127.8.9.10", True),
        ("[::1]:8070", True),
        ("desk.example.org", True),
        ("DESK.example.org:443", True),
        ("texts.example.org", True),
        ("10.0.0.5:8070", True),
        ("evil.example", False),
        ("desk.example.org.evil.example", False),
        ("evil.example/desk.example.org", False),
        ("desk.example.org@evil.example", False),
        ("evil.example@desk.example.org", False),
        ("10.0.0.6", False),
        ("localhost:99999", False),
        ("localhost:port", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_names(header: str, is_own: bool) -> None:
    names = parse_hosts(
        " desk.example.org ", listens_on="10.0.0.5", address="https://texts.example.org"
    )
    assert names.has(header) is is_own


def test_an_address_for_all_is_no_name() -> None:
    names = parse_hosts("", listens_on="0.0.0.0", address="")  # noqa: S104
    assert not names.has("0.0.0.0")  # noqa: S104
    assert names.has("localhost")


@pytest.mark.parametrize(
    "text", ["https://desk.example.org", "desk.example.org:443", "a/b", "a b@c"]
)
def test_a_setting_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(SetupError, match="SCSERV_DESK__HOSTS"):
        parse_hosts(text, listens_on="127.0.0.1", address="")


@pytest.mark.parametrize(
    ("origin", "is_own"),
    [
        ("https://localhost:8070", True),  # what the Host header says
        ("https://localhost:9443", True),  # the desk's address, at a proxy
        ("http://localhost:9443", False),
        ("https://localhost:9000", False),
        ("https://localhost", False),
        ("https://127.0.0.1:9000", False),
        ("https://desk.example.org", True),
        ("https://desk.example.org:8443", True),
        ("https://evil.example", False),
        ("https://localhost:8070/", False),
        ("https://me@localhost:8070", False),
        ("https://[localhost", False),
        ("https://localhost:99999", False),
        ("null", False),
    ],
)
def test_the_port_of_an_origin_counts_on_loopback(origin: str, is_own: bool) -> None:
    names = parse_hosts(
        "desk.example.org", listens_on="127.0.0.1", address="https://localhost:9443"
    )
    assert names.has_origin(origin, "localhost:8070") is is_own


@pytest.mark.parametrize(
    "address",
    [
        *("desk.example.org", "ftp://desk.example.org", "https://"),
        *("https://[desk", "https://desk.example.org:99999"),
    ],
)
def test_an_address_needs_its_scheme(address: str) -> None:
    with pytest.raises(SetupError, match="SCSERV_DESK__ADDRESS"):
        parse_hosts("", listens_on="127.0.0.1", address=address)
