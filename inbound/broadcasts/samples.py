"""What recipients of a broadcast get, as samples to look at: one for each text of a template."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import psycopg

from inbound.broadcasts.sealing import AudienceSealer
from inbound.keys import UnsealError
from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import FieldError, TemplateLanguage
from inbound.store.broadcasts.broadcasts import find_recipients
from inbound.store.broadcasts.rows import Broadcast, BroadcastRecipient
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from inbound.templates.placeholders import PlaceholderError, parse_text

_COUNT_LANGUAGES: Final = statements(__package__, "samples")["count_languages"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The message to the first recipient in a language, and how many get it in that language.

    A text of the broadcast's own has no language.
    """

    text: str = field(repr=False)
    language: str | None
    recipients: int


def own_sample(
    conn: psycopg.Connection, one: Broadcast, text: str, sealer: AudienceSealer
) -> Iterator[Sample]:
    """Yield the message to the first recipient, if the audience is kept. Blocks."""
    for first in find_recipients(conn, one.broadcast_id, 0, 1):
        try:
            rendered = parse_text(text).render(_fields(first, one, sealer))
        except (UnsealError, PlaceholderError):
            return  # it is paused with the reason when it gets there
        yield Sample(rendered, None, one.lifecycle.recipients)


def template_samples(
    conn: psycopg.Connection, one: Broadcast, definition: TemplateDefinition, sealer: AudienceSealer
) -> Iterator[Sample]:
    """Yield a sample of each text that somebody gets, of the first recipient's language first."""
    for language, recipients, first_no in _languages(conn, one, definition):
        for first in find_recipients(conn, one.broadcast_id, first_no - 1, 1):
            try:
                rendered = definition.render(_fields(first, one, sealer), language)
            except (UnsealError, FieldError):
                continue
            yield Sample(rendered.text, rendered.language.value, recipients)


def effective_languages(definition: TemplateDefinition | None) -> tuple[list[str], str]:
    """Return the languages that are sent, and that of clients who have another one or none.

    Without a template there is one text for all; then clients without a language count as Russian.
    """
    if definition is None:
        return [one.value for one in TemplateLanguage], TemplateLanguage.RUSSIAN.value
    return [one.value for one in definition.texts], definition.default_language.value


@raises_store_errors
def _languages(
    conn: psycopg.Connection, one: Broadcast, definition: TemplateDefinition
) -> list[tuple[str, int, int]]:
    languages, default = effective_languages(definition)
    parameters = {
        "broadcast_id": one.broadcast_id,
        "languages": languages,
        "default_language": default,
    }
    return conn.execute(_COUNT_LANGUAGES, parameters).fetchall()


def _fields(
    recipient: BroadcastRecipient, one: Broadcast, sealer: AudienceSealer
) -> dict[str, str]:
    if recipient.fields_sealed is None:
        return {}
    return sealer.open_fields(recipient.fields_sealed, one.broadcast_id, recipient.number_hash)
