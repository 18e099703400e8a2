"""Settings of the simulator: address, accounts, limits, faults."""

from dataclasses import dataclass, field
from typing import Final

from inbound.local.simulator.dialects import STANDARD
from inbound.local.simulator.script import Script

PHONE: Final = "phone"


@dataclass(frozen=True, slots=True)
class SimulatorAccount:
    """An account of an ESME. `rate` is in submit_sm a second, 0 for no limit.

    `window` is how many deliver_sm may be unanswered on each link (0: the simulator's
    window), `dialect` the format of its receipts (see `dialects`). It serves `number` and
    `more_numbers`.
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
        """All numbers of the account."""
        return (self.number, *self.more_numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Address, accounts and limits of the simulator. Times in seconds.

    `delivery_queue_limit` bounds the messages that wait for one receiver. `kept_limit` bounds
    the messages to numbers whose phone has never bound; beyond it the oldest is dropped.
    query_sm finds the newest `query_limit` messages, and the ledger keeps `ledger_limit`
    entries (0: counters only). With `strict_binds` system_type has a meaning (see
    `inbound.local.simulator.client_links`). `magic` and `script` inject faults. Every phone binds
    with `phone_password`; if it is empty, with any, but not from another user of this host.
    """

    host: str = "127.0.0.1"
    port: int = 2775
    accounts: tuple[SimulatorAccount, ...] = ()
    phone_password: str = field(default="", repr=False)
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
    """Counters since the simulator's start."""

    submitted: int = 0
    throttled: int = 0
    refused: int = 0
    dropped: int = 0
