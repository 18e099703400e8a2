"""One bind as it runs: its SMPP client, what is built on it, and its share of the rate."""

from dataclasses import dataclass

from inbound.gateway.queries import OverdueQueries
from inbound.gateway.rate_sharing import RateShare
from inbound.gateway.receipts import ReceiptPublisher
from inbound.gateway.sending_binds import SendingBind
from inbound.settings import SmppSettings
from inbound.smpp.bind_health import EsmeState
from inbound.smpp.esme import Esme


@dataclass(frozen=True, slots=True)
class RunningBind:
    """The parts of one bind. `sending` is None for a receiver; `queries` unless configured."""

    settings: SmppSettings
    esme: Esme
    share: RateShare
    receipts: ReceiptPublisher
    sending: SendingBind | None
    queries: OverdueQueries | None

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self.settings.bind

    @property
    def is_bound(self) -> bool:
        """Whether the SMS centre has accepted it."""
        return self.esme.health.state is EsmeState.BOUND

    @property
    def account(self) -> str:
        """The account whose rate it shares."""
        return f"{self.settings.centre}/{self.settings.system_id}"
