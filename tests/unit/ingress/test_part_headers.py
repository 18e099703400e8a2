"""What anybody may send is never taken apart in quadratic time."""

import base64
import email.message
from typing import Any

import pytest
from python_multipart import multipart as library

from inbound.ingress.multipart import MultipartError, read_parts
from inbound.ingress.part_headers import LONGEST_HEADER, MOST_SEMICOLONS
from inbound.ingress.smsc.answers import SmscError
from inbound.ingress.smsc.mail import MOST_PARTS, fields_of

BODY = "shop:secret:::0,0,:79161234567:text"
BODY_IN_BASE64 = base64.b64encode(BODY.encode()).decode()
SIZES = ("x" * LONGEST_HEADER, ";" * (MOST_SEMICOLONS + 1))
HEADERS = ("Content-Type: text/plain", "Content-Disposition: inline", "CONTENT-type: text/plain")


def folded(value: str) -> str:
    return "\r\n ".join(value[at : at + 900] for at in range(0, len(value), 900))


@pytest.fixture
def taken_apart(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every header that a library takes apart."""
    seen: list[str] = []
    for module in (email.message, library):
        original: Any = module._parseparam

        def spy(value: Any, original: Any = original) -> Any:
            seen.append(str(value))
            return original(value)

        monkeypatch.setattr(module, "_parseparam", spy)
    return seen


@pytest.mark.parametrize("size", SIZES, ids=["length", "semicolons"])
@pytest.mark.parametrize("header", HEADERS)
def test_a_mail_with_a_large_header_is_refused_before_it_is_read(
    header: str, size: str, taken_apart: list[str]
) -> None:
    for content in (
        f'{header}; a="{folded(size)}"\r\n\r\n{BODY}',
        (
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
            f'--b\r\n{header}; a="{folded(size)}"\r\n\r\n{BODY}\r\n--b--\r\n'
        ),
    ):
        with pytest.raises(SmscError):
            fields_of(content.encode())
    assert all(len(one) <= LONGEST_HEADER for one in taken_apart)
    assert all(one.count(";") <= MOST_SEMICOLONS + 1 for one in taken_apart)


@pytest.mark.parametrize("name", ["Received", "DKIM-Signature", "To", "Subject"])
def test_no_other_header_of_a_mail_is_read(name: str, taken_apart: list[str]) -> None:
    for value in (";" * 100_000, "(" * 100_000, "=?utf-8?q?a?= " * 7_000, '"' * 100_000):
        assert fields_of(f"{name}: {folded(value)}\r\n\r\n{BODY}".encode())["login"] == "shop"
    assert taken_apart == []


def test_a_mail_with_many_parts_before_its_text_is_refused() -> None:
    def nested(depth: int) -> bytes:
        heads = [
            f'Content-Type: multipart/mixed; boundary="b{at}"\r\n\r\n--b{at}\r\n'
            for at in range(depth)
        ]
        return ("".join(heads) + f"\r\n{BODY}").encode()

    def flat(parts: int) -> bytes:
        first = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        picture = "--b\r\nContent-Type: image/png\r\n\r\nx\r\n"
        return (first + picture * (parts - 1) + f"--b\r\n\r\n{BODY}\r\n--b--\r\n").encode()

    for make in (nested, flat):
        assert fields_of(make(MOST_PARTS - 1))["login"] == "shop"
        with pytest.raises(SmscError):
            fields_of(make(MOST_PARTS))


def test_the_text_is_the_first_plain_one() -> None:
    content = (
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nfile\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nforwarded\r\n"
        "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
        "--c\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"
        "--c\r\nContent-Type: text/plain; charset=UTF-8\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{BODY_IN_BASE64}\r\n--c--\r\n--b--\r\n"
    )
    assert fields_of(content.encode())["mes"] == "text"


def test_attachments_are_ignored() -> None:
    """However many they are, and however long the headers that their names make."""
    name = "Счёт за услуги " * 12
    for count, file in ((100, "pixel.png"), (1, f"{name}.pdf")):
        mail = email.message.EmailMessage()
        mail.set_content(BODY)
        mail.add_alternative(f"<p>{BODY}</p>", subtype="html")
        for _ in range(count):
            mail.add_attachment(b"x", maintype="application", subtype="pdf", filename=file)
            mail.add_attachment("shop:not:this", filename=file)
        assert fields_of(bytes(mail))["mes"] == "text"
        text, *files = mail.iter_parts()
        mail.set_payload([*files[:2], text])
        assert fields_of(bytes(mail))["mes"] == "text"


@pytest.mark.parametrize("size", SIZES, ids=["length", "semicolons"])
def test_a_form_with_a_large_header_is_refused_before_it_is_read(
    size: str, taken_apart: list[str]
) -> None:
    part = f'--b\r\nContent-Disposition: form-data; a="{size}"\r\n\r\nx\r\n--b--\r\n'
    for body, content_type in (
        (part, "multipart/form-data; boundary=b"),
        ("--b--\r\n", f'multipart/form-data; boundary=b; a="{size}"'),
    ):
        with pytest.raises(MultipartError):
            read_parts(body.encode(), content_type, 10)
    assert all(one.count(";") <= MOST_SEMICOLONS for one in taken_apart)
    assert all(len(one) <= LONGEST_HEADER for one in taken_apart)
