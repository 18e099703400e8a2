"""The dialects over HTTP get what no program should send."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.ingress.fuzz_world import CANARY, FUZZING, JUNK, SENTENCE, Running, listeners
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("settings_of_the_service")]


@pytest.fixture
def running(database_url: str, caplog: pytest.LogCaptureFixture) -> Iterator[Running]:
    with listeners(database_url, caplog) as found:
        yield found


PATHS = (
    *("/sys/send.php", "/sys/status.php", "/sys/balance.php", "/rest/send/", "/rest/status/"),
    *("/rest/balance/", "/send", "/send_multi", "/details", "/status", "/balance", "/signatures"),
    *("/signature", "/v1/send", "/v1/send_multi", "/v1/details", "/v2/sms/messages"),
    *("/v2/sms/messages/x", "/users/send_bulk.php", "/users/x", "/sys/x", "/rest/x", "/v1/x"),
)
NAMES = (
    *("phones", "mes", "id", "sender", "translit", "time", "tz", "valid", "maxsms", "charset"),
    *("cost", "fmt", "flash", "all", "cur", "phone", "list", "apikey", "login", "psw", "key", "to"),
    *("from", "text", "send_after", "message", "state", "signature", "user_id", "service_id"),
    *("msisdn", "extended", "page", "count", "sort", "fields", "query", "receiver", "canary-4711"),
)
METHODS = ("GET", "POST", "POST", "DELETE", "HEAD", "PUT", "OPTIONS", "TRACE")
VALUES = st.one_of(
    JUNK, st.integers(), st.booleans(), st.none(), st.floats(), st.lists(JUNK, max_size=3)
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, dict[str, Any], str, bool, bytes | None]:
    """A method, a path, parameters, where they stand, whether it signs in, and octets to insert."""
    given_ = draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5))
    mangled = draw(st.one_of(st.none(), st.none(), st.none(), st.binary(min_size=1, max_size=4)))
    return (
        draw(st.sampled_from(METHODS)),
        draw(st.sampled_from(PATHS)),
        given_,
        draw(st.sampled_from(["query", "form", "json", "list"])),
        draw(st.booleans()),
        mangled,
    )


def octets_of(running: Running, asked: tuple[Any, ...], at: int) -> bytes:
    """Return a request as it is sent."""
    method, path, fields, place, signs_in, mangled = asked
    shop, phone = running.shop, running.phone
    right: dict[str, Any] = dict.fromkeys(("phones", "to", "msisdn", "receiver"), phone)
    right |= {"login": shop.login, "psw": shop.password, "id": str(shop.id), "key": shop.key}
    right |= {"user_id": str(shop.id), "service_id": str(shop.service_id)}
    right |= {"mes": CANARY, "text": CANARY}
    if path.startswith(("/sys/", "/rest/")):
        del right["id"]
    fields = (right if signs_in else {}) | fields
    headers = [("Host", "x"), ("Connection", "close"), ("X-Service-Key", shop.key)]
    encoded = "&".join(f"{name}={_quoted(value)}" for name, value in fields.items())
    body = b""
    if place == "query":
        path = f"{path}?{encoded}"
    else:
        signed = f"id={shop.id}&key={shop.key}"
        path = f"{path}?{signed}" if place == "list" and signs_in else path
        if place == "form":
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            body = encoded.encode()
        else:
            headers.append(("Content-Type", "application/json"))
            value = [fields, fields] if place == "list" else fields
            body = json.dumps(value).encode("utf-8", "surrogatepass")
        headers.append(("Content-Length", str(len(body))))
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{a}: {b}" for a, b in headers), "", ""])
    octets = bytearray(head.encode() + body)
    if mangled is not None:
        at %= len(octets)
        octets[at : at + 1] = mangled
    return bytes(octets)


def _quoted(value: object) -> str:
    return quote_from_bytes(str(value).encode("utf-8", "surrogatepass"))


def answered(url: str, octets: bytes, patience_s: float) -> bytes:
    """Send octets on a connection of their own, and return all that comes back."""
    address = urlsplit(url)
    pieces = []
    place = (address.hostname, address.port)
    with socket.create_connection(place, patience_s) as connection, suppress(OSError):
        connection.sendall(octets)
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


VALUES_LINE = re.compile(r"-?[\w.-]+(,[^\n]*)?(\n[^\n]+)*")
WORD = re.compile(r"MSG_OK(:\S+)?|[A-Z]+(_[A-Z]+)+")


def assert_in_form(path: str, media_type: str, body: str) -> None:
    """Assert that an answer has the form of the dialect whose path it is."""
    assert not [one for one in ("Traceback", "Error(", "problem", "detail") if one in body], body
    if path.startswith("/users/"):
        assert WORD.fullmatch(body), body
    elif path.startswith("/sys/") and "json" not in media_type:
        if "xml" in media_type:
            ET.fromstring(body.encode())  # noqa: S314 — our own
        else:
            assert SENTENCE.fullmatch(body) or VALUES_LINE.fullmatch(body), body
    else:
        json.loads(body)
        if path.startswith("/v2/"):
            assert isinstance(json.loads(body), dict | list)


@FUZZING
@given(requests(), st.integers(0, 2000))
def fuzz_http(running: Running, asked: tuple[Any, ...], at: int) -> None:
    method, path, *_, mangled = asked
    octets = octets_of(running, asked, at)
    # What was changed may have no end any more, and no answer.
    answer = answered(running.http, octets, PATIENCE_S if mangled is None else 0.5)
    if not answer:
        assert mangled is not None
        return
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    assert status in {200, 400, 401, 403, 404, 503}, answer
    if method == "HEAD" or (mangled is not None and at % len(octets) < len(path) + 10):
        return  # without a body; perhaps the method or the path is another one
    media_type = next(
        line for line in head.decode().lower().split("\r\n") if line.startswith("content-type:")
    )
    charset = media_type.partition("charset=")[2] or "utf-8"
    assert_in_form(path, media_type, body.decode(charset))
    assert status != 503, answer


def test_http(running: Running) -> None:
    fuzz_http(running)
