"""The templates of messages as pages ask for them and change them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inbound.orders.templates.definition import TemplateDefinition
from inbound.orders.templates.fields import TemplateLanguage
from inbound.smpp.segmentation import measure
from inbound.store.connection_pool import ConnectionPool
from inbound.store.orders.templates import (
    TemplateVersion,
    add_template,
    add_version,
    list_newest,
    list_versions,
    restore_template,
    retire_template,
)

SHOWN: Final = 50
MOST_OFFERED: Final = 500


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a template, read."""

    row: TemplateVersion
    definition: TemplateDefinition

    @property
    def name(self) -> str:
        """The name of the template."""
        return self.row.name

    @property
    def is_retired(self) -> bool:
        """Whether no order may use the template."""
        return self.row.retired_at is not None


class MessageTemplates:
    """The templates of one service. Every method may raise RetryableError."""

    def __init__(self, pool: ConnectionPool, alphabet: str) -> None:
        self._pool = pool
        self.alphabet = alphabet

    async def names(self) -> list[str]:
        """Return the names of templates that orders may use."""
        found = await self._pool.run(list_newest, None, MOST_OFFERED)
        return [one.name for one in found]

    async def page(self, after: str | None) -> list[Version]:
        """Return the newest versions by name: one more than a page has, if there is a next."""
        return _read(await self._pool.run(list_newest, after, SHOWN + 1, retired=True))

    async def versions(self, name: str) -> list[Version]:
        """Return the versions of a template, newest first; none for an unknown name."""
        return _read(await self._pool.run(list_versions, name))

    async def add(self, actor: str, name: str, definition: TemplateDefinition) -> bool:
        """Store a template; False if the name is taken."""
        return await self._pool.run(add_template, name, _as_json(definition), actor=actor)

    async def change(
        self, actor: str, name: str, definition: TemplateDefinition, base: int
    ) -> int | None:
        """Store a version after `base`; None if it says the same. Raises StaleVersionError."""
        return await self._pool.run(add_version, name, _as_json(definition), actor=actor, base=base)

    async def switch(self, actor: str, name: str, *, on: bool) -> bool:
        """Let orders use a template, or stop that; False if nothing changes."""
        change = restore_template if on else retire_template
        return await self._pool.run(change, name, actor=actor)

    def parts(self, definition: TemplateDefinition) -> dict[TemplateLanguage, int]:
        """Return how many parts each text can need."""
        return {
            language: definition.most_parts(language, self.count) for language in definition.texts
        }

    def count(self, text: str) -> int:
        """Return how many parts a text needs. Raises UnsendableTextError."""
        return measure(text, self.alphabet).parts


def _read(rows: Sequence[TemplateVersion]) -> list[Version]:
    return [Version(row, TemplateDefinition.model_validate_json(row.definition)) for row in rows]


def _as_json(definition: TemplateDefinition) -> str:
    return definition.model_dump_json(exclude_none=True)
