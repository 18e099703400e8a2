"""NUL characters, which PostgreSQL can't store in a text: refused wherever a browser sends them.

`address_without_nul` is a dependency of every route; the readers of forms call `refuse_nul`.
"""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from inbound.desk.problems import ErrorPage, not_found


def refuse_nul(texts: Iterable[str]) -> None:
    """Raise ErrorPage if one of the texts has a NUL."""
    if any("\0" in text for text in texts):
        raise ErrorPage(
            400,
            "The form has a character that can't be stored.",
            "Go back and delete the invisible character; it often comes along when a text is "
            "copied from a file.",
        )


def address_without_nul(request: Request) -> None:
    """Raise ErrorPage for an address that has a NUL: there is no such page."""
    query: bytes = request.scope["query_string"]
    if "\0" in request.scope["path"] or b"\0" in unquote_to_bytes(query):
        raise not_found()
