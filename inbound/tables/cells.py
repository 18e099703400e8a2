"""Reads the content of cells, as far as it is certain.

Spreadsheets change what people type: 0123 becomes 123, a long number 7.91612E+10, 1-2 a date.
The functions return a value only if none of that can have happened. Otherwise they raise
`CellError`; its text is a reason that never repeats the cell, but for the code of an error.

A text cell of a workbook is taken as it is. A spreadsheet may have made a field of a CSV file from
another value, so everything that looks like such a change is refused there.
"""

import re
from typing import Final

from inbound.parsers.numbers import EmptyNumberError, NotMobileError, NumberError, parse_msisdn
from inbound.tables.model import Cell, CellKind

_SCIENTIFIC: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?[EeЕе][+-]?\d+")
_WITH_FRACTION: Final = re.compile(r"[+-]?\d+[.,]\d*")
_WHOLE_WITH_FRACTION: Final = re.compile(r"[+-]?\d+[.,]0*")
# A spreadsheet that opens or pastes such a text calculates it, and -5 may be a number.
_FORMULA_SIGNS: Final = ("=", "@", "+", "-", "\N{MINUS SIGN}")
_TRUTH: Final = re.compile("TRUE|FALSE|ИСТИНА|ЛОЖЬ", re.IGNORECASE)
_PERCENT: Final = re.compile(r"[\d.,\s]+%")
_FRACTION: Final = re.compile(r"(?:\d+ )?\d{1,4}/\d{1,4}")
# Of a longer number a spreadsheet keeps 15 digits, and the others become zeros.
_CUT: Final = re.compile(r"\d{15}0+")
_ERRORS: Final = re.compile(
    r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!|Н/Д|ССЫЛКА!|ЗНАЧ!|ИМЯ\?|ДЕЛ/0!"
    r"|ЧИСЛО!|ПУСТО!)|Err:\d{3}|#+"
)
_MONTH: Final = (
    r"(?:янв|фев|февр|мар|апр|май|мая|июн|июл|авг|сен|сент|окт|ноя|нояб|дек"
    r"|jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)\.?"
)
_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2})?"
_DAY: Final = r"(?:\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})|\d{4}-\d{1,2}-\d{1,2})"
_DATE: Final = re.compile(
    rf"{_DAY}(?:[ T]{_CLOCK})?"
    rf"|{_CLOCK}"
    rf"|\d{{1,4}}[ .-]{_MONTH}(?:[ .-]?\d{{2,4}})?"
    rf"|{_MONTH}[ .-]?\d{{2,4}}",
    re.IGNORECASE,
)
# calamine returns times of ODS files that it can't represent as their XML text.
_XML_TIME: Final = re.compile(r"-?P(?:\d+D)?T\d+H\d+M[\d.]+S|-?\d*-\d+-\d\d-\d\dT[\d:.]+")
_LOST_LETTERS: Final = re.compile(r"\?{3,}|.*\ufffd.*", re.DOTALL)
# Excel shows six digits of a long number (7.91612E+10); saved again, the others are zeros.
_ROUNDED: Final = re.compile(r"\d{6}0{5}")
_CHANGED: Final = (
    (_ERRORS, "is an error of the spreadsheet, not a value"),
    (_TRUTH, "is a truth value, which a spreadsheet may have made of other text"),
    (_SCIENTIFIC, "is in scientific notation, so it may have been other text"),
    (_WHOLE_WITH_FRACTION, "has a decimal point, which a spreadsheet may have added"),
    (_PERCENT, "is a percentage, which a spreadsheet may have made of other text"),
    (_FRACTION, "is a fraction or a date, which a spreadsheet may have made of other text"),
    (_CUT, "has more than 15 digits and ends in zeros, as if digits were lost"),
    (_DATE, "looks like a date, which a spreadsheet may have made of other text"),
    (_XML_TIME, "looks like a date, which a spreadsheet may have made of other text"),
    (_LOST_LETTERS, "has lost its letters: the file was saved in an encoding without them"),
)

_FORMULA: Final = re.compile(r"\s*[=＝].*", re.DOTALL)
_IS_FORMULA: Final = "is a formula: write the value itself"
_NOT_SHOWN: Final = (
    (_FORMULA, _IS_FORMULA),
    (_ERRORS, "is an error of the spreadsheet, not a value"),
    (_SCIENTIFIC, "is in scientific notation"),
    (_LOST_LETTERS, "has lost its letters: the file was saved in an encoding without them"),
)
_DAY_CELL: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:T00:00:00)?")
_TIME_CELL: Final = re.compile(r"(?:(\d{4}-\d\d-\d\d)T)?(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?")

NUMBER_CELL: Final = "is a number and not text, so zeros at its start may be missing"


class CellError(ValueError):
    """The content of a cell is not certain or not allowed; str() never repeats it."""


class EmptyNumberCellError(CellError):
    """There is no number."""


class NotMobileCellError(CellError):
    """The number is valid, but not a mobile number."""


_NUMBER_ERRORS: Final[dict[type[NumberError], type[CellError]]] = {
    EmptyNumberError: EmptyNumberCellError,
    NotMobileError: NotMobileCellError,
}


def read_text(cell: Cell, *, whole_numbers: bool = False) -> str:
    """Return the text of a cell, or raise CellError. An empty cell is "".

    With `whole_numbers` a person vouches that no value of the column begins with a zero, so a
    number cell is its digits.
    """
    match cell.kind:
        case CellKind.EMPTY:
            return ""
        case CellKind.TEXT:
            if _XML_TIME.fullmatch(cell.text):
                raise CellError("is a date or time and not text")
        case CellKind.PRINTED:
            _refuse_changed(cell.text)
        case CellKind.NUMBER if not whole_numbers:
            raise CellError(NUMBER_CELL)
        case CellKind.NUMBER if not cell.text.isdigit():
            raise CellError("is a number with a fraction, a minus or more than 15 digits")
        case CellKind.NUMBER:
            pass
        case _:
            raise CellError(_uncertain(cell))
    return cell.text


def read_shown(cell: Cell) -> str:
    """Return a cell as a person sees it, for a text that is sent to people; or raise CellError.

    A date in a CSV file, for example, is sent as written. A date cell of a workbook holds
    no text of its own: it is a date as in 2026-05-17, a time as in 18:30, or both.
    """
    match cell.kind:
        case CellKind.EMPTY | CellKind.TEXT:
            text = cell.text
        case CellKind.NUMBER if _SCIENTIFIC.fullmatch(cell.text):
            raise CellError("is a number too large or too small to be shown exactly")
        case CellKind.NUMBER:
            text = cell.text
        case CellKind.PRINTED:
            for pattern, reason in _NOT_SHOWN:
                if pattern.fullmatch(cell.text):
                    raise CellError(reason)
            text = cell.text
        case CellKind.DATE if day := _DAY_CELL.fullmatch(cell.text):
            text = day[1]
        case CellKind.DATE if time := _TIME_CELL.fullmatch(cell.text):
            text = " ".join(part for part in time.groups() if part)
        case CellKind.DATE:
            raise CellError("is a duration, not a date or a time; make it text")
        case _:
            raise CellError(_uncertain(cell))
    return text.strip()


def read_msisdn(cell: Cell) -> str:
    """Return the E.164 number in a cell, or raise CellError."""
    if cell.kind in {CellKind.DATE, CellKind.BOOLEAN, CellKind.ERROR, CellKind.GUESSED}:
        raise CellError(_uncertain(cell))
    text = cell.text.strip()
    if cell.kind is CellKind.PRINTED:
        text = text.removeprefix("'")  # marks text in a spreadsheet; no part of any number
    if _FORMULA.match(text):
        raise CellError(_IS_FORMULA)
    if text.strip("#") and _ERRORS.fullmatch(text):
        raise CellError("is an error of the spreadsheet, not a value")
    if _SCIENTIFIC.fullmatch(text):
        raise CellError("is in scientific notation, so digits are missing")
    if _WITH_FRACTION.fullmatch(text):
        raise CellError("has a decimal point, so it is not the number that was meant")
    if text.startswith(("-", "\N{MINUS SIGN}")):
        raise CellError("begins with a minus")
    if _ROUNDED.fullmatch(text):
        raise CellError("ends in zeros, as if digits were lost; if it is right, write it with +")
    try:
        return parse_msisdn(text)
    except NumberError as error:
        refusal = _NUMBER_ERRORS.get(type(error), CellError)(str(error))
    raise refusal


def _refuse_changed(text: str) -> None:
    if text.startswith("'"):
        raise CellError("begins with an apostrophe, which may only mark it as text")
    if text.startswith(_FORMULA_SIGNS):
        raise CellError("begins with a sign that makes it a formula or a number in a spreadsheet")
    for pattern, reason in _CHANGED:
        if pattern.fullmatch(text):
            raise CellError(reason)


def _uncertain(cell: Cell) -> str:
    match cell.kind:
        case CellKind.DATE:
            return "is a date or time and not text"
        case CellKind.BOOLEAN:
            return "is TRUE or FALSE and not text"
        case CellKind.ERROR:
            return f"is the error {cell.text} of a formula, not a value"
        case _:
            return "has letters that depend on the file's encoding, which is a guess"
