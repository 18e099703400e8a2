"""Retries of the desk over a real Kafka: published, removed, audited; one at a time."""

import psycopg
import pytest
from pydantic import SecretStr

from inbound.cli._dead_letter_retries import DeadLetterRetries
from inbound.desk.status.dead_letters import Retried, RetryRunningError
from inbound.keys import VaultCipher
from inbound.settings import Settings
from inbound.store.connections import connect
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.dead_letters.rows import DeadLetter, Selection
from inbound.store.sealing import Sealer
from schemas.topics import TopicNames
from tests.fix_store import SUBJECT_KEY, VAULT_KEY


def settings(url: str, bootstrap: str) -> Settings:
    return Settings(
        database_url=SecretStr(url),
        kafka_bootstrap_servers=bootstrap,
        vault_key=SecretStr(VAULT_KEY.hex()),
        subject_key=SecretStr(SUBJECT_KEY.hex()),
    )


def set_aside(url: str, topic: str) -> int:
    """Store one dead letter of a topic; return its id."""
    letter = DeadLetter(topic, 0, 7, "KeyError", b"{}", key=b"k")
    with connect(url, "tests") as conn:
        sealer, limits = Sealer(VaultCipher(VAULT_KEY)), DeadLetterLimits(100, 10**9)
        dead_letters.insert(conn, sealer, limits, [letter])
        return dead_letters.count(conn, Selection())[1]


async def test_what_is_retried_is_published_removed_and_audited(
    database_url: str, kafka_bootstrap: str, topics: TopicNames
) -> None:
    id_ = set_aside(database_url, topics.mo)
    retries = DeadLetterRetries(settings(database_url, kafka_bootstrap))
    assert await retries.retry(Selection(ids=(id_,)), id_, "user ivanova") == Retried(1, 0)
    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)
        entry = conn.execute("SELECT actor, action FROM audit").fetchone()
    assert entry == ("user ivanova", "deadletters.retry")
    assert await retries.retry(Selection(ids=(id_,)), id_, "user ivanova") == Retried(0, 0)


async def test_a_retry_that_runs_elsewhere_is_not_disturbed(
    database_url: str, kafka_bootstrap: str, topics: TopicNames
) -> None:
    id_ = set_aside(database_url, topics.mo)
    retries = DeadLetterRetries(settings(database_url, kafka_bootstrap))
    with connect(database_url, "tests") as conn:
        assert dead_letters.try_lock(conn)
        with pytest.raises(RetryRunningError):
            await retries.retry(Selection(ids=(id_,)), id_, "user ivanova")
        # The lock would end with the connection, but some moments after it is closed.
        conn.execute("SELECT pg_advisory_unlock_all()")
    assert (await retries.retry(Selection(ids=(id_,)), id_, "user ivanova")).published == 1
