"""The settings for Kafka: credentials, contradictions, and those of a running `scserv up`."""

import re
from pathlib import Path

import pytest

from inbound.errors import SetupError
from inbound.kafka.connection import KafkaConnection
from inbound.settings import Settings, load_settings

# -- Kafka ---------------------------------------------------------------------------------------

SASL = {
    "SECURITY_PROTOCOL": "SASL_SSL",
    "USER": "scserv",
    "PASSWORD": "correct-horse",
}


def load_kafka(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(f"SCSERV_KAFKA_{name}", value)
    return load_settings()


def test_kafka_credentials_reach_the_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("correct-horse\n")
    values = SASL | {"BOOTSTRAP_SERVERS": "k:9093", "TLS_CA": "ca.pem"}
    values["PASSWORD_FILE"] = str(tmp_path / "password")
    del values["PASSWORD"]
    settings = load_kafka(monkeypatch, values)
    wanted = KafkaConnection(
        *("k:9093", "SASL_SSL", "SCRAM-SHA-256", "scserv", "correct-horse", Path("ca.pem"))
    )
    assert settings.kafka() == wanted
    assert "correct-horse" not in repr(settings)
    assert load_settings(None, settings.kafka_values()).kafka() == wanted


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (
            {"USER": "scserv"},
            "SCSERV_KAFKA_USER is set, but SCSERV_KAFKA_SECURITY_PROTOCOL is PLAINTEXT: set that",
        ),
        (
            {"SECURITY_PROTOCOL": "SSL", "PASSWORD": "correct-horse"},
            "SCSERV_KAFKA_PASSWORD is set, but SCSERV_KAFKA_SECURITY_PROTOCOL is SSL",
        ),
        (
            SASL | {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "TLS_CA": "ca.pem"},
            "SCSERV_KAFKA_TLS_CA is set, but SCSERV_KAFKA_SECURITY_PROTOCOL is SASL_PLAINTEXT",
        ),
        (
            SASL | {"PASSWORD": ""},
            "SCSERV_KAFKA_SECURITY_PROTOCOL is SASL_SSL, but SCSERV_KAFKA_PASSWORD is not set",
        ),
        (
            {"SECURITY_PROTOCOL": "SSL", "TLS_KEY": "key.pem"},
            "SCSERV_KAFKA_TLS_KEY is set, but SCSERV_KAFKA_TLS_CERT is not",
        ),
        (
            SASL | {"SASL_MECHANISM": "GSSAPI"},
            "SCSERV_KAFKA_SASL_MECHANISM: 'GSSAPI' is not one of ",
        ),
        (
            SASL | {"USER": "a,b"},
            "SCSERV_KAFKA_USER: 'a,b' does not fit; expected user name at Kafka, without comma",
        ),
    ],
)
def test_kafka_settings_that_contradict_each_other_are_named(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SetupError, match=re.escape(complaint)) as refused:
        load_kafka(monkeypatch, values)
    assert "\n" not in str(refused.value)
    assert "correct-horse" not in str(refused.value)


def test_a_complaint_names_the_variable_that_somebody_has_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("correct-horse", "utf-8")
    monkeypatch.setenv("SCSERV_KAFKA_PASSWORD_FILE", str(file))
    with pytest.raises(SetupError, match="SCSERV_KAFKA_PASSWORD_FILE is set, but"):
        load_kafka(monkeypatch, {"SECURITY_PROTOCOL": "SSL"})


def test_credentials_of_a_running_up_are_not_sent_to_another_kafka(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    up = {
        "kafka_bootstrap_servers": "127.0.0.1:9092",
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "kafka_user": "scserv",
        "kafka_password": "correct-horse",
    }
    assert load_settings(None, up).kafka().password == "correct-horse"
    monkeypatch.setenv("SCSERV_KAFKA_BOOTSTRAP_SERVERS", "other:9092")
    assert load_settings(None, up).kafka() == KafkaConnection("other:9092")
