"""Answers in SMSC's four forms: `fmt` 0 is a sentence, 1 values with commas, 2 XML, 3 JSON. Pure.

Every answer has the status 200, as its programs expect, errors of the caller included.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from xml.sax.saxutils import escape

from starlette.responses import Response

from inbound.ingress.smsc.codes import TEXTS, ErrorCode

Fields = Mapping[str, str | int]
"""What is answered, by name and in order; `fmt` 2 and 3 show the names."""

_MEDIA_TYPES: Final = ("text/plain", "text/plain", "text/xml", "application/json")
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no document may have (XML 1.0, 2.2)."""
_XML: Final = '<?xml version="1.0" encoding="{charset}"?>\n'


class Form(IntEnum):
    """The values of `fmt`."""

    SENTENCE = 0
    VALUES = 1
    XML = 2
    JSON = 3


@dataclass(frozen=True, slots=True)
class Result:
    """What is answered: a sentence, `values` for `fmt` 1, and `fields` for the others.

    Without `values` those of the fields stand in their place.
    """

    sentence: str
    fields: Fields
    values: Sequence[str | int] | None = None

    @property
    def line(self) -> str:
        """The values with commas.

        Programs split it at every comma, whatever stands around it, so one in a value is a blank.
        """
        values = self.fields.values() if self.values is None else self.values
        return ",".join(str(one).replace(",", " ") for one in values)


class SmscError(Exception):
    """A request that is answered with an error; `message_id` is that of its refused message."""

    def __init__(
        self, code: ErrorCode, text: str | None = None, message_id: str | None = None
    ) -> None:
        super().__init__(code.name)
        self.code = code
        self.text = text or TEXTS[code]
        self.message_id = message_id


@dataclass(frozen=True, slots=True)
class Answers:
    """Makes the answers to one request, in its form and character set."""

    form: Form = Form.SENTENCE
    charset: str = "utf-8"

    def error(self, error: SmscError, status: int = 200) -> Response:
        """Return the answer to a request that failed."""
        number, message_id = int(error.code), error.message_id
        fields: dict[str, str | int] = {"error": error.text, "error_code": number}
        if message_id is not None:
            fields["id"] = as_id(message_id)
        return self._response(
            f"ERROR = {number} ({error.text})" + (f", ID - {message_id}" if message_id else ""),
            f"{message_id or 0},-{number}",
            fields,
            status,
        )

    def one(self, result: Result) -> Response:
        """Return an answer of one result."""
        return self._response(result.sentence, result.line, result.fields)

    def several(self, results: Sequence[Result]) -> Response:
        """Return an answer of a list of results."""
        match self.form:
            case Form.SENTENCE:
                return self._make("\n".join(one.sentence for one in results))
            case Form.VALUES:
                return self._make("\n".join(one.line for one in results))
            case Form.XML:
                content = "".join(_element(one.fields) for one in results)
                return self._make(_document(self.charset, content, "results"))
            case Form.JSON:
                return self._make(json.dumps([dict(one.fields) for one in results]))

    def _response(self, sentence: str, values: str, fields: Fields, status: int = 200) -> Response:
        match self.form:
            case Form.SENTENCE:
                return self._make(sentence, status)
            case Form.VALUES:
                return self._make(values, status)
            case Form.XML:
                return self._make(_document(self.charset, _elements(fields), "result"), status)
            case Form.JSON:
                return self._make(json.dumps(dict(fields)), status)

    def _make(self, text: str, status: int = 200) -> Response:
        return Response(
            text.encode(self.charset, "replace"),
            status,
            media_type=f"{_MEDIA_TYPES[self.form]}; charset={self.charset}",
        )


def as_id(message_id: str) -> str | int:
    """Return an id as JSON has it: one of digits is a number."""
    is_number = message_id.isascii() and message_id.isdigit() and message_id[0] != "0"
    return int(message_id) if is_number and len(message_id) <= 18 else message_id


def _elements(fields: Fields) -> str:
    return "".join(
        f"<{name}>{escape(_NOT_IN_XML.sub('', str(value)))}</{name}>\n"
        for name, value in fields.items()
    )


def _element(fields: Fields) -> str:
    return f"<result>\n{_elements(fields)}</result>\n"


def _document(charset: str, content: str, root: str) -> str:
    return f"{_XML.format(charset=charset)}<{root}>\n{content}</{root}>"
