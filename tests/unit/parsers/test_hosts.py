"""A text is a host if the system can look it up without an error that is none of the network."""

import socket

import pytest

from inbound.parsers.hosts import is_host


@pytest.mark.parametrize(
    "text",
    [
        "example.org",
        "example.org.",
        "localhost",
        "smsc_1.internal",
        "xn--e1afmkfd.xn--p1ai",
        "пример.рф",
        "192.0.2.1",
        "::1",
        "fe80::1%eth0",
        "a" * 63,
    ],
)
def test_hosts(text: str) -> None:
    assert is_host(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "a..b", ".a", "a..", "a" * 64, "п" * 64, ".".join(["a" * 63] * 4)),
        *("a b", "a\n", "a\0", "\ud800", "a:1", "a/b", "a%b", "[::1]"),
    ],
)
def test_texts_that_are_no_host(text: str) -> None:
    assert not is_host(text)


@pytest.mark.parametrize("text", ["a..b", ".a", "a" * 64, "п" * 64])
def test_looking_such_a_text_up_is_no_error_of_the_network(text: str) -> None:
    with pytest.raises(UnicodeError):
        socket.getaddrinfo(text, 1)
