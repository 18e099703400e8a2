"""Builds the intake from the settings of a process."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from inbound.clock import utc_now
from inbound.directory.postgres import PostgresDirectory
from inbound.keys import IndexKey, OrderHasher, SubjectHasher, VaultCipher
from inbound.orders.intake import CONFLICTS, Intake
from inbound.orders.templates.stored import StoredTemplates
from inbound.orders.tools import IntakeSettings, IntakeTools
from inbound.settings import Settings
from inbound.store.transactions.postgres import PostgresStore
from schemas.topics import TopicNames

APPLICATION_NAME = "scserv orders"


class IntakeConnections:
    """An intake on connections of its own, which others may share; `close` them at the end."""

    def __init__(
        self,
        settings: Settings,
        index_key: IndexKey,
        clock: Callable[[], datetime] = utc_now,
        *,
        conflicts: int = CONFLICTS,
    ) -> None:
        """Open nothing yet. `conflicts` is as in `Intake`.

        Raises `SetupError` when the vault key is missing or malformed.
        """
        url = settings.database_url.get_secret_value()
        vault_key = settings.vault_keys()
        self.store = PostgresStore(url, VaultCipher(vault_key), application_name=APPLICATION_NAME)
        self.directory = PostgresDirectory(
            url, index_key, vault_key, application_name=APPLICATION_NAME
        )
        self.templates = StoredTemplates(url, application_name=APPLICATION_NAME)
        self.intake = Intake(
            IntakeTools(
                store=self.store,
                directory=self.directory,
                templates=self.templates,
                subject_hasher=SubjectHasher(index_key),
                order_hasher=OrderHasher(index_key),
                new_id=uuid4,
                clock=clock,
            ),
            intake_settings(settings),
            conflicts=conflicts,
        )

    async def close(self) -> None:
        """Close the connections; a later use opens them again."""
        await self.store.close()
        await self.directory.close()
        await self.templates.close()


def intake_settings(settings: Settings) -> IntakeSettings:
    """Return the settings of the intake."""
    return IntakeSettings(
        sender=settings.sender,
        alphabet=settings.smpp.alphabet,
        names=TopicNames.prefixed(settings.topic_prefix),
        valid_for_s=settings.policies.order_valid_for_s,
        keep_for=timedelta(days=settings.order_days),
    )
