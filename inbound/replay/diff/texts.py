"""Describes the texts of a catalogue for comparison, without client data.

Parts are counted with placeholders of typical length, so a text near a limit can need one part
more or less for some clients.
"""

from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Final

from inbound.replay.diff.protocol import ReplyText
from inbound.smpp.segmentation import part_count
from inbound.templates.catalogue import Catalogue, load_catalogue

TYPICAL: Final[Mapping[str, str]] = {
    "personal_code": "0000",
    "login": "xxxxxxxx",
    "password": "xxxxxxxx",
}
"""Placeholders in GSM 03.38, so that they never change the alphabet of a text."""

_OTHER_FIELD: Final = "xxxxxxxx"


def describe(path: Path | None, alphabet: str) -> dict[str, ReplyText]:
    """Return every text that the service sends, by name; None means the built-in file.

    Raises `SetupError` for an invalid file.
    """
    catalogue = load_catalogue(path, lambda text: part_count(text, alphabet))
    return {name: _text(catalogue, name, alphabet) for name in catalogue}


def _text(catalogue: Catalogue, name: str, alphabet: str) -> ReplyText:
    template = catalogue[name]
    fields = [field for _, field, _, _ in Formatter().parse(template.text) if field is not None]
    rendered = template.render({field: TYPICAL.get(field, _OTHER_FIELD) for field in fields})
    return ReplyText(
        template.text,
        part_count(rendered, alphabet),
        tuple(dict.fromkeys(fields)),
        template.resend_unknown,
    )
