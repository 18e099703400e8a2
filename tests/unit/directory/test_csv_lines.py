"""Which lines of a client file are good, and what is said about the others."""

import io

import pytest

from inbound.directory.csv_lines import BadLine, ClientFile, GoodLine, check_line
from inbound.directory.port import Registration
from inbound.errors import SetupError

HEADER = b"msisdn,client_id,personal_code,login,password\n"
GOOD = "+79161234567,C-1,1234,ivanov,1a2b3c4d"


def read(content: bytes) -> list[GoodLine | BadLine]:
    return list(ClientFile(io.BytesIO(content), "clients.csv"))


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_file_with_and_without_bom_and_carriage_returns(bom: bytes, end: bytes) -> None:
    content = bom + HEADER.rstrip() + end + GOOD.encode() + end + end + GOOD.encode()
    client = Registration("C-1", "1234", "ivanov", "1a2b3c4d")
    assert read(content) == [
        GoodLine(2, "+79161234567", client),
        GoodLine(4, "+79161234567", client),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "clients.csv is empty"),
        (b"\xef\xbb\xbf", "first line has to be exactly"),
        (b"msisdn,login\n", "first line has to be exactly"),
        (b"MSISDN,client_id,personal_code,login,password\n", "first line has to be exactly"),
        (HEADER.replace(b",", b";"), "separator has to be a comma"),
        (HEADER.decode().encode("utf-16"), r"line 1, byte 1 is 0xFF, which is not UTF-8"),
        (
            HEADER + GOOD.encode() + b"\n+79161234568,C-2,1,ivanov," + "пароль".encode("cp1251"),
            r"line 3, byte 27 is 0xEF, which is not UTF-8",
        ),
        (HEADER + b"x" * 10_000, "line 2 is longer than 8192 bytes"),
    ],
)
def test_what_is_wrong_with_the_file_ends_it(content: bytes, said: str) -> None:
    with pytest.raises(SetupError, match=said) as caught:
        read(content)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hello", "line 5, ***: line: 5 fields expected, 1 found"),
        (f"{GOOD},CANARY", "line 5, +7916*****67: line: 5 fields expected, 6 found"),
        ("+79161234567;C-1;1234;CANARY;CANARY", "line 5, ***: line: 5 fields expected, 1 found"),
        ('+79161234567,C-1,1234,ivanov,"CANARY', "line 5, ***: line: not a well-formed CSV line"),
        ('+79161234567,C-1,1234,ivanov,"a"CANARY', "line 5, ***: line: not a well-formed CSV line"),
        ("CANARY,C-1,1234,a,b", "line 5, ***: msisdn: holds something other than digits"),
        ("84951234567,C-1,1,a,b", "line 5, 84951****67: msisdn: not a valid mobile number"),
        ("+79161234567,,1234,a,CANARY", "line 5, +7916*****67: client_id: empty"),
        ("+79161234567,C-1,CANARY-CANARY-CANARY,a,b", "personal_code: longer than 16 characters"),
        ("+79161234567,C-1,1, CANARY,b", "login: starts or ends with a blank"),
        ("+79161234567,C-1,1,a,CANARY\u00a0", "password: starts or ends with a blank"),
        ("+79161234567,C-1,1,a,CAN\tARY", "password: contains a character that can't be"),
        ("+79161234567,C-1,1,a,CAN\u202eARY", "password: contains a character that can't be"),
        ("+79161234567,C-1,1,a,CAN\x00ARY", "password: contains a character that can't be"),
    ],
)
def test_bad_line_is_named_without_its_secrets(line: str, said: str) -> None:
    bad = check_line(5, line)
    assert isinstance(bad, BadLine)
    assert said in str(bad)
    assert "CANARY" not in str(bad)
    assert "79161234567" not in str(bad)


@pytest.mark.parametrize(
    ("personal_code", "login", "password"),
    [
        ("1" * 16, "l" * 64, "p" * 64),
        ("1", "l", "p"),
        ("код", "Иван Петров", 'a,"b" €🙂'),
    ],
)
def test_values_up_to_the_limits_are_taken_as_they_are(
    personal_code: str, login: str, password: str
) -> None:
    quoted = password.replace('"', '""')
    good = check_line(2, f'8 916 123-45-67,C-1,{personal_code},{login},"{quoted}"\r\n')
    assert good == GoodLine(2, "+79161234567", Registration("C-1", personal_code, login, password))
