"""Reasons of binds in Russian: those that the SMPP client gives, found in its code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from inbound.desk.status.bind_reasons import reason_in_russian
from inbound.smpp.connecting import CHECKS
from inbound.tls_faults import OF_TIMES, TlsFault

SMPP = Path(__file__).parents[3] / "inbound" / "smpp"


@pytest.mark.parametrize(
    ("english", "russian"),
    [
        ("the peer closed the connection", "СМС-центр закрыл соединение"),
        (
            "the SMS centre refused the bind: ESME_RINVPASWD (wrong password)",
            "СМС-центр отклонил bind: ESME_RINVPASWD (wrong password)",
        ),
        ("no answer to enquire_link for 60 s", "нет ответа на enquire_link, время ожидания 60 с"),
        ("the peer sent nothing for 1.5 s", "СМС-центр ничего не присылал 1.5 с"),
        ("a reason of a newer release", "a reason of a newer release"),
    ],
)
def test_a_reason_is_in_russian(english: str, russian: str) -> None:
    assert reason_in_russian(english) == russian


def given() -> Iterator[str]:
    """Yield what connections are closed with, with {} for values."""
    for path in SMPP.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"close", "abort"}:
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value
                    if isinstance(argument, ast.JoinedStr):
                        yield "".join(
                            part.value
                            if isinstance(part, ast.Constant) and isinstance(part.value, str)
                            else "9"
                            for part in argument.values
                        )


def test_every_reason_of_our_client_has_its_russian() -> None:
    found = set(given())
    assert len(found) > 6
    for english in found:
        assert any("а" <= char <= "я" for char in reason_in_russian(english)), english


def test_every_fault_of_tls_has_its_russian() -> None:
    for fault in TlsFault:
        english = f"no connection to the SMS centre: {fault}; {CHECKS[fault]} (AN_ALERT)"
        russian = reason_in_russian(english)
        assert russian.startswith("нет соединения с СМС-центром: ")
        assert russian.endswith(" (AN_ALERT)")
        assert fault not in russian
        assert "проверьте" in russian or fault in {TlsFault.OLD, *OF_TIMES}
