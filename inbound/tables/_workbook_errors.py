"""The cells of a sheet that hold an error, such as #N/A. calamine returns them as empty ones.

Runs in the process of `_workbook_child`, under its limits. A sheet without an error, which is
nearly every one, is only searched for the attribute that marks one.
"""

import contextlib
import posixpath
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, Final
from xml.etree import ElementTree as ET
from xml.parsers import expat

Errors = Mapping[int, Mapping[int, str]]
"""The code of each error, by number of its row, from 1, and index of its column."""

NO_CODE: Final = "#ERROR"
"""Stands for an error whose text is no code."""

_CODE: Final = re.compile(r"#[\w/]{1,12}[!?]?|Err:\d{3}")
_XLSX_MARK: Final = re.compile(rb"""\bt\s*=\s*["']e["']""")
_ODS_MARK: Final = re.compile(rb"""value-type\s*=\s*["']error["']""")
_MARK_BYTES: Final = 64
_CHUNK: Final = 1 << 20
_ODS_CELLS: Final = frozenset({"table-cell", "covered-table-cell"})
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_LETTERS: Final = 26


_DAMAGED: Final = (
    *(expat.ExpatError, ET.ParseError, LookupError, ValueError, OSError),
    *(zipfile.BadZipFile, zlib.error, RuntimeError),
)
"""The errors raised for a malformed file; calamine says what is wrong with it."""


class _EndError(Exception):
    """The wanted sheet has been read."""


def find_errors(
    file: BinaryIO, kind: str, sheet: int, *, rows_max: int, columns_max: int
) -> Errors:
    """Return the errors of a sheet; none for a malformed file."""
    try:
        with zipfile.ZipFile(file) as archive:
            path, mark = "content.xml", _ODS_MARK
            if kind == "XLSX":
                path, mark = _xlsx_path(archive, sheet), _XLSX_MARK
            if not _has(archive, path, mark):
                return {}
            with archive.open(path) as xml:
                if kind == "XLSX":
                    return _XlsxErrors(rows_max, columns_max).read(xml)
                return _OdsErrors(sheet, rows_max, columns_max).read(xml)
    except _DAMAGED:
        return {}
    finally:
        file.seek(0)


def _xlsx_path(archive: zipfile.ZipFile, sheet: int) -> str:
    """Return where a sheet is. Raises LookupError."""
    book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 — limits of the process
    sheets = [each for each in book.iter() if _local(each.tag, "}") == "sheet"]
    wanted = sheets[sheet].attrib[_RELATION]
    relations = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    for relation in relations:
        if relation.get("Id") == wanted:
            return posixpath.normpath(posixpath.join("/xl", relation.attrib["Target"])).lstrip("/")
    raise LookupError(wanted)


def _has(archive: zipfile.ZipFile, path: str, mark: re.Pattern[bytes]) -> bool:
    kept = b""
    with archive.open(path) as xml:
        while chunk := xml.read(_CHUNK):
            if mark.search(kept + chunk):
                return True
            kept = chunk[-_MARK_BYTES:]
    return False


class _Reader:
    """Walks through the XML of a sheet; collects the texts of its errors."""

    def __init__(self, rows_max: int, columns_max: int) -> None:
        self.errors: dict[int, Mapping[int, str]] = {}
        self.rows_max = rows_max
        self.columns_max = columns_max
        self.text: list[str] | None = None
        """The text of the error that is being read."""

    def read(self, xml: Any) -> Errors:  # noqa: ANN401 — a file of an archive
        parser = expat.ParserCreate()
        parser.StartElementHandler = lambda name, about: self.begin(_local(name, ":"), about)
        parser.EndElementHandler = lambda name: self.end(_local(name, ":"))
        parser.CharacterDataHandler = self._add
        with contextlib.suppress(_EndError):
            parser.ParseFile(xml)
        return self.errors

    def begin(self, name: str, about: Mapping[str, str]) -> None:
        raise NotImplementedError

    def end(self, name: str) -> None:
        raise NotImplementedError

    def code(self) -> str:
        text = "".join(self.text or ()).strip()
        self.text = None
        return text if _CODE.fullmatch(text) else NO_CODE

    def _add(self, data: str) -> None:
        if self.text is not None:
            self.text.append(data)


class _XlsxErrors(_Reader):
    """<row r="3"><c r="B3" t="e"><f>NA()</f><v>#N/A</v></c>; each `r` may be missing."""

    def __init__(self, rows_max: int, columns_max: int) -> None:
        super().__init__(rows_max, columns_max)
        self._row = 0
        self._column = -1
        self._is_error = False

    def begin(self, name: str, about: Mapping[str, str]) -> None:
        if name == "row":
            self._row = int(about.get("r", self._row + 1))
            self._column = -1
        elif name == "c":
            column = _column(about.get("r", ""))
            self._column = self._column + 1 if column is None else column
            self._is_error = about.get("t") == "e"
        elif name == "v" and self._is_error:
            self.text = []

    def end(self, name: str) -> None:
        if name != "c" or not self._is_error:
            return
        self._is_error = False
        code = self.code()
        if self._row <= self.rows_max and self._column < self.columns_max:
            self.errors[self._row] = {**self.errors.get(self._row, {}), self._column: code}


class _OdsErrors(_Reader):
    """A table-cell with calcext:value-type="error"; rows and cells may stand for many."""

    def __init__(self, sheet: int, rows_max: int, columns_max: int) -> None:
        super().__init__(rows_max, columns_max)
        self._to_come = sheet
        self._row = 1
        self._rows = 0
        self._columns = range(0)
        self._found: dict[int, str] = {}

    def begin(self, name: str, about: Mapping[str, str]) -> None:
        if self._to_come:
            return
        if name == "table-row":
            self._rows = int(about.get("table:number-rows-repeated", 1))
            self._columns, self._found = range(0), {}
        elif name in _ODS_CELLS:
            repeated = int(about.get("table:number-columns-repeated", 1))
            self._columns = range(self._columns.stop, self._columns.stop + repeated)
            if about.get("calcext:value-type") == "error":
                self.text = []

    def end(self, name: str) -> None:
        if name == "table":
            if not self._to_come:
                raise _EndError
            self._to_come -= 1
        elif name in _ODS_CELLS and self.text is not None:
            code = self.code()
            within = range(self._columns.start, min(self._columns.stop, self.columns_max))
            self._found.update(dict.fromkeys(within, code))
        elif name == "table-row" and not self._to_come:
            if self._found:
                after = min(self._row + self._rows, self.rows_max + 1)
                self.errors.update(dict.fromkeys(range(self._row, after), self._found))
            self._row += self._rows


def _column(reference: str) -> int | None:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    index = 0
    for char in match[1]:
        index = index * _LETTERS + ord(char) - ord("A") + 1
    return index - 1


def _local(name: str, separator: str) -> str:
    return name.rpartition(separator)[2]
