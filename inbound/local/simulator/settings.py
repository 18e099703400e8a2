"""What the centre is told when it starts: where it listens, whom it serves, what goes wrong."""

from dataclasses import dataclass, field
from typing import Final

from inbound.local.simulator.dialects import STANDARD
from inbound.local.simulator.script import Script

PHONE: Final = "phone"


@dataclass(frozen=True, slots=True)
class SimulatorAccount:
    """An ESME the centre knows; `rate` is in submit_sm a second, 0 for no limit.

    `window` is how many deliver_sm may be unanswered on each of its links (0: the
    centre's), `dialect` how its receipts are written, `more_numbers` what it serves beside
    `number`.
    """

    system_id: str
    password: str = field(repr=False)
    number: str
    rate: float = 0.0
    window: int = 0
    dialect: str = ""
    more_numbers: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """All numbers it serves."""
        return (self.number, *self.more_numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Where the centre listens, whom it serves, and its limits; times in seconds.

    `delivery_queue_limit` bounds the messages that wait for one receiver, `kept_limit` those for
    all numbers whose phone has not been seen yet: then the oldest is dropped.
    `query_limit` is how many of the newest messages query_sm finds, `ledger_limit` how many
    entries the ledger keeps (0: it only counts). `strict_binds` makes system_type count (see
    `inbound.local.simulator.client_links`), `magic` and `script` say what goes wrong.
    """

    host: str = "127.0.0.1"
    port: int = 2775
    accounts: tuple[SimulatorAccount, ...] = ()
    window: int = 500
    delivery_queue_limit: int = 100_000
    kept_limit: int = 10_000
    ledger_limit: int = 0
    query_limit: int = 1000
    retry_s: float = 1.0
    enquire_link_s: float = 30.0
    response_timeout_s: float = 10.0
    dialect: str = STANDARD
    strict_binds: bool = False
    magic: bool = False
    script: Script = field(default_factory=Script)


@dataclass(slots=True)
class SimulatorStats:
    """Counters from the centre's start."""

    submitted: int = 0
    throttled: int = 0
    refused: int = 0
    dropped: int = 0
