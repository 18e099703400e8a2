"""The whole service with a Kafka that wants TLS and credentials, and what it says without them.

Every client takes part: the admin client and the reader of topics (kafka-python), the relay's
producer (librdkafka), the gateway's producers and consumer (aiokafka), and the worker (Faust).
Clients show a certificate; its key is encrypted on the listener that has no passwords.
"""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka.errors import KafkaError as AioKafkaError
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from inbound.errors import SetupError
from inbound.gateway.process import new_producer
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection, SecurityProtocol
from inbound.kafka.producer import Producer
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.kafka_listeners import ClientListener
from tests.certificates import Authority
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_servers import SharedPostgres
from tests.fix_service import Service, open_service

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

PASSWORD = "correct-horse-battery"
KEY_PASSWORD = "staple"
WAIT_MS = 2_000
"""How long a client may try in vain."""


@dataclass(frozen=True, slots=True)
class Secured:
    kafka: KafkaConnection
    stranger: Authority
    folder: Path


def listener(authority: Authority, cert: Path, **security: Any) -> ClientListener:
    properties = {
        "listener.name.client.ssl.keystore.type": "PEM",
        "listener.name.client.ssl.keystore.location": str(authority.issue("broker")),
        "listener.name.client.ssl.truststore.type": "PEM",
        "listener.name.client.ssl.truststore.location": str(authority.certificate),
        "listener.name.client.ssl.client.auth": "required",
    }
    if "sasl_mechanism" in security:
        mechanism = security["sasl_mechanism"]
        module = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        properties["listener.name.client.sasl.enabled.mechanisms"] = mechanism
        properties[f"listener.name.client.{mechanism.lower()}.sasl.jaas.config"] = module
    connection = KafkaConnection("", tls_ca=authority.certificate, tls_cert=cert, **security)
    return ClientListener(connection, properties)


@contextmanager
def start(folder: Path, **security: Any) -> Iterator[Secured]:
    authority = Authority(folder, "authority")
    cert = authority.issue("service", password=security.get("tls_key_password", ""))
    wanted = listener(authority, cert, **security)
    with KafkaServer(folder / "kafka", heap_mb=256, listener=wanted) as server:
        yield Secured(server.connection, Authority(folder, "stranger"), folder)


@pytest.fixture(scope="module")
def with_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with start(
        tmp_path_factory.mktemp("scram"),
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        user="gateway",
        password=PASSWORD,
    ) as secured:
        yield secured


@pytest.fixture(scope="module")
def with_certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("mtls")
    with start(folder, security_protocol="SSL", tls_key_password=KEY_PASSWORD) as secured:
        yield secured


@pytest.fixture(scope="module", params=["with_password", "with_certificate"])
def secured(request: pytest.FixtureRequest) -> Secured:
    found: Secured = request.getfixturevalue(request.param)
    return found


def settings_of(secured: Secured) -> dict[str, str]:
    kafka, password = secured.kafka, secured.folder / "password"
    password.write_text(kafka.password)
    values = {
        "SECURITY_PROTOCOL": kafka.security_protocol,
        "TLS_CA": str(kafka.tls_ca),
        "TLS_CERT": str(kafka.tls_cert),
    }
    if kafka.uses_sasl:
        values["SASL_MECHANISM"] = kafka.sasl_mechanism
        values["USER"] = kafka.user
        values["PASSWORD_FILE"] = str(password)
    else:
        values["TLS_KEY_PASSWORD"] = kafka.tls_key_password
    return {f"SCSERV_KAFKA_{name}": value for name, value in values.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: SharedPostgres, secured: Secured
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("secured")
    environment = settings_of(secured)
    async with open_service(folder, postgres_server.url, secured.kafka, environment) as service:
        yield service


async def test_a_client_is_answered(service: Service) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT info")
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, client.registration]
    await service.completed(client.number)
    for arguments in (["log", "verify", "--kafka"], ["topics", "apply"]):
        ran = await service.command(*arguments)
        assert ran.status == 0, ran
    for role in ("gateway", "worker", "relay"):
        assert PASSWORD not in service.log_of(role)
        assert KEY_PASSWORD not in service.log_of(role)


async def refusal(kafka: KafkaConnection) -> str:
    """Return the error of a start, which is one line."""
    with pytest.raises(SetupError) as refused:
        await asyncio.to_thread(admin.wait_for_broker, kafka)
    assert "\n" not in str(refused.value)
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


async def test_a_wrong_password_names_its_setting(with_password: Secured) -> None:
    kafka = with_password.kafka
    said = await refusal(replace(kafka, password="wrong"))
    assert said.startswith(f"Kafka at {kafka.bootstrap}: it refuses user gateway with this")
    assert "SCSERV_KAFKA_PASSWORD" in said
    assert "SCSERV_KAFKA_SASL_MECHANISM" in await refusal(
        replace(kafka, sasl_mechanism="SCRAM-SHA-256")
    )


async def test_a_wrong_protocol_names_its_setting(secured: Secured) -> None:
    protocols: tuple[SecurityProtocol, ...] = ("PLAINTEXT", "SASL_PLAINTEXT")
    for protocol in protocols:
        kafka = replace(secured.kafka, security_protocol=protocol, user="gateway", password="x")
        assert "it wants TLS: set SCSERV_KAFKA_SECURITY_PROTOCOL" in await refusal(kafka)
    other: SecurityProtocol = "SSL" if secured.kafka.uses_sasl else "SASL_SSL"
    kafka = replace(secured.kafka, security_protocol=other, user="gateway", password="x")
    assert "set SCSERV_KAFKA_SECURITY_PROTOCOL to" in await refusal(kafka)


async def test_an_unknown_authority_names_its_setting(secured: Secured) -> None:
    kafka = replace(secured.kafka, tls_ca=secured.stranger.certificate)
    said = await refusal(kafka)
    assert "its certificate is not trusted" in said
    assert "correct SCSERV_KAFKA_TLS_CA" in said


async def test_another_host_name_is_refused(secured: Secured) -> None:
    there = secured.kafka.bootstrap.replace("127.0.0.1", "localhost")
    said = await refusal(replace(secured.kafka, bootstrap=there))
    assert "its certificate is not for localhost" in said
    assert "SCSERV_KAFKA_BOOTSTRAP_SERVERS" in said


async def test_a_missing_client_certificate_names_its_setting(with_certificate: Secured) -> None:
    said = await refusal(replace(with_certificate.kafka, tls_cert=None))
    assert "it refuses our client certificate" in said
    assert "correct SCSERV_KAFKA_TLS_CERT, which is not set" in said
    other = with_certificate.stranger.issue("other")
    assert f"SCSERV_KAFKA_TLS_CERT, which is {other}" in await refusal(
        replace(with_certificate.kafka, tls_cert=other)
    )


def with_kafka_python(kafka: KafkaConnection) -> None:
    with KafkaAdminClient(**kafka.client_arguments(), bootstrap_timeout_ms=WAIT_MS) as client:
        client.list_topics()


async def with_aiokafka(kafka: KafkaConnection) -> None:
    producer = new_producer(kafka)
    try:
        await asyncio.wait_for(producer.start(), WAIT_MS / 1000)
    finally:
        await producer.stop()


def with_librdkafka(kafka: KafkaConnection) -> None:
    Producer(kafka).close()


CLIENTS: dict[str, Callable[[KafkaConnection], Coroutine[Any, Any, None] | None]] = {
    "kafka-python": with_kafka_python,
    "aiokafka": with_aiokafka,
    "librdkafka": with_librdkafka,
}


@pytest.mark.parametrize("client", CLIENTS)
async def test_no_client_trusts_another_broker(
    secured: Secured, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same client gets through with the right settings, so each refusal is of one of them."""
    monkeypatch.setattr("inbound.kafka.producer.CONNECT_S", WAIT_MS / 1000)
    kafka = secured.kafka

    async def connect(kafka: KafkaConnection) -> None:
        done = await asyncio.to_thread(CLIENTS[client], kafka)
        if done is not None:
            await done

    await connect(kafka)
    stranger = replace(kafka, tls_ca=secured.stranger.certificate)
    elsewhere = replace(kafka, bootstrap=kafka.bootstrap.replace("127.0.0.1", "localhost"))
    for wrong in (stranger, elsewhere, replace(kafka, tls_cert=None, tls_key_password="")):
        with pytest.raises((KafkaError, AioKafkaError, TimeoutError)):
            await connect(wrong)
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # aiokafka leaves the socket of a failed handshake open


async def test_an_encrypted_key_needs_its_password(with_certificate: Secured) -> None:
    kafka = with_certificate.kafka
    said = await refusal(replace(kafka, tls_key_password="guess"))
    assert "private key that SCSERV_KAFKA_TLS_KEY_PASSWORD opens" in said
    assert "guess" not in said
    said = await refusal(replace(kafka, tls_key_password=""))
    assert "unencrypted private key" in said


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        ({"tls_ca": "missing"}, "SCSERV_KAFKA_TLS_CA: can't read"),
        ({"tls_ca": "password"}, "SCSERV_KAFKA_TLS_CA: "),
        ({"tls_cert": "password"}, "SCSERV_KAFKA_TLS_CERT: "),
        ({"tls_cert": "service.pem", "tls_key": "missing"}, "SCSERV_KAFKA_TLS_KEY: can't read"),
    ],
)
async def test_an_unusable_file_is_named(
    with_certificate: Secured, wrong: dict[str, str], setting: str
) -> None:
    folder = with_certificate.folder
    (folder / "password").write_text("not a certificate")
    files = {name: folder / file for name, file in wrong.items()}
    said = await refusal(replace(with_certificate.kafka, **files))  # type: ignore[arg-type]
    assert said.startswith(setting)
