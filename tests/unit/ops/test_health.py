import json
import socket
import struct
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from inbound.errors import SetupError
from inbound.ops.health import Health, HealthServer
from tests.patience import PATIENCE_S


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock)


@pytest.fixture
def server(health: Health) -> Iterator[HealthServer]:
    with HealthServer(health) as server:
        yield server


def get(server: HealthServer, path: str) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_a_process_that_reported_nothing_is_alive_and_not_ready(server: HealthServer) -> None:
    assert get(server, "/health/live")[0] == 200
    status, body = get(server, "/health/ready")
    assert status == 503
    assert body["reasons"] == ["start: nothing reported yet"]


def test_ready_once_all_conditions_are_ok(server: HealthServer, health: Health) -> None:
    health.set("bind", ok=True)
    health.beat("loop", 5)
    assert get(server, "/health/ready") == (
        200,
        {
            "status": "ready",
            "reasons": [],
            "checks": {"bind": {"ok": True, "reason": ""}, "loop": {"ok": True, "reason": ""}},
        },
    )


def test_not_ready_names_what_is_wrong_and_nothing_else(
    server: HealthServer, health: Health
) -> None:
    health.set("database", ok=True)
    health.set("bind", ok=False, reason="the centre refused the password")
    status, body = get(server, "/health/ready")
    assert (status, body["status"]) == (503, "not ready")
    assert body["reasons"] == ["bind: the centre refused the password"]
    assert get(server, "/health/live")[0] == 200, "a restart would not help"


def test_one_reason_of_several_conditions_is_told_once(health: Health) -> None:
    for loop in ("orders", "broadcasts"):
        health.set(loop, ok=False, reason="no database")
    health.set("kafka", ok=False, reason="no broker")
    assert health.ready().reasons == ["orders, broadcasts: no database", "kafka: no broker"]


def test_the_last_report_of_a_condition_counts(server: HealthServer, health: Health) -> None:
    health.set("bind", ok=False, reason="connecting")
    health.set("bind", ok=True)
    assert get(server, "/health/ready")[0] == 200


def test_a_stale_heartbeat_is_neither_ready_nor_alive(
    server: HealthServer, health: Health, clock: Clock
) -> None:
    health.beat("lanes", within_s=10)
    clock.now += 10
    assert get(server, "/health/live")[0] == 200
    clock.now += 2.5
    for path in ("/health/live", "/health/ready"):
        status, body = get(server, path)
        assert status == 503
        assert body["reasons"] == ["lanes: no heartbeat for 12.5 s, expected every 10 s"]
    health.beat("lanes", within_s=10)
    assert get(server, "/health/live")[0] == 200


def test_work_that_ended_on_purpose_is_forgotten(health: Health, clock: Clock) -> None:
    health.set("import", ok=True)
    health.beat("import", within_s=1)
    clock.now += 5
    health.forget("import")
    assert health.live().ok
    assert health.ready().reasons == ["start: nothing reported yet"]


def test_other_paths_say_where_to_ask(server: HealthServer) -> None:
    status, body = get(server, "/metrics")
    assert status == 404
    assert "/health/ready" in body["detail"]


def test_it_answers_while_a_client_keeps_its_connection_silent(server: HealthServer) -> None:
    silent = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    silent.connect()
    try:
        assert get(server, "/health/live")[0] == 200
    finally:
        silent.close()


def test_a_client_that_resets_its_connection_leaves_no_traceback(
    server: HealthServer, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(20):
        rude = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
        rude.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n")
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()
    assert get(server, "/health/live")[0] == 200
    server.close()  # waits for the threads of the connections
    assert capfd.readouterr() == ("", "")


def test_a_taken_port_is_one_clear_line(server: HealthServer, health: Health) -> None:
    with pytest.raises(SetupError, match=rf"health port 127\.0\.0\.1:{server.port} .* in use"):
        HealthServer(health, port=server.port).start()


def test_close_frees_the_port_and_ends_its_thread(health: Health) -> None:
    before = set(threading.enumerate())
    server = HealthServer(health).start()
    port = server.port
    server.close()
    server.close()
    with HealthServer(health, port=port) as again:
        assert again.url == f"http://127.0.0.1:{port}"
    since = set(threading.enumerate()) - before
    assert not [thread for thread in since if thread.name == "health"]
