"""Recognises what client libraries log in an outage that they recover from."""

import logging
import re
from typing import Final

from inbound.errors import RetryableError

_KAFKA_CLIENTS: Final = ("aiokafka", "kafka", "faust", "mode")

_OF_AN_OUTAGE: Final = re.compile(
    "Unable connect to|Unable to (request|update) metadata|Got error produce response"
    "|Failed fetch (messages|offsets)|Heartbeat |Marking the coordinator dead|Error sending "
    "|(Find|Group )Coordinator Request failed|OffsetCommit failed|Auto offset commit failed"
    "|LeaveGroup request failed|Failed to commit on finallization|Could not send|Cannot send"
    "|Attempt to fetch offsets for partition|(Offset)?CommitFailed|Metadata refresh"
    "|No node available for metadata|Bootstrap |Connection failed|During exception"
    "|Task .* left RUNNING|.*(Connection lost|socket disconnected|Request timed out|Abort \\()"
    "|query cancellation (interrupted|failed)"
    "|No broker metadata found|Timer .* is overlapping|.*Thread keepalive is not responding"
    "|Task .* ran for "  # of a busy machine; what waits too long has alerts of its own
    r"|Transient error |Failed to export \w+ batch due to |Exporter already shutdown"
    # Of Faust about a partition that waits for the database: the health of the worker says that.
    "|.*(Stream (has not started|stopped) processing|Highwater not yet available|Has not committed "
    "|Aiokafka (has not (sent|received) fetch|stopped fetching)|Broker stopped responding to fetch)"
)
"""What clients of Kafka, PostgreSQL and the collector log in an outage that they recover from.

We log the outage in our own words: that Kafka, PostgreSQL or the collector does not answer, and
later that it does.
"""

_OF_RIGHTS: Final = re.compile("uthoriz|uthenti")
"""Errors that don't go away with time, whatever client reports them."""


def lower_outage(record: logging.LogRecord) -> None:
    """Make a warning of an error that a Kafka client reports and recovers from.

    At each restart of a broker these clients log errors about connections, heartbeats and commits,
    and try again. Nobody has to do anything: if it lasts, the health of the process says so. One
    with a traceback stays an error.
    """
    is_outage = record.levelno == logging.ERROR and not record.exc_info
    if is_outage and record.name.partition(".")[0] in _KAFKA_CLIENTS:
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)


def is_of_outage(record: logging.LogRecord) -> bool:
    """Whether a client reports an outage that we report.

    With a traceback it is something else, unless the error is ours and says that it is an outage:
    Faust reports what ends an agent, before the process says in one line why it ends.
    """
    if record.levelno >= logging.CRITICAL:
        return False
    if record.name.partition(".")[0] not in (*_KAFKA_CLIENTS, "psycopg", "opentelemetry"):
        return False
    if record.exc_info:
        told = (record.exc_info[1], *(record.args if isinstance(record.args, tuple) else ()))
        return any(isinstance(one, RetryableError) for one in told)
    text = record.getMessage()
    return _OF_AN_OUTAGE.match(text) is not None and _OF_RIGHTS.search(text) is None
