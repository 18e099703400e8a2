"""The templates of orders that are stored in PostgreSQL."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from typing_extensions import override

from inbound.orders.ports import OrderTemplates, RenderedText, RenderProblem, TemplateUse
from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import FieldError
from inbound.store.connections import LazyConnection
from inbound.store.errors import raises_store_errors_async
from inbound.store.orders.templates import FoundTemplate, find_languages, find_templates
from schemas.orders import RefusalReason
from schemas.texts import is_blank

_MOST_KEPT: Final = 1000


class StoredTemplates(OrderTemplates):
    """Renders stored templates, on a connection of its own. Three round trips for a batch."""

    def __init__(self, url: str, *, application_name: str) -> None:
        """Connects at the first call."""
        self._connection = LazyConnection(url, application_name)
        self.where = self._connection.where
        self._definitions: dict[tuple[str, int], TemplateDefinition] = {}

    @override
    @raises_store_errors_async
    async def render(self, uses: Sequence[TemplateUse]) -> list[RenderedText | RenderProblem]:
        wanted = list(dict.fromkeys((use.name, use.version) for use in uses))
        hashes = {use.number_hash for use in uses if use.number_hash is not None}
        subject_ids = {use.subject_id for use in uses if use.subject_id is not None}
        conn = await self._connection.get()
        found = await find_templates(conn, wanted)
        languages = await find_languages(conn, hashes, subject_ids)
        return [
            self._rendered(use, found.get((use.name, use.version)), _language(use, languages))
            for use in uses
        ]

    async def close(self) -> None:
        """Close the connection; a later call opens it again."""
        await self._connection.close()

    def _rendered(
        self, use: TemplateUse, found: FoundTemplate | None, language: str | None
    ) -> RenderedText | RenderProblem:
        if found is None or found.is_retired:
            return RenderProblem(RefusalReason.TEMPLATE_UNKNOWN, _why_not(use, found))
        definition = self._definition(found)
        try:
            rendered = definition.render(use.fields, language)
        except FieldError as error:
            return RenderProblem(
                RefusalReason.TEMPLATE_FIELDS, str(error), error.field, is_missing=error.is_missing
            )
        if is_blank(rendered.text):
            return RenderProblem(RefusalReason.TEMPLATE_FIELDS, "the text would be blank")
        return RenderedText(
            rendered.text,
            found.version,
            rendered.language.value,
            resend_unknown=definition.unknown == "resend",
        )

    def _definition(self, found: FoundTemplate) -> TemplateDefinition:
        """Return the definition of a version, which never changes."""
        key = (found.name, found.version)
        if key not in self._definitions:
            if len(self._definitions) >= _MOST_KEPT:
                self._definitions.clear()
            self._definitions[key] = TemplateDefinition.model_validate_json(found.definition)
        return self._definitions[key]


def _language(use: TemplateUse, languages: dict[bytes | UUID, str]) -> str | None:
    if use.number_hash is not None:
        return languages.get(use.number_hash)
    return languages.get(use.subject_id) if use.subject_id is not None else None


def _why_not(use: TemplateUse, found: FoundTemplate | None) -> str:
    if found is not None:
        return f"the template {use.name} was retired"
    version = "" if use.version is None else f" with a version {use.version}"
    return f"there is no template {use.name}{version}"
