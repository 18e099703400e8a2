"""Where `test_aimed` kills each role, and what the balance is afterwards."""

from dataclasses import dataclass
from typing import Final

from tests.e2e.aimed import Point
from tests.fix_service import Role


@dataclass(frozen=True, slots=True)
class Blow:
    """Where a process is killed, and what the balance is afterwards.

    `texts` is how often the text stands in Kafka, `sent` how often the acknowledgement
    reached the SMS centre; `unknown` how often it is said to be of unknown fate. One of each
    role is in every run, the others are drills.
    """

    between: str
    role: Role
    point: Point
    texts: int = 1
    sent: int = 1
    unknown: int = 0
    in_every_run: bool = False


ARRIVALS: Final = "inbound.gateway.arrivals:Arrivals"
DRIVER: Final = "streams.outbox.driver:Driver"
BLOWS: Final = (
    Blow("reading and storing", "gateway", Point(f"{ARRIVALS}._store_text", "before")),
    # The centre never got its answer and delivers it once more.
    Blow("storing and answering", "gateway", Point(f"{ARRIVALS}._answer", "before"), texts=2),
    # Claimed: nobody else can know that it was not sent.
    Blow("claim and submit", "gateway", Point(f"{DRIVER}._submit", "before"), unknown=1),
    Blow(
        *("submit and its answer", "gateway", Point(f"{DRIVER}._answered", "before")),
        sent=2,
        unknown=1,
        in_every_run=True,
    ),
    Blow(
        *(
            "answer and result",
            "gateway",
            Point("streams.outbox.results:ResultPublisher.add", "before"),
        ),
        sent=2,
        unknown=1,
    ),
    # Stored, and the offset of its lane not committed: it comes again and is known.
    Blow("result and settling", "gateway", Point("streams.outbox.ledger:Ledger.finish", "before")),
    Blow(
        "deciding and commit", "worker", Point("inbound.store.transactions.writing:write", "after")
    ),
    Blow(
        *("commit and ack of a text", "worker"),
        Point("streams.commands.processor:CommandProcessor.__call__", "after"),
        in_every_run=True,
    ),
    Blow(
        *("commit and ack of a result", "worker"),
        Point("streams.delivery.processor:DeliveryProcessor.__call__", "after"),
    ),
    Blow("queueing and flush", "relay", Point("inbound.outbox.publishing:send", "after")),
    Blow(
        "publishing and cursor",
        "relay",
        Point("inbound.store.outbox.feeds:advance_cursors", "before"),
        in_every_run=True,
    ),
    Blow(
        "cursor and what follows",
        "relay",
        Point("inbound.store.outbox.feeds:advance_cursors", "after"),
    ),
)
