"""The few settings that handing the past to a subscriber needs, and no others.

No SMS centre, no key: there is no field for them, so they are not read.
"""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from inbound.errors import SetupError


class PublishSettings(BaseModel):
    """Where the log is and where Kafka is; fields are those of `Settings`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr = SecretStr("")
    kafka_bootstrap_servers: str = ""
    kafka_replication_factor: int = Field(default=1, ge=1)

    def require(self) -> tuple[str, str]:
        """Return the URL of the database and Kafka's address; `SetupError` when one is missing."""
        url, bootstrap = self.database_url.get_secret_value(), self.kafka_bootstrap_servers
        for name, value in (("DATABASE_URL", url), ("KAFKA_BOOTSTRAP_SERVERS", bootstrap)):
            if not value:
                raise SetupError(
                    f"SCSERV_{name} is not set: set it, name a TOML file with --config, or name "
                    "the folder of a running `scserv up` with --data-dir"
                )
        return url, bootstrap
