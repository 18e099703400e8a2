"""Prepares database, topics and sample clients for the service on one machine."""

from pathlib import Path
from typing import Any

from inbound.local.samples import write_samples
from inbound.settings import Settings
from inbound.startup import check_database, index_key_of


def prepare_database(settings: Settings) -> None:
    """Bring the database to this release. Blocks."""
    from inbound.store.migrations.runner import migrate

    migrate(settings.database_url.get_secret_value())
    check_database(settings)


def prepare_topics(settings: Settings) -> None:
    """Bring the topics to this release. Blocks on Kafka."""
    from inbound.kafka import admin
    from schemas.topics import TopicNames

    specs = TopicNames.prefixed(settings.topic_prefix).specs(settings.kafka_partitions)
    admin.apply(settings.kafka(), specs, settings.kafka_replication_factor)


def import_samples(settings: Settings, data_dir: Path) -> None:
    """Import the sample clients once, at the first start with the simulator."""
    path = data_dir / "sample-clients.csv"
    if path.exists():
        return
    from inbound.directory.client_import import ImportKeys, import_clients
    from inbound.directory.client_rows import CLIENT_COLUMNS, check_row
    from inbound.directory.sealing import ClientSealer
    from inbound.keys import SubjectHasher
    from inbound.store.connections import connect
    from inbound.tables.reader import open_table

    write_samples(path)
    with (
        open_table(path, CLIENT_COLUMNS) as table,
        connect(settings.database_url.get_secret_value(), "scserv up", long=True) as conn,
    ):
        keys = ImportKeys(
            SubjectHasher(index_key_of(conn, settings)), ClientSealer(settings.vault_keys())
        )
        import_clients(conn, map(check_row, table.rows()), keys)


def effective(settings: Settings) -> dict[str, Any]:
    """Return the settings that other commands need, with secrets in clear text."""
    smpp = settings.smpp
    return {
        "database_url": settings.database_url.get_secret_value(),
        **settings.kafka_values(),
        "vault_key": settings.vault_key.get_secret_value(),
        "subject_key": settings.subject_key.get_secret_value(),
        "phone_password": settings.phone_password.get_secret_value(),
        "sender": settings.sender,
        "time_zone": settings.time_zone,
        "order_days": settings.order_days,
        "policies": settings.policies.model_dump(mode="json"),
        "smpp": {
            "alphabet": smpp.alphabet,
            "host": smpp.host,
            "port": smpp.port,
            "system_id": smpp.system_id,
            "password": smpp.password.get_secret_value(),
        },
    }
