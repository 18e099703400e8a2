"""The settings that a replay to a subscriber needs.

It has no fields for an SMS centre or a key, so their variables and files are not read.
"""

from pydantic import ConfigDict, SecretStr

from inbound.errors import MissingSettingError
from inbound.kafka.connection import KafkaConnection
from inbound.settings.kafka import KafkaSettings
from inbound.settings.zones import DEFAULT_ZONE, TimeZone


class PublishSettings(KafkaSettings):
    """Addresses of the event log and of Kafka; a subset of `Settings`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr = SecretStr("")
    time_zone: TimeZone = DEFAULT_ZONE

    def require(self) -> tuple[str, KafkaConnection]:
        """Return the database URL and Kafka. Raises `SetupError` if an address is missing."""
        url = self.database_url.get_secret_value()
        if not url:
            raise MissingSettingError("SCSERV_DATABASE_URL")
        return url, self.kafka()
