"""SMSC over SMTP gets mails and commands that no program should send."""

import re
import smtplib
from collections.abc import Iterator

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


@st.composite
def lines(draw: st.DrawFn) -> tuple[list[str], bytes | None]:
    """The values of a line to be changed, and octets to insert."""
    changed = draw(st.lists(st.one_of(st.just("as it is"), JUNK), min_size=7, max_size=7))
    return changed, draw(st.one_of(st.none(), st.binary(min_size=1, max_size=6)))


@FUZZING
@given(lines(), st.integers(0, 500), st.binary(max_size=60))
def fuzz_mail(
    running: Running, values: tuple[list[str], bytes | None], at: int, junk: bytes
) -> None:
    shop = running.shop
    right = [shop.login, shop.password, "", "", "0,0,", running.phone, CANARY]
    changed, mangled = values
    line = ":".join(
        one if other == "as it is" else other for one, other in zip(right, changed, strict=True)
    )
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    content = bytearray(head + line.encode("utf-8", "surrogatepass"))
    if mangled is not None:
        at %= len(content)
        content[at : at + 1] = mangled
    with smtplib.SMTP("127.0.0.1", running.smtp, timeout=PATIENCE_S) as client:
        client.ehlo()
        client.mail("shop@example.org")
        client.rcpt("send@example.org")
        code, said = client.data(bytes(content))
        sentence = said.decode()
        assert code in {250, 500, 550, 552}, (code, said)
        if code == 550:
            assert re.fullmatch(r"5\.7\.0 ERROR = \d+ \([^\n]+\)(, ID - \S+)?", sentence), said
        elif code == 250:
            assert SENTENCE.fullmatch(sentence), said
        # And a command that is none.
        client.send(junk.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n")
        code, said = client.getreply()
        assert code < 600
        assert b"Traceback" not in said
        assert b"Error: (" not in said


def test_mail(running: Running) -> None:
    fuzz_mail(running)
