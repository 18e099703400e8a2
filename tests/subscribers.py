"""What every example subscriber must survive: restarts, kills, rebalances and doubles.

A story of many subjects goes onto real topics as the relay would put it there, with doubles as
after a crash of the relay. However often the subscribers are killed meanwhile, at the end they
know what the story tells.
"""

import asyncio
import random
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from inbound.kafka.connection import KafkaConnection
from inbound.kafka.records import SUBSCRIPTION_TYPES, of_event, of_subscription
from inbound.store.log.rows import RecordedEvent
from schemas.cloudevents import Attributes, to_headers
from schemas.contracts.examples import EXAMPLES, NOON
from schemas.events import (
    DomainEvent,
    RequestAccepted,
    RequestCompleted,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.message_events import MessageSubmitted
from schemas.topics import TopicNames
from tests.fix_service import eventually
from tests.patience import PATIENCE_S

EXAMPLES_FOLDER: Final = Path(__file__).parents[1] / "docs" / "examples"
GROUP: Final = "example"
ERASED_VERSION: Final = 1 << 31
"""What the examples put down for an erased person, beyond the versions of all events."""
SUBJECTS: Final = [UUID(int=n, version=4) for n in range(1, 81)]
OVERLAP: Final = 40
ACCEPTED: Final = "ru.scserv.request.accepted.v1"

_TYPES: Final = (
    RequestAccepted,
    SubscriptionStopped,
    SubscriptionStarted,
    MessageSubmitted,
    RequestCompleted,
)
_BY_TYPE: Final = {type(one): one for one in EXAMPLES if isinstance(one, DomainEvent)}

Known = tuple[dict[str, tuple[int, bool]], dict[str, tuple[int, int]]]
"""Of each subject the last version and whether it may be texted; and how often it asked."""


@dataclass
class Story:
    """Events of many subjects in the order of the log, the same in every run, without an end.

    `people` and `requests` are what a subscriber knows that has read all of it.
    """

    people: dict[str, tuple[int, bool]] = field(default_factory=dict)
    requests: dict[str, tuple[int, int]] = field(default_factory=dict)
    told: list[RecordedEvent] = field(default_factory=list)
    versions: Counter[UUID] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def more(self, length: int) -> list[RecordedEvent]:
        """Go on for so many events. It begins with the last ones once more: doubles."""
        doubles = self.told[-OVERLAP:]
        for _ in range(length):
            self._add(self.chance.choice(SUBJECTS), _BY_TYPE[self.chance.choice(_TYPES)])
        return doubles + self.told[-length:]

    def _add(self, subject: UUID, event: DomainEvent) -> None:
        self.versions[subject] += 1
        name, version = str(subject), self.versions[subject]
        if isinstance(event, RequestAccepted):
            _, before = self.requests.get(name, (0, 0))
            self.requests[name] = version, before + 1
        elif event.TYPE in SUBSCRIPTION_TYPES:
            self.people[name] = version, isinstance(event, SubscriptionStarted)
        self.told.append(
            RecordedEvent(
                position=len(self.told) + 1,
                stream_id=subject,
                version=version,
                type=event.TYPE,
                schema_version=event.VERSION,
                data=event.to_json(),
                metadata=b"{}",
                recorded_at=NOON,
            )
        )


class Feed:
    """Puts events onto the public topics with the relay's own producer and records."""

    def __init__(self, bootstrap: str, names: TopicNames) -> None:
        from inbound.kafka.producer import Producer

        self.names = names
        self._producer = Producer(KafkaConnection(bootstrap))

    def publish(self, events: Iterable[RecordedEvent], replay: str | None = None) -> None:
        """Publish; a replay goes to the topic `notify`, which nobody else here uses."""
        for event in events:
            if replay is not None:
                self._producer.send(**of_event(event, self.names.notify, replay))
                continue
            self._producer.send(**of_event(event, self.names.events))
            if event.type in SUBSCRIPTION_TYPES:
                self._producer.send(**of_subscription(event, self.names.subscriptions))
        self._producer.flush()

    def publish_unknown(self, subject: UUID) -> None:
        """Publish a type that no subscriber of today knows."""
        attributes = Attributes(id=f"{subject}/1000000", type="thing.happened.v1", time=NOON)
        key = str(subject).encode()
        self._producer.send(self.names.events, b"[]", key, to_headers(attributes))
        self._producer.flush()

    def erase(self, subject: UUID) -> None:
        """Publish the tombstone of an erased person."""
        self._producer.send(self.names.subscriptions, None, str(subject).encode())
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()


_HOW_MANY_TABLES = """
    SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('people', 'requests')
"""


class Onlooker:
    """Sees what Kafka knows of the group and what the subscribers have written down."""

    def __init__(self, bootstrap: str, database: Path) -> None:
        self._bootstrap = bootstrap
        self._database = database

    @cached_property
    def _admin(self) -> Any:
        from kafka.admin import KafkaAdminClient

        return KafkaAdminClient(bootstrap_servers=self._bootstrap)

    def members(self, group: str = GROUP) -> int:
        """How many subscribers the group has."""
        return len(self._admin.describe_groups([group])[group]["members"])

    def lag(self, group: str, topics: Sequence[str]) -> int:
        """How many records the group has not committed."""
        from kafka import KafkaConsumer, TopicPartition
        from kafka.errors import CoordinatorNotAvailableError

        try:
            committed = self._admin.list_group_offsets(group)[group]
        except CoordinatorNotAvailableError:
            committed = {}  # the first group that this broker ever saw
        with KafkaConsumer(bootstrap_servers=self._bootstrap) as consumer:
            partitions = [
                TopicPartition(topic, number)
                for topic in topics
                for number in consumer.partitions_for_topic(topic)
            ]
            ends = consumer.end_offsets(partitions)
        done = {place: each.offset for place, each in committed.items()}
        return sum(max(0, end - max(0, done.get(place, 0))) for place, end in ends.items())

    def known(self) -> Known:
        """What the subscribers have in their tables."""
        if not self._database.exists():
            return {}, {}
        with sqlite3.connect(self._database, timeout=60) as database:
            if database.execute(_HOW_MANY_TABLES).fetchone() != (2,):
                return {}, {}  # a subscriber is just making them
            people = database.execute("SELECT subject, version, may_be_texted FROM people")
            requests = database.execute("SELECT subject, version, count FROM requests")
            return (
                {subject: (version, bool(may)) for subject, version, may in people},
                {subject: (version, count) for subject, version, count in requests},
            )

    def progress(self) -> int:
        """A number that grows with what is written down."""
        return sum(count for _, count in self.known()[1].values())

    def close(self) -> None:
        self._admin.close()


Command = Callable[[str, Path, str, Sequence[str]], list[str]]
"""Bootstrap, database, group, topics -> how to start a subscriber."""


def python_example(bootstrap: str, database: Path, group: str, topics: Sequence[str]) -> list[str]:
    """A `Command`: the example in Python."""
    return [
        sys.executable,
        str(EXAMPLES_FOLDER / "subscriber.py"),
        bootstrap,
        str(database),
        group,
        *topics,
    ]


class Subscriber:
    """A running example; everything that it says is kept."""

    def __init__(self, process: asyncio.subprocess.Process, output: Path) -> None:
        self._process = process
        self._output = output

    def said(self) -> str:
        return self._output.read_text("utf-8")

    async def kill(self) -> None:
        """End it as a crash would. It must not have ended of itself."""
        assert self._process.returncode is None, self.said()
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """End it as an operator would."""
        assert self._process.returncode is None, self.said()
        self._process.terminate()
        assert await asyncio.wait_for(self._process.wait(), PATIENCE_S) == 0, self.said()


@dataclass
class World:
    """A Kafka, a database, and subscribers that come and go."""

    feed: Feed
    onlooker: Onlooker
    start: Callable[..., Any]
    running: list[Subscriber]

    @property
    def topics(self) -> tuple[str, str]:
        return self.feed.names.events, self.feed.names.subscriptions

    async def caught_up(self, group: str = GROUP, *topics: str) -> None:
        """Wait until the group has committed everything there is."""
        wanted = topics or self.topics
        await eventually(
            lambda: self.onlooker.lag(group, wanted) == 0,
            lambda: f"{self.onlooker.lag(group, wanted)} records are left\n{self._said()}",
        )

    async def until(self, look: Callable[[], bool], story: Story) -> None:
        """Go on with the story until it is so."""

        def look_again() -> bool:
            self.feed.publish(story.more(100))
            return look()

        await eventually(look_again, self._said)

    def _said(self) -> str:
        return "\n".join(one.said()[-2000:] for one in self.running)


@asynccontextmanager
async def world(
    bootstrap: str, names: TopicNames, folder: Path, command: Command
) -> AsyncIterator[World]:
    database = folder / "state.sqlite"
    running: list[Subscriber] = []
    processes: list[asyncio.subprocess.Process] = []
    feed, onlooker = Feed(bootstrap, names), Onlooker(bootstrap, database)

    async def start(group: str = GROUP, *topics: str) -> Subscriber:
        wanted = topics or (names.events, names.subscriptions)
        output = folder / f"output-{len(running)}.log"
        with output.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *command(bootstrap, database, group, wanted), stdout=file, stderr=file
            )
        running.append(Subscriber(process, output))
        processes.append(process)
        return running[-1]

    try:
        yield World(feed, onlooker, start, running)
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
        onlooker.close()
        feed.close()


async def check_restarts_rebalances_and_doubles(here: World) -> None:
    """Subscribers come, are killed and are replaced while the story goes on."""
    story, look = Story(), here.onlooker
    first = await here.start()
    await here.until(lambda: look.progress() > 0, story)
    second = await here.start()
    await here.until(lambda: look.members() == 2, story)
    here.feed.publish(story.more(1000))
    await first.kill()
    third = await here.start()  # waits for the group, which waits for the dead
    await here.until(lambda: look.members() == 2, story)
    here.feed.publish(story.more(1000))
    await second.kill()
    await here.until(lambda: look.members() == 1, story)  # the third has all of it now

    erased = SUBJECTS[0]
    here.feed.publish_unknown(erased)
    here.feed.erase(erased)
    await here.caught_up()
    people = {**story.people, str(erased): (ERASED_VERSION, False)}
    assert look.known() == (people, story.requests)
    assert third.said().count("skipping ru.scserv.thing.happened.v1") == 1
    await third.stop()
    await eventually(lambda: look.members() == 0, lambda: f"{look.members()} members are left")


async def check_history_is_no_news(here: World) -> None:
    """A replay fills the tables and tells nobody; what has been replayed is no news later."""
    events = Story().more(1000)
    replayed, live = here.feed.names.notify, here.feed.names.events
    here.feed.publish(events, replay="once-more")
    of_history = await here.start("replayed", replayed)
    await here.caught_up("replayed", replayed)
    known = here.onlooker.known()
    asked = [event for event in events if event.type == RequestAccepted.TYPE]
    assert sum(count for _, count in known[1].values()) == len(asked)
    assert ACCEPTED not in of_history.said()

    here.feed.publish(events)
    of_news = await here.start(GROUP, live)
    await here.caught_up(GROUP, live)
    assert here.onlooker.known() == known
    assert ACCEPTED not in of_news.said()

    here.feed.publish([replace(asked[0], version=1_000_000)])
    await here.caught_up(GROUP, live)
    assert f"{ACCEPTED} of {asked[0].stream_id}" in of_news.said()
