"""The intake's tools and settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from inbound.directory.port import ClientNumbers
from inbound.keys import OrderHasher, SubjectHasher
from inbound.orders.ports import OrderTemplates
from inbound.store.transactions.port import Store
from inbound.subjects import StateCache
from schemas.topics import TopicNames


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """Settings of the intake; `sender` is the service's own."""

    sender: str
    alphabet: str
    names: TopicNames
    valid_for_s: int = 86400
    keep_for: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class IntakeTools:
    """The intake's tools. `new_id` has to be random, because order ids are in public events."""

    store: Store
    directory: ClientNumbers
    templates: OrderTemplates
    subject_hasher: SubjectHasher
    order_hasher: OrderHasher
    new_id: Callable[[], UUID]
    clock: Callable[[], datetime]
    cache: StateCache = field(default_factory=StateCache)
