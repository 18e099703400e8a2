"""Compares the end of the log with the newest event on Kafka.

Events are published after they are committed. So a log that ends before a published event has lost
its end, mostly because a backup was restored. A process that appended to it would give positions
away a second time, and then `scserv log recover` could not take the lost events back.
"""

from contextlib import suppress
from typing import Final, NamedTuple

from inbound.errors import SetupError
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.topic_reader import TopicReader, open_reader
from inbound.store.connections import connect
from inbound.store.log.positions import last_position
from schemas.cloudevents import header
from schemas.messages import LogHead
from schemas.topics import TopicNames

_LAST_RECORDS: Final = 20
"""Of each partition. A relay that takes over publishes some events again, so not the last alone."""


class LostEnd(NamedTuple):
    """The position of the last event of the log, and that of the newest published one."""

    last: int
    published: int


class IncompleteLogError(SetupError):
    """The log has lost its end."""


def published_end(reader: TopicReader, names: TopicNames) -> int:
    """Return the highest position on the topics of events and heads, 0 if they have none.

    Events are kept for 90 days and heads for ever. Blocks on Kafka.
    """
    end = 0
    for record in reader.newest((names.events, names.log_heads), _LAST_RECORDS):
        with suppress(ValueError):  # not written by the relay: proves nothing
            if record.topic == names.log_heads:
                position = LogHead.model_validate_json(record.value or b"").position
            else:
                position = int(header(record.headers, "ce_position") or 0)
            end = max(end, position)
    return end


def find_lost_end(
    kafka: KafkaConnection, names: TopicNames, database_url: str, application_name: str
) -> LostEnd | None:
    """Return where the log ends if events after that were published, else None.

    Call it when Kafka has just answered. Blocks on both for some seconds at most if they answer.
    Raises SetupError and RetryableError.
    """
    # Kafka first: the log then has everything that was published before.
    with open_reader(kafka, waits=False) as reader:
        published = published_end(reader, names)
    with connect(database_url, application_name) as conn:
        last = last_position(conn)
    return LostEnd(last, published) if last < published else None


def require_complete_log(kafka: KafkaConnection, names: TopicNames, database_url: str) -> None:
    """Raise `IncompleteLogError` if events after the end of the log were published.

    Blocks and raises as `find_lost_end` does.
    """
    lost = find_lost_end(kafka, names, database_url, "scserv start")
    if lost is not None:
        raise IncompleteLogError(
            f"the log in the database ends with event {lost.last}, and event {lost.published} is "
            "on Kafka: the database was restored from a backup, or a standby took over that lacked "
            "the end.\n"
            "Start nothing before `scserv log recover` has ended with status 0: see docs/"
            'OPERATORS.md, "Restoring a backup". A new database needs new topics: set another '
            "SCSERV_TOPIC_PREFIX, or delete the old ones."
        )
