"""Checks that the roles make, and objects that they build, before they start.

Whatever makes hashes gets their key here: from `check_database`, or over a connection that is open
already from `index_key_of`.
"""

import logging
from typing import TYPE_CHECKING

from inbound.keys import IndexKey, VaultCipher, fingerprint
from inbound.ops.health import Health
from inbound.reasons import in_words
from inbound.settings import Settings
from inbound.templates.catalogue import Catalogue, load_catalogue

if TYPE_CHECKING:
    import psycopg

    from inbound.kafka.connection import KafkaConnection
    from schemas.topics import TopicNames

log = logging.getLogger(__name__)


def load_templates(settings: Settings) -> Catalogue:
    """Return the reply texts, each checked. Raises `SetupError`."""
    from inbound.smpp.segmentation import part_count

    catalogue = load_catalogue(
        settings.templates_file, lambda text: part_count(text, settings.smpp.alphabet)
    )
    catalogue.require_complete()
    return catalogue


def make_cipher(settings: Settings) -> VaultCipher:
    """Return the cipher of numbers and secrets."""
    return VaultCipher(settings.vault_keys())


def check_infrastructure(settings: Settings) -> IndexKey:
    """Return the index key. Raises `SetupError` if database, keys, topics or log don't fit.

    Blocks on each for a few seconds at most.
    """
    from inbound.eventlog.published_end import require_complete_log

    index_key = check_database(settings)
    check_topics(settings)
    require_complete_log(*_log_of(settings))
    return index_key


def check_log(settings: Settings) -> None:
    """Raise `IncompleteLogError` if events after the end of the log were published.

    For roles that write events and work without Kafka: without it, or while it is away, nothing is
    checked. Blocks for a few seconds at most.
    """
    from inbound.errors import RetryableError, SetupError
    from inbound.eventlog.published_end import IncompleteLogError, require_complete_log
    from inbound.kafka import availability

    if not settings.kafka_bootstrap_servers:
        return
    try:
        problem = availability.problem(settings.kafka())
        if problem is None:
            require_complete_log(*_log_of(settings))
    except IncompleteLogError:
        raise
    except (RetryableError, SetupError) as error:
        problem = in_words(error)
    if problem is not None:
        log.warning("the end of the log was not compared with Kafka: %s", problem)


def _log_of(settings: Settings) -> "tuple[KafkaConnection, TopicNames, str]":
    from schemas.topics import TopicNames

    names = TopicNames.prefixed(settings.topic_prefix)
    return settings.kafka(), names, settings.database_url.get_secret_value()


def check_database(settings: Settings) -> IndexKey:
    """Return the index key of the database.

    Raises `SetupError` if the database is away, not migrated, or has other keys.
    """
    from inbound.store.access.index_keys import load_index_key
    from inbound.store.access.key_checks import check_vault_key
    from inbound.store.connections import connect
    from inbound.store.migrations.runner import require_current

    settings.require("database_url")
    keys, subject_key = settings.vault_keys(), settings.subject_key_bytes()
    url = settings.database_url.get_secret_value()
    require_current(url)
    with connect(url, "scserv start") as connection:
        other = None if keys.other is None else fingerprint(keys.other)
        check_vault_key(connection, fingerprint(keys.sealing), other=other)
        return load_index_key(connection, subject_key)


def require_vault_key(connection: "psycopg.Connection", settings: Settings) -> None:
    """Raise `SetupError` if the vault key does not open this database. Blocks on it.

    For commands that read: nothing is stored, and the subject key may be missing.
    """
    from inbound.store.access import key_checks

    keys = settings.vault_keys()
    other = None if keys.other is None else fingerprint(keys.other)
    key_checks.require_vault_key(connection, fingerprint(keys.sealing), other=other)


def index_key_of(connection: "psycopg.Connection", settings: Settings) -> IndexKey:
    """Return the index key of a database. Blocks on it.

    Raises `SetupError` if the subject key is missing or does not open it.
    """
    from inbound.store.access.index_keys import load_index_key

    return load_index_key(connection, settings.subject_key_bytes())


def check_topics(settings: Settings) -> None:
    """Raise `SetupError` if Kafka is away, or a topic is missing or has other settings."""
    from inbound.errors import SetupError
    from inbound.kafka import admin
    from inbound.kafka.topic_differences import PARTITIONS, other_partitions
    from schemas.topics import TopicNames

    specs = TopicNames.prefixed(settings.topic_prefix).specs(settings.kafka_partitions)
    if differences := admin.check(settings.kafka(), specs):
        first = differences[0]
        if first.setting == PARTITIONS:
            raise SetupError(f"{first}: {other_partitions(first)}")
        raise SetupError(f"{first}; run `scserv topics apply`")


def watch_database(
    settings: Settings, role: str, health: Health, *, with_disk: bool = False
) -> None:
    """Tell the time by the database's clock from now on; watch it, the certificate and the keys.

    Also watches whether the database answers.

    Call it after `check_database`, in every role: a rotation of keys asks for what each
    process reports here. `with_disk`: watch size and disk, too. Blocks
    for some seconds at most.
    """
    from inbound.store.access.process_keys import OwnKeys
    from inbound.store.database_answers import watch_answers
    from inbound.store.database_watch import DatabaseWatch

    url, keys = settings.database_url.get_secret_value(), settings.vault_keys()
    DatabaseWatch(
        url,
        health,
        settings.clock_skew_max_s,
        with_disk=with_disk,
        keys=OwnKeys.of(role, keys, settings.subject_key_bytes()),
    ).start()
    watch_answers(url, role, health)


def watch_kafka(settings: Settings, health: Health) -> None:
    """Keep the health condition `kafka` of this process up to date."""
    from inbound.kafka import availability

    availability.watch(settings.kafka(), health)
