"""May this person be texted, and how often did they ask? Two topics become two tables.

python subscriber.py BOOTSTRAP DATABASE GROUP TOPIC...    (needs kafka-python 3 and cloudevents)
The environment says how to connect (SECURITY). It ends if Kafka doesn't let it in within 10 s, and
on every error: run it under a supervisor, and as many of it as there are partitions.
"""

import os
import signal
import sqlite3
import sys
from contextlib import suppress

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from kafka import KafkaConsumer
from kafka.errors import CommitFailedError, KafkaError

TABLES = """
CREATE TABLE IF NOT EXISTS people (subject PRIMARY KEY, version INT, may_be_texted INT);
CREATE TABLE IF NOT EXISTS requests (subject PRIMARY KEY, version INT, count INT)"""
# Records come twice: only what is newer than the last of its subject changes a row.
CHANGES = {
    "ru.scserv.subscription.v1": """INSERT INTO people VALUES (:subject, :version, :may_be_texted)
        ON CONFLICT DO UPDATE SET version = :version, may_be_texted = :may_be_texted
        WHERE version < :version""",
    "ru.scserv.request.accepted.v1": """INSERT INTO requests VALUES (:subject, :version, 1)
        ON CONFLICT DO UPDATE SET version = :version, count = count + 1 WHERE version < :version""",
}
SECURITY = {
    "security_protocol": "SCSERV_KAFKA_SECURITY_PROTOCOL",  # PLAINTEXT if it is not set
    "sasl_mechanism": "SCSERV_KAFKA_SASL_MECHANISM",
    "sasl_plain_username": "SCSERV_KAFKA_USER",
    "sasl_plain_password": "SCSERV_KAFKA_PASSWORD",
}
skipped = set()


def apply(database, record):
    """Bring one record into the tables. Safe to repeat."""
    if record.value is None:  # erased: not to be texted, and nothing follows
        database.execute("REPLACE INTO people VALUES (?, 1 << 31, 0)", [record.key.decode()])
        return
    event = from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value))
    if event.get_type() in CHANGES:
        subject, _, version = event.get_id().partition("/")
        row = {**event.get_data(), "subject": subject, "version": int(version)}
        changed = database.execute(CHANGES[event.get_type()], row).rowcount
        if changed and not event.get_extension("replay"):  # act on news, not on history
            print(event.get_type(), "of", subject, flush=True)
    elif event.get_type() not in skipped:
        skipped.add(event.get_type())
        print("skipping", event.get_type(), flush=True)


bootstrap, path, group, *topics = sys.argv[1:]
signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # leaves the group at once
database = sqlite3.connect(path, timeout=60)
database.executescript(TABLES)
options = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "session_timeout_ms": 6000}
options |= {option: os.environ[name] for option, name in SECURITY.items() if name in os.environ}
options |= {"bootstrap_servers": bootstrap, "bootstrap_timeout_ms": 10_000, "group_id": group}
try:
    consumer = KafkaConsumer(*topics, **options)
    missing = set(topics) - consumer.topics()
except KafkaError as error:
    sys.exit(f"Kafka doesn't let us in: {error}; check its address and SCSERV_KAFKA_...")
if missing:
    sys.exit(f"there are no such topics, or we may not read them: {', '.join(sorted(missing))}")
with consumer:
    while True:
        polled = consumer.poll(timeout_ms=1000)
        with database:  # one transaction; only when it is safe Kafka hears of it
            for record in (record for records in polled.values() for record in records):
                apply(database, record)
        with suppress(CommitFailedError):  # others have these partitions now, and read on
            consumer.commit()
