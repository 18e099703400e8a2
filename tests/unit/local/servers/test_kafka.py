"""What a broker is started with."""

from inbound.local.servers.kafka import new_cluster_id


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    drawn = iter([b"\xf8" + bytes(15), bytes(16)])
    assert new_cluster_id(lambda _: next(drawn)) == "A" * 22
