"""Reads forms that have a file, as browsers send them (RFC 7578).

The file goes to disk piece by piece and is never held in memory. The form's token has to come
before it, so that nothing is stored of a forged form, nor of a user without the right.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from inbound.desk.forms import MAX_BODY_BYTES, MAX_FIELDS, TOKEN_FIELD, large_form
from inbound.desk.nul import refuse_nul
from inbound.desk.problems import ErrorPage, SentForm, SignInNeededError, forbidden, stale_form
from inbound.desk.tokens import is_form_token
from inbound.desk.uploads import BYTES_MAX, PartialUpload, Upload, Uploads
from inbound.desk.visitors import Does, Visitor
from inbound.errors import SetupError

MEDIA_TYPE: Final = "multipart/form-data"
MOST_AT_ONCE: Final = 8
_PIECE: Final = 1 << 20
_READ_AND_FORGOTTEN: Final = 1 << 26
"""For a refused upload: a browser shows the answer only if it could send its file."""

_receiving = asyncio.Semaphore(MOST_AT_ONCE)


@dataclass(frozen=True, slots=True)
class FileAction:
    """A form that a signed-in user has sent, and may send; `upload` if a file was chosen."""

    visitor: Visitor
    form: SentForm
    upload: Upload | None
    is_empty: bool = False
    """A file was chosen that has no content."""


@dataclass(frozen=True, slots=True)
class Uploading(Does):
    """The dependency of an action with a file: returns the form if its sender may send it."""

    purpose: str

    async def __call__(self, request: Request) -> FileAction:  # type: ignore[override]
        """Return the action; the file is on disk by then. Raises as `Does`."""
        if not _has_file(request):  # not from a browser: the checks of any form
            action = await Does.__call__(self, request)
            return FileAction(action.visitor, action.form, None)
        visitor: Visitor | None = request.state.visitor
        if visitor is None:
            await _forget(request)
            raise SignInNeededError(SentForm(request.url.path, {}))
        if not visitor.may(self.right):
            await _forget(request)
            raise forbidden()
        if _receiving.locked():
            await _forget(request)
            raise ErrorPage(
                503,
                "Several tables are being uploaded at this moment.",
                "Wait a moment and send the table again.",
            )
        uploads: Uploads = request.state.desk.uploads
        request.state.time_limit.allow_pieces()
        async with _receiving:
            return await _receive(request, visitor, uploads, self.purpose)


class _Reader:
    """Parses a body. `waiting` are the octets of the file that are not on disk yet."""

    def __init__(self, content_type: str, cookie: str) -> None:
        """Raises ErrorPage for a content type without a boundary."""
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise stale_form()
        self._cookie = cookie
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._name_header,
                "on_header_value": self._add_to_header,
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_content,
                "on_part_data": self._add_content,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )
        self._header = bytearray(), bytearray()
        self._disposition: Mapping[bytes, bytes] = {}
        self._content: bytearray = bytearray()
        self._field_bytes = 0
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self.file_bytes = 0
        self.waiting = bytearray()
        self.is_whole = False

    def feed(self, chunk: bytes) -> None:
        """Read a piece of the body. Raises ErrorPage and FormParserError."""
        self._parser.write(chunk)

    def _begin_part(self) -> None:
        self._disposition = {}
        self._content = bytearray()

    def _name_header(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _add_to_header(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _end_header(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = parse_options_header(bytes(value))[1]
        self._header = bytearray(), bytearray()

    def _begin_content(self) -> None:
        if b"filename" not in self._disposition:
            return
        token = self.fields.pop(TOKEN_FIELD, "")
        if self.file_name is not None or not is_form_token(token, self._cookie):
            raise stale_form()
        self.file_name = self._disposition[b"filename"].decode("utf-8", "replace")
        self._content = self.waiting

    def _add_content(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]
        if self._content is self.waiting:
            self.file_bytes += end - start
            if self.file_bytes > BYTES_MAX:
                raise too_large()
            return
        self._field_bytes += end - start
        if self._field_bytes > MAX_BODY_BYTES or len(self.fields) > MAX_FIELDS:
            raise large_form()

    def _end_part(self) -> None:
        if self._content is not self.waiting:
            name = self._disposition.get(b"name", b"").decode("utf-8", "replace")
            self.fields[name] = self._content.decode("utf-8", "replace")

    def _end(self) -> None:
        self.is_whole = True


def too_large() -> ErrorPage:
    """Refuse a file that is too large."""
    return ErrorPage(
        413,
        "The table is too large: it may have up to 256 MB.",
        "Split it, or save it as CSV, and send it again.",
    )


def _has_file(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower() == MEDIA_TYPE


async def _receive(
    request: Request, visitor: Visitor, uploads: Uploads, purpose: str
) -> FileAction:
    reader = _Reader(request.headers.get("content-type", ""), request.state.cookie or "")
    try:
        async with _received(request, reader, uploads) as draft:
            refuse_nul([*reader.fields, *reader.fields.values(), reader.file_name or ""])
            form, upload = SentForm(request.url.path, reader.fields), None
            if draft is not None and reader.file_bytes:
                owner, name = visitor.session.user_id, reader.file_name or ""
                upload = await asyncio.to_thread(uploads.keep, draft, owner, purpose, name)
            is_empty = bool(reader.file_name) and upload is None
            return FileAction(visitor, form, upload, is_empty)
    except ErrorPage:
        await _forget(request)
        raise
    except (ClientDisconnect, FormParserError):
        raise _broken_off() from None
    except (OSError, SetupError):
        raise ErrorPage(
            503,
            "The table could not be stored.",
            "Try again later, and tell an operator the number below.",
        ) from None


@asynccontextmanager
async def _received(
    request: Request, reader: _Reader, uploads: Uploads
) -> AsyncIterator[PartialUpload | None]:
    """Read a body; provide its file, None without one, and delete that if it was not kept."""
    draft: PartialUpload | None = None
    try:
        async for chunk in request.stream():
            reader.feed(chunk)
            if reader.file_name and draft is None:
                draft = await asyncio.to_thread(uploads.begin)
            if draft and len(reader.waiting) >= _PIECE:
                await _store(draft, reader)
        if not reader.is_whole:
            raise _broken_off()
        if reader.file_name is None:
            raise stale_form()  # a form of ours has a file, if only an empty one
        if draft:
            await _store(draft, reader)
        yield draft
    finally:
        if draft:
            await asyncio.to_thread(draft.discard)


async def _store(draft: PartialUpload, reader: _Reader) -> None:
    piece = bytes(reader.waiting)
    reader.waiting.clear()
    await asyncio.to_thread(draft.write, piece)


def _broken_off() -> ErrorPage:
    return ErrorPage(
        400,
        "The upload broke off, and nothing of it was kept.",
        "Go back and send the table again.",
    )


async def _forget(request: Request) -> None:
    """Read the rest of a body and drop it."""
    read = 0
    try:
        async for chunk in request.stream():
            read += len(chunk)
            if read > _READ_AND_FORGOTTEN:
                return
    except (ClientDisconnect, RuntimeError):  # gone, or read already
        return
