"""The settings that a replay to a subscriber needs.

It has no fields for an SMS centre or a key, so their variables and files are not read.
"""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from inbound.errors import MissingSettingError


class PublishSettings(BaseModel):
    """Addresses of the event log and of Kafka; a subset of `Settings`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr = SecretStr("")
    kafka_bootstrap_servers: str = ""
    kafka_replication_factor: int = Field(default=1, ge=1)

    def require(self) -> tuple[str, str]:
        """Return the database URL and the Kafka address. Raises `SetupError` if one is missing."""
        url, bootstrap = self.database_url.get_secret_value(), self.kafka_bootstrap_servers
        for name, value in (
            ("SCSERV_DATABASE_URL", url),
            ("SCSERV_KAFKA_BOOTSTRAP_SERVERS", bootstrap),
        ):
            if not value:
                raise MissingSettingError(name)
        return url, bootstrap
