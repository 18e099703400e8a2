"""Checks whether Kafka is available, without the retries and logs of a client.

A process that has nothing to send or read would not notice that Kafka is down. `watch`
reports it in the process's health.
"""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from typing import Final

from inbound.errors import SetupError
from inbound.kafka.connection import (
    SECURITY_PROTOCOL,
    TLS_CA,
    TLS_CERT,
    KafkaConnection,
)
from inbound.kafka.handshake import KafkaRefusalError, ask_versions, authenticate
from inbound.ops import certificates
from inbound.ops.health import Health
from inbound.tls_faults import OF_TIMES, TlsFault, tls_detail, tls_fault

log = logging.getLogger(__name__)

CHECK: Final = "kafka"
EVERY_S: Final = 3.0
ANSWER_S: Final = 2.0
KEEP_S: Final = 60.0
CERTIFICATES_EVERY_S: Final = 3600.0
_HIGHEST_PORT: Final = 65535


def problem(kafka: KafkaConnection, timeout_s: float = ANSWER_S) -> str | None:
    """Return None if one of the addresses answers, else why the last one did not.

    Authenticates, because a hanging broker still accepts connections. Blocks up to
    `timeout_s` per step and address. Raises `KafkaRefusalError` if the last address can't be
    used with these settings, and `SetupError` for a malformed address or an unusable certificate.
    """
    with closing(Probe(kafka)) as probe:
        return probe.problem(timeout_s)


class Probe:
    """Asks repeatedly, over one connection while it works, but for a minute at most.

    Authenticating costs a broker twenty times as much as answering. It has to be done now and then,
    because the password may have changed meanwhile.
    """

    def __init__(self, kafka: KafkaConnection, clock: Callable[[], float] = time.monotonic) -> None:
        self._kafka = kafka
        self._clock = clock
        self._connection: socket.socket | None = None
        self._until = 0.0

    def problem(self, timeout_s: float = ANSWER_S) -> str | None:
        """Return what is wrong, as the function does."""
        if self._still_answers():
            return None
        self.close()
        context = self._kafka.tls_context() if self._kafka.uses_tls else None
        found: str | KafkaRefusalError = "no address given"
        for address in self._kafka.servers:
            try:
                where = _host_and_port(address)
            except ValueError:
                raise SetupError(
                    f"Kafka's address {address!r} is malformed; use HOST:PORT"
                ) from None
            try:
                self._connection = _connect(where, context, self._kafka, timeout_s)
            except KafkaRefusalError as error:
                found = KafkaRefusalError(f"Kafka at {address}: {error}")
            except TimeoutError:
                found = f"no answer within {timeout_s:g} s"
            except ssl.SSLError as error:
                why = _explain(error, where[0], self._kafka)
                found = KafkaRefusalError(f"Kafka at {address}: {why}")
            except OSError as error:
                found = error.strerror or str(error)
            else:
                self._until = self._clock() + KEEP_S
                return None
        if isinstance(found, KafkaRefusalError):
            raise found
        return found

    def close(self) -> None:
        """Close the connection. Safe to repeat."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _still_answers(self) -> bool:
        if self._connection is None or self._clock() >= self._until:
            return False
        try:
            ask_versions(self._connection)
        except (OSError, SetupError):
            return False
        return True


def _host_and_port(address: str) -> tuple[str, int]:
    """Return the parts of an address. Raises ValueError if it can't be one."""
    host, _, text = address.rpartition(":")
    host, port = host.strip("[]"), int(text)
    # A name that can't be encoded would be a UnicodeError wherever it is looked up.
    if not host or not host.encode("idna") or not 0 < port <= _HIGHEST_PORT:
        raise ValueError(address)
    return host, port


def _connect(
    where: tuple[str, int], context: ssl.SSLContext | None, kafka: KafkaConnection, timeout_s: float
) -> socket.socket:
    with ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(where, timeout=timeout_s))
        if context is not None:
            encrypted = context.wrap_socket(connection, server_hostname=where[0])
            connection = stack.enter_context(encrypted)
        authenticate(connection, kafka)
        stack.pop_all()
        return connection


def _explain(error: ssl.SSLError, host: str, kafka: KafkaConnection) -> str:
    """Return what is wrong and which setting to correct."""
    match tls_fault(error):
        case TlsFault.OTHER_HOST:
            return (
                f"its certificate is not for {host}: correct SCSERV_KAFKA_BOOTSTRAP_SERVERS, or"
                " have the certificate name this host"
            )
        case TlsFault.UNTRUSTED:
            trusted = f"in {kafka.tls_ca}" if kafka.tls_ca else "of this system"
            return (
                f"its certificate is not trusted ({tls_detail(error)}): the CA certificates"
                f" {trusted} don't fit; correct {TLS_CA}"
            )
        case TlsFault.EXPIRED | TlsFault.NOT_YET_VALID as fault:
            return f"{fault}: {OF_TIMES[fault]}"
        case TlsFault.OUR_CERTIFICATE | TlsFault.UNAGREED as fault:
            return (
                f"{fault} ({tls_detail(error)}): correct {TLS_CERT}, which is"
                f" {kafka.tls_cert or 'not set'}"
            )
        case TlsFault.OLD as fault:
            return f"{fault} ({tls_detail(error)}): have it offer that"
    return f"no TLS there ({tls_detail(error) or error}): correct {SECURITY_PROTOCOL} or the port"


def look_at_certificates(kafka: KafkaConnection) -> None:
    """Export when the certificates of all addresses that answer expire. Blocks."""
    for address in kafka.servers:
        host, _, port = address.rpartition(":")
        with suppress(OSError, ValueError, SetupError):
            certificates.ask_server(
                f"Kafka at {address}", (host.strip("[]"), int(port)), kafka.tls_context()
            )


def watch(kafka: KafkaConnection, health: Health, every_s: float = EVERY_S) -> None:
    """Update the health condition `kafka` every `every_s` seconds, in a daemon thread.

    Logs when Kafka becomes unavailable and when it can be reached again.
    """
    certificates.note_own("ours for Kafka", kafka.tls_cert)

    def look_forever() -> None:
        pause, was_away, probe = threading.Event(), False, Probe(kafka)
        certificates_at = -CERTIFICATES_EVERY_S
        while True:
            if kafka.uses_tls and time.monotonic() >= certificates_at + CERTIFICATES_EVERY_S:
                certificates_at = time.monotonic()
                look_at_certificates(kafka)
            try:
                found = probe.problem()
                reason = f"no Kafka at {kafka}: {found}"
            except SetupError as error:
                found = reason = str(error)
            health.set(CHECK, ok=found is None, reason=reason)
            is_away = found is not None
            if is_away and not was_away:
                log.warning("%s", reason)
            elif was_away and not is_away:
                log.info("Kafka at %s can be reached again", kafka)
            was_away = is_away
            pause.wait(every_s)

    threading.Thread(target=look_forever, name="watch kafka", daemon=True).start()
