"""The connections with which API and desk look things up."""

from typing import TYPE_CHECKING, Final

from inbound.cli._backlog import backlog_source
from inbound.keys import IndexKey
from inbound.settings import Settings
from inbound.startup import make_cipher

if TYPE_CHECKING:
    from inbound.api.backend import Sources, StatusSources

COLD_WITHIN_S: Final = 3.0
"""How long connecting to Kafka and asking may take together."""


def make_sources(
    settings: Settings, index_key: IndexKey, application_name: str, *, with_workers: bool = False
) -> "Sources":
    """Return the sources of all answers. Opens nothing yet; close them at the end.

    `with_workers`: a backlog tells how many workers there are, too.
    """
    from inbound.api.backend import Sources
    from inbound.directory.postgres import PostgresDirectory
    from inbound.keys import SubjectHasher
    from inbound.projections.queries import ProjectionQueries
    from inbound.store.connection_pool import ConnectionPool
    from inbound.store.sealing import Sealer
    from inbound.timeline.reader import TimelineReader

    url = settings.database_url.get_secret_value()
    hasher, sealer = SubjectHasher(index_key), Sealer(make_cipher(settings))
    name = application_name
    return Sources(
        pool=ConnectionPool(url, name),
        quick=ProjectionQueries(url, application_name=name),
        slow=ProjectionQueries(url, application_name=f"{name} search"),
        directory=PostgresDirectory(
            url, index_key, settings.vault_keys(), application_name=f"{name} directory"
        ),
        hasher=hasher,
        sealer=sealer,
        timelines=TimelineReader(hasher, sealer, settings.rejected_mo_days),
        backlog=backlog_source(settings, with_workers=with_workers),
        zone=settings.time_zone,
    )


def status_sources(settings: Settings, application_name: str) -> "StatusSources":
    """Return the sources of the status, as `make_sources` does. The process may end at any time."""
    from inbound.api.backend import StatusSources
    from inbound.projections.queries import ProjectionQueries
    from inbound.store.connection_pool import ConnectionPool

    url = settings.database_url.get_secret_value()
    return StatusSources(
        pool=ConnectionPool(url, application_name, ends_with_process=True),
        quick=ProjectionQueries(url, application_name=application_name),
        slow=ProjectionQueries(url, application_name=f"{application_name} search"),
        backlog=backlog_source(settings, with_workers=True, within_s=COLD_WITHIN_S),
    )
