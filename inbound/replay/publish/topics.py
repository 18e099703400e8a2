"""Which topic a replay may write to, and making it when that is asked for.

Never one of the service's own: whoever reads those takes what is there for news. A topic of
a service under any prefix ends like one of ours, so endings are compared.
"""

import re
from dataclasses import fields, replace
from typing import Final

from inbound.errors import SetupError
from inbound.kafka import admin
from schemas.topics import EVENTS, TOPICS, TopicNames, TopicSpec

# What Kafka takes as a name (org.apache.kafka.common.internals.Topic).
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
_CLEANUP: Final = "cleanup.policy"


def check_name(topic: str) -> None:
    """Raise `SetupError` for a name that no replay may have."""
    if not _NAME.fullmatch(topic) or topic in {".", ".."}:
        raise SetupError(
            f"--to-topic {topic}: a topic's name has letters, digits, '.', '_' and '-', at most 249"
        )
    for field in fields(TopicNames):
        if topic.endswith(str(field.default)):
            raise SetupError(
                f"--to-topic {topic}: {field.default} is a live topic, whose readers would take "
                f"the past for news; choose another ending, as {topic}.replay"
            )
    if topic.startswith("__"):
        raise SetupError(f"--to-topic {topic}: such a topic is Kafka's own")


def prepare(bootstrap: str, topic: str, replication_factor: int, *, create: bool) -> bool:
    """See to it that the topic is there; say whether it was made now. Blocks a few seconds.

    A new one is like the live one of events. Raises `SetupError` when it is missing and not
    to be created, or keeps only the last record of each key: of every subject all events but
    one would be lost.
    """
    spec = _like_events(topic)
    kept = replace(spec, config={_CLEANUP: spec.config[_CLEANUP]})
    differences = admin.check(bootstrap, [kept])
    if any(difference.found is None for difference in differences):
        if not create:
            raise SetupError(
                f"--to-topic {topic}: there is no such topic; create it, or have it created with "
                "--create"
            )
        admin.apply(bootstrap, [spec], replication_factor)
        return True
    for difference in differences:
        if difference.setting == _CLEANUP:
            raise SetupError(
                f"--to-topic {topic}: its {_CLEANUP} is {difference.found}, which keeps only the "
                "last event of each subject; it has to be delete"
            )
    return False


def _like_events(topic: str) -> TopicSpec:
    live = next(spec for spec in TOPICS if spec.name == EVENTS)
    return replace(live, name=topic, what="a replay")
