import socket
from dataclasses import replace

import pytest
from kafka.admin import ConfigResource, KafkaAdminClient

from inbound.errors import SetupError
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.topic_differences import TopicDifference
from schemas.topics import TopicNames


def test_missing_topics_are_created_once(kafka_bootstrap: str, topic_names: TopicNames) -> None:
    specs = topic_names.specs()
    names = {spec.name for spec in specs}
    assert {diff.topic for diff in admin.check(KafkaConnection(kafka_bootstrap), specs)} == names
    assert set(admin.apply(KafkaConnection(kafka_bootstrap), specs, 1).created) == names
    assert admin.check(KafkaConnection(kafka_bootstrap), specs) == []
    again = admin.apply(KafkaConnection(kafka_bootstrap), specs, 1)
    assert (again.created, again.altered, set(again.unchanged)) == ((), (), names)


def test_every_partition_has_a_leader_when_apply_returns(
    kafka_bootstrap: str, topics: TopicNames
) -> None:
    client = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    described = client.describe_topics([spec.name for spec in topics.specs()])
    client.close()
    leaders = [part["leader_id"] for topic in described for part in topic["partitions"]]
    assert leaders == [1] * sum(spec.partitions for spec in topics.specs())


def test_differing_setting_is_found_and_corrected(kafka_bootstrap: str, topics: TopicNames) -> None:
    client = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    client.alter_configs([ConfigResource("topic", topics.mo, {"retention.ms": "1000"})])
    client.close()
    drift = TopicDifference(topics.mo, "retention.ms", "1000", str(3 * 24 * 3600 * 1000))
    while not (found := admin.check(KafkaConnection(kafka_bootstrap), topics.specs())):
        """Kafka shows a change a moment after it accepted it; the test's own limit ends this."""
    assert found == [drift]
    assert admin.apply(KafkaConnection(kafka_bootstrap), topics.specs(), 1).altered == (drift,)
    assert admin.check(KafkaConnection(kafka_bootstrap), topics.specs()) == []


def test_another_number_of_partitions_is_refused_before_anything_is_done(
    kafka_bootstrap: str, topic_names: TopicNames
) -> None:
    specs = topic_names.specs()
    admin.apply(KafkaConnection(kafka_bootstrap), [replace(specs[0], partitions=3)], 1)
    with pytest.raises(SetupError, match=f"{topic_names.mo}: partitions is 3, wanted 8"):
        admin.apply(KafkaConnection(kafka_bootstrap), specs, 1)
    missing = [
        diff.topic
        for diff in admin.check(KafkaConnection(kafka_bootstrap), specs)
        if diff.found is None
    ]
    assert len(missing) == len(specs) - 1


def test_fewer_replicas_than_wanted_are_told_and_nothing_is_changed(
    kafka_bootstrap: str, topics: TopicNames
) -> None:
    broker = KafkaConnection(kafka_bootstrap)
    before = settings_of(kafka_bootstrap, topics.mo)
    with pytest.raises(SetupError, match=rf"{topics.mo}: replicas is 1, wanted 3; .*reassign"):
        admin.apply(broker, topics.specs(), 3)
    assert settings_of(kafka_bootstrap, topics.mo) == before
    assert admin.check(broker, topics.specs()) == []


def test_what_protects_messages_is_never_lowered(kafka_bootstrap: str, topics: TopicNames) -> None:
    client = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    client.alter_configs([ConfigResource("topic", topics.mo, {"min.insync.replicas": "2"})])
    client.close()
    while settings_of(kafka_bootstrap, topics.mo)["min.insync.replicas"] != "2":
        """Kafka shows a change a moment after it accepted it; the test's own limit ends this."""
    with pytest.raises(
        SetupError, match=r"min\.insync\.replicas is 2, wanted 1; .*SCSERV_KAFKA_REPLICATION_FACTOR"
    ):
        admin.apply(KafkaConnection(kafka_bootstrap), topics.specs(), 1)
    assert settings_of(kafka_bootstrap, topics.mo)["min.insync.replicas"] == "2"


def settings_of(bootstrap: str, topic: str) -> dict[str, str]:
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    found = client.describe_configs([ConfigResource("topic", topic)], config_filter="all")
    client.close()
    return {name: str(entry["value"]) for name, entry in found["topic"][topic].items()}


def test_a_setting_kafka_does_not_know_is_told_in_its_words(
    kafka_bootstrap: str, topic_names: TopicNames
) -> None:
    spec = replace(topic_names.specs()[0], config={"retention.years": "7"})
    with pytest.raises(SetupError, match=r"does not create topic .*retention\.years"):
        admin.apply(KafkaConnection(kafka_bootstrap), [spec], 1)


def test_more_replicas_than_brokers_are_refused(
    kafka_bootstrap: str, topic_names: TopicNames
) -> None:
    # The second if Kafka's own topic of offsets is there already.
    refusal = r"does not create topic .*eplication|__consumer_offsets: replicas is 1, wanted 3"
    with pytest.raises(SetupError, match=refusal):
        admin.apply(KafkaConnection(kafka_bootstrap), topic_names.specs(), 3)


def test_no_kafka_is_one_line_with_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(SetupError, match=f"no Kafka at {address}: Connection refused"):
        admin.wait_for_broker(KafkaConnection(address), timeout_s=0.1)
    with pytest.raises(SetupError, match="'localhost' is malformed; use HOST:PORT"):
        admin.wait_for_broker(KafkaConnection("localhost"))
