"""Checks the rows of a table of clients. Needs no database.

A row gives a `ClientRow` or, with every field at fault, a `RejectedRow`. The printable part of a
rejected row has no code, login or password, and the number is masked.
"""

import contextlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from inbound.directory.port import FIELD_LIMITS, Registration
from inbound.directory.rejection_words import ENGLISH, WHOLE_ROW, HeldText, RejectionWords
from inbound.parsers.numbers import NumberError, mask, parse_msisdn
from inbound.tables.cells import CellError, read_msisdn, read_text
from inbound.tables.columns import Column
from inbound.tables.model import BadRow, Row

MSISDN: Final = "msisdn"
CLIENT_ID: Final = "client_id"
CLIENT_COLUMNS: Final = (
    Column(
        MSISDN,
        (
            *("phone", "phone number", "mobile", "mobile phone", "mobile number", "cell phone"),
            *("telephone", "tel", "телефон", "тел", "номер телефона", "телефон клиента"),
            *("мобильный", "мобильный телефон", "мобильный номер", "номер мобильного"),
            *("номер мобильного телефона", "моб телефон", "моб тел", "сотовый", "сотовый телефон"),
            *("номер сотового", "номер абонента", "абонентский номер", "контактный телефон"),
        ),
    ),
    Column(
        CLIENT_ID,
        (
            *("clientid", "client code", "client number", "customer id", "id client"),
            *("код клиента", "номер клиента", "id клиента", "ид клиента", "клиент id"),
            *("идентификатор клиента", "клиентский номер"),
        ),
    ),
    Column(
        "personal_code",
        (
            *("personalcode", "pin", "pin code", "персональный код", "личный код"),
            *("персональный код клиента", "пин", "пин код"),
        ),
        is_secret=True,
    ),
    Column(
        "login",
        (
            *("user", "username", "user name", "login name", "логин", "имя входа"),
            *("имя пользователя", "учетная запись", "логин клиента"),
        ),
        is_secret=True,
    ),
    Column(
        "password",
        ("pass", "passwd", "pwd", "пароль", "пароль клиента", "пароль пользователя"),
        is_secret=True,
    ),
)
TEXT_FIELDS: Final = tuple(column.name for column in CLIENT_COLUMNS[1:])
_AROUND_NUMBERS: Final = " '\"="
_LIKE_A_NUMBER: Final = re.compile(r"\+?\d[\d ()-]{8,20}\d")


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One client, the number in E.164 form."""

    row: int
    number: str
    registration: Registration


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field that can't be imported, and why; safe to print."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row that is not imported; str() is safe to print."""

    row: int
    masked: str
    faults: tuple[FieldFault, ...]
    values: tuple[str, ...] = field(repr=False)
    """The fields for the file of rejected rows. They have secrets."""
    held: tuple[HeldText, ...] = field(repr=False, default=())
    """Content that can't be written into a field. It may have secrets."""
    note: str = field(repr=False, default="")
    """Why the row was rejected before. It may have secrets."""
    claims: frozenset[str] = field(repr=False, default=frozenset())
    """Every number that the row may be meant for."""

    def __str__(self) -> str:
        return f"{self.masked}: {'; '.join(map(str, self.faults))}"

    def fields(self, words: RejectionWords = ENGLISH) -> str:
        """Return the names of the fields at fault."""
        return ", ".join(dict.fromkeys(words.name(fault.field) for fault in self.faults))

    def full_reason(self, words: RejectionWords = ENGLISH) -> str:
        """Return the reasons with the content of the row, now and before. It may have secrets."""
        faults = (f"{words.name(one.field)}: {words.reason(one.reason)}" for one in self.faults)
        reason = "; ".join((*faults, *map(words.held, self.held)))
        if not self.note or self.note.startswith(reason):
            return self.note or reason
        return f"{reason}{words.before}{self.note}"


def check_row(row: Row | BadRow, whole_numbers: Collection[str] = ()) -> ClientRow | RejectedRow:
    """Check one row. `whole_numbers` are the fields whose number cells a person vouches for."""
    if isinstance(row, BadRow):
        fault = FieldFault(WHOLE_ROW, row.reason)
        no_values = ("",) * len(CLIENT_COLUMNS)
        held = (HeldText(WHOLE_ROW, row.held),)
        claims = _numbers(row.fields)
        return RejectedRow(row.number, mask(""), (fault,), no_values, held, row.note, claims)
    if row.is_empty:
        fault = FieldFault(WHOLE_ROW, "all fields are empty")
        no_values = ("",) * len(CLIENT_COLUMNS)
        claims = _numbers(_LIKE_A_NUMBER.findall(row.note))
        return RejectedRow(row.number, mask(""), (fault,), no_values, (), row.note, claims)
    faults: list[FieldFault] = []
    uncertain: set[str] = set()
    number = ""
    try:
        number = read_msisdn(row.cells[0])
    except CellError as error:
        faults.append(FieldFault(MSISDN, str(error)))
    texts: list[str] = []
    for name, cell in zip(TEXT_FIELDS, row.cells[1:], strict=True):
        try:
            text = read_text(cell, whole_numbers=name in whole_numbers)
            texts.append(text)
            if reason := _fault(text, FIELD_LIMITS[name]):
                faults.append(FieldFault(name, reason))
        except CellError as error:
            faults.append(FieldFault(name, str(error)))
            uncertain.add(name)
    if faults:
        return _rejected(row, number, faults, uncertain)
    client_id, personal_code, login, password = texts
    return ClientRow(row.number, number, Registration(client_id, personal_code, login, password))


def refused_row(
    row: int, number: str, registration: Registration, fault: FieldFault
) -> RejectedRow:
    """Return the rejection of a row that is good by itself."""
    client = registration
    values = (number, client.client_id, client.personal_code, client.login, client.password)
    return RejectedRow(row, mask(number), (fault,), values)


def _rejected(
    row: Row, number: str, faults: Sequence[FieldFault], uncertain: set[str]
) -> RejectedRow:
    values: list[str] = []
    held: list[HeldText] = []
    for column, cell in zip(CLIENT_COLUMNS, row.cells, strict=True):
        if column.name in uncertain:
            held.append(HeldText(column.name, cell.text))
        values.append("" if column.name in uncertain else cell.text)
    if number:
        values[0] = number
    masked = mask(number or row.cells[0].text)
    claims = _numbers([number, row.cells[0].text])
    return RejectedRow(
        row.number, masked, tuple(faults), tuple(values), tuple(held), row.note, claims
    )


def _numbers(texts: Iterable[str]) -> frozenset[str]:
    """Return each text that can be read as a number, more generously than a field is."""
    found: set[str] = set()
    for text in texts:
        with contextlib.suppress(NumberError):
            found.add(parse_msisdn(text.strip(_AROUND_NUMBERS)))
    return frozenset(found)


def _fault(value: str, limit: int) -> str | None:
    if not value.strip():
        return "is empty"
    if len(value) > limit:
        return f"is longer than {limit} characters"
    if value != value.strip():
        return "starts or ends with a blank"
    # isprintable refuses control, format and unassigned characters, lone surrogates, and
    # all blanks except U+0020.
    if not value.isprintable():
        return "contains a character that can't be printed"
    return None
