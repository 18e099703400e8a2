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


@pytest.mark.parametrize("address", ["desk.example.org", "ftp://desk.example.org", "https://"])
def test_an_address_needs_its_scheme(address: str) -> None:
    with pytest.raises(SetupError, match="SCSERV_DESK__ADDRESS"):
        parse_hosts("", listens_on="127.0.0.1", address=address)
