"""How the service reaches Kafka: addresses, TLS and credentials.

The only place that turns them into arguments of a client library. No repr and no error of this
module contains a password.
"""

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from inbound.errors import SetupError

SecurityProtocol = Literal["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

SECURITY_PROTOCOL: Final = "SCSERV_KAFKA_SECURITY_PROTOCOL"
SASL_MECHANISM: Final = "SCSERV_KAFKA_SASL_MECHANISM"
PASSWORD: Final = "SCSERV_KAFKA_PASSWORD"  # noqa: S105 - the name of a setting
TLS_CA: Final = "SCSERV_KAFKA_TLS_CA"
TLS_CERT: Final = "SCSERV_KAFKA_TLS_CERT"
TLS_KEY: Final = "SCSERV_KAFKA_TLS_KEY"
TLS_KEY_PASSWORD: Final = "SCSERV_KAFKA_TLS_KEY_PASSWORD"  # noqa: S105 - the name of a setting

# They warn at each connection without TLS, on loopback too; docs/OPERATORS.md says when to use it.
logging.getLogger("kafka.net.sasl").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """One Kafka cluster and how clients authenticate to it.

    `security_protocol` and `sasl_mechanism` have Kafka's own names. Without `tls_ca` the system's
    CA certificates are trusted; the host name is always verified.
    """

    bootstrap: str
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-256"
    user: str = ""
    password: str = field(default="", repr=False)
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_key_password: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Return the addresses, for messages."""
        return self.bootstrap

    @property
    def servers(self) -> list[str]:
        """The addresses, each as HOST:PORT."""
        return [server.strip() for server in self.bootstrap.split(",")]

    @property
    def uses_sasl(self) -> bool:
        """Whether clients authenticate with user and password."""
        return self.security_protocol in {"SASL_PLAINTEXT", "SASL_SSL"}

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol in {"SSL", "SASL_SSL"}

    def client_arguments(self) -> dict[str, Any]:
        """Return the arguments that kafka-python and aiokafka share.

        Reads the certificates. Raises `SetupError`, which names the setting of an unusable file.
        """
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "security_protocol": self.security_protocol,
        }
        if self.uses_tls:
            arguments["ssl_context"] = self.tls_context()
        if self.uses_sasl:
            arguments |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return arguments

    def librdkafka_arguments(self) -> dict[str, Any]:
        """Return the configuration of a librdkafka client.

        Reads the certificates. Raises `SetupError`, which names the setting of an unusable file.
        """
        arguments: dict[str, Any] = {
            "bootstrap.servers": ",".join(self.servers),
            "security.protocol": self.security_protocol,
        }
        if self.uses_tls:
            self.tls_context()  # librdkafka would not name the setting
            arguments["ssl.ca.location"] = str(self.tls_ca or _system_authorities())
            arguments["ssl.endpoint.identification.algorithm"] = "https"
            if self.tls_cert is not None:
                arguments["ssl.certificate.location"] = str(self.tls_cert)
                arguments["ssl.key.location"] = str(self.tls_key or self.tls_cert)
                if self.tls_key_password:
                    arguments["ssl.key.password"] = self.tls_key_password
        if self.uses_sasl:
            arguments |= {
                "sasl.mechanisms": self.sasl_mechanism,
                "sasl.username": self.user,
                "sasl.password": self.password,
            }
        return arguments

    def tls_context(self) -> ssl.SSLContext:
        """Return a context that verifies certificate and host name.

        Reads the certificates. Raises `SetupError`, which names the setting of an unusable file.
        """
        context = ssl.create_default_context()
        if self.tls_ca is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            try:
                context.load_verify_locations(self.tls_ca)
            except OSError as error:
                raise _unusable(TLS_CA, self.tls_ca, error, "CA certificates") from error
        if self.tls_cert is not None:
            self._load_certificate(context, self.tls_cert)
        return context

    def _load_certificate(self, context: ssl.SSLContext, cert: Path) -> None:
        for setting, file in ((TLS_CERT, cert), (TLS_KEY, self.tls_key)):
            try:
                if file is not None:
                    file.open("rb").close()
            except OSError as error:
                raise _unusable(setting, file, error, "") from error
        try:
            # Without a function for its password OpenSSL would ask for it on the terminal.
            context.load_cert_chain(cert, self.tls_key, password=lambda: self.tls_key_password)
        except OSError as error:
            setting = TLS_CERT if self.tls_key is None else f"{TLS_CERT} and {TLS_KEY}"
            key = (
                f"private key that {TLS_KEY_PASSWORD} opens"
                if self.tls_key_password
                else "unencrypted private key"
            )
            raise _unusable(setting, cert, error, f"certificate and its {key}") from error


def _system_authorities() -> str:
    """Return the CA certificates that Python trusts; librdkafka would look for others."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or "probe"


def _unusable(setting: str, file: Path | None, error: OSError, wanted: str) -> SetupError:
    if isinstance(error, ssl.SSLError):
        return SetupError(f"{setting}: {file} does not hold a usable {wanted} in PEM form")
    return SetupError(f"{setting}: can't read {file}: {error.strerror}")
