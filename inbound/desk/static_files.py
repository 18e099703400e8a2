"""The desk's own style, script and icon; nothing is loaded from another host.

A URL has the hash of the content, so a browser keeps a file for ever and never uses an old one.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from inbound.desk.problems import not_found

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"

router = APIRouter()


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that is served as it is."""

    content: bytes = field(repr=False)
    media_type: str
    address: str


@cache
def static_files() -> dict[str, StaticFile]:
    """Return the files by name."""
    found = {}
    for path in files(__package__).joinpath("static").iterdir():
        suffix = path.name[path.name.rfind(".") :]
        if suffix in _TYPES:
            content = path.read_bytes()
            mark = hashlib.sha256(content).hexdigest()[:16]
            address = f"/static/{path.name}?v={mark}"
            found[path.name] = StaticFile(content, _TYPES[suffix], address)
    return found


@router.get("/static/{name}")
async def static_file(name: str) -> Response:
    """Answer with a file."""
    found = static_files().get(name)
    if found is None:
        raise not_found()
    headers = {"Cache-Control": _FOR_EVER}
    return Response(found.content, headers=headers, media_type=found.media_type)
