"""The settings for the connection to Kafka."""

import os
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from inbound.errors import MissingSettingError
from inbound.kafka.connection import (
    SECURITY_PROTOCOL,
    TLS_CERT,
    TLS_KEY,
    TLS_KEY_PASSWORD,
    KafkaConnection,
    SaslMechanism,
    SecurityProtocol,
)
from schemas.topics import MOST_PARTITIONS, PARTITIONS

_SASL: Final = ("kafka_user", "kafka_password")
_TLS: Final = ("kafka_tls_ca", "kafka_tls_cert", "kafka_tls_key", "kafka_tls_key_password")


class KafkaSettings(BaseModel):
    """The part of the settings that concerns Kafka."""

    kafka_bootstrap_servers: str = Field(
        default="", description="Apache Kafka, as HOST:PORT[,HOST:PORT]"
    )
    kafka_replication_factor: int = Field(
        default=1, ge=1, description="replicas of each partition; 3 in production"
    )
    kafka_partitions: int = Field(
        default=PARTITIONS,
        ge=PARTITIONS,
        le=MOST_PARTITIONS,
        multiple_of=PARTITIONS,
        description="partitions of the topics that `scserv topics apply` creates, a multiple of 8: "
        "at most this many workers, and this many gateways, share the work",
    )
    kafka_security_protocol: SecurityProtocol = Field(
        default="PLAINTEXT",
        description="Kafka's listener: SASL_... with user and password, ...SSL with TLS; PLAINTEXT "
        "only where nobody else reaches Kafka",
    )
    kafka_sasl_mechanism: SaslMechanism = Field(
        default="SCRAM-SHA-256", description="how user and password are proved to Kafka"
    )
    kafka_user: str = Field(
        default="",
        pattern=r"^[^,=\s]*$",
        description="user name at Kafka, without comma, equals sign and spaces",
    )
    kafka_password: SecretStr = Field(
        default=SecretStr(""), description="password of that user at Kafka"
    )
    kafka_tls_ca: Path | None = Field(
        default=None,
        description="CA certificates that Kafka's certificate is verified with (PEM), instead of "
        "the system's",
    )
    kafka_tls_cert: Path | None = Field(
        default=None, description="our client certificate for Kafka with its intermediates (PEM)"
    )
    kafka_tls_key: Path | None = Field(
        default=None,
        description="private key of kafka_tls_cert (PEM), if in a file of its own",
    )
    kafka_tls_key_password: SecretStr = Field(
        default=SecretStr(""), description="password of that private key, if it is encrypted"
    )

    @model_validator(mode="after")
    def _check_kafka_security(self) -> Self:
        protocol = self.kafka_security_protocol
        sasl = {name: bool(self._plain(name)) for name in _SASL}
        tls = {name: bool(self._plain(name)) for name in _TLS}
        for uses, given, others in (
            ("SASL" in protocol, sasl, "SASL_PLAINTEXT or SASL_SSL"),
            (protocol.endswith("SSL"), tls, "SSL or SASL_SSL"),
        ):
            if not uses and any(given.values()):
                name = next(name for name, is_set in given.items() if is_set)
                raise ValueError(
                    f"{_variable(name)} is set, but {SECURITY_PROTOCOL} is {protocol}: set that to"
                    f" {others}"
                )
        if "SASL" in protocol and not all(sasl.values()):
            name = next(name for name, is_set in sasl.items() if not is_set)
            raise ValueError(f"{SECURITY_PROTOCOL} is {protocol}, but {_variable(name)} is not set")
        if self.kafka_tls_key is not None and self.kafka_tls_cert is None:
            raise ValueError(f"{TLS_KEY} is set, but {TLS_CERT} is not")
        if self._plain("kafka_tls_key_password") and self.kafka_tls_cert is None:
            raise ValueError(f"{TLS_KEY_PASSWORD} is set, but {TLS_CERT} is not")
        return self

    def _plain(self, name: str) -> str:
        value = getattr(self, name)
        if value is None:
            return ""
        return str(value.get_secret_value() if isinstance(value, SecretStr) else value)

    def kafka_values(self) -> dict[str, str]:
        """Return those of these settings that are set, the password in clear text.

        Paths are absolute, for a reader in another folder.
        """
        values = {name: getattr(self, name) for name in KafkaSettings.model_fields}
        plain = {
            name: str(value.absolute()) if isinstance(value, Path) else self._plain(name)
            for name, value in values.items()
            if value is not None
        }
        return {name: value for name, value in plain.items() if value}

    def kafka(self) -> KafkaConnection:
        """Return the cluster and how to authenticate. Raises `SetupError` if no address is set."""
        if not self.kafka_bootstrap_servers:
            raise MissingSettingError("SCSERV_KAFKA_BOOTSTRAP_SERVERS")
        return KafkaConnection(
            self.kafka_bootstrap_servers,
            self.kafka_security_protocol,
            self.kafka_sasl_mechanism,
            self.kafka_user,
            self.kafka_password.get_secret_value(),
            self.kafka_tls_ca,
            self.kafka_tls_cert,
            self.kafka_tls_key,
            self.kafka_tls_key_password.get_secret_value(),
        )


def values_of(connection: KafkaConnection) -> dict[str, Any]:
    """Return the settings for a connection without TLS: that of the embedded Kafka."""
    return {
        "kafka_bootstrap_servers": connection.bootstrap,
        "kafka_security_protocol": connection.security_protocol,
        "kafka_sasl_mechanism": connection.sasl_mechanism,
        "kafka_user": connection.user,
        "kafka_password": SecretStr(connection.password),
    }


def _variable(name: str) -> str:
    """Return the variable that somebody has set for this field, or could set."""
    variable = f"SCSERV_{name.upper()}"
    from_file = f"{variable}_FILE"
    return from_file if from_file in os.environ and variable not in os.environ else variable
