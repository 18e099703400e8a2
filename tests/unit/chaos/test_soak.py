"""What a soak calls flat, and whom its faults spare."""

import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import pytest

from tests.chaos.fault_runner import FaultRunner
from tests.chaos.schedule import schedule
from tests.chaos.server_faults import ServerFaults
from tests.chaos.soak.plan import plan, spare_servers
from tests.chaos.soak.samples import ProcessSample, Sample, read_samples, sizes_of_topics
from tests.chaos.soak.verdict import HISTORY, figures

MINUTES = 120
WARM_UP_S = 600.0
OF_PROCESSES = {"worker, MB", "worker, files", "worker, connections"}


def _samples(
    *,
    memory: Callable[[int], float] = lambda _: 100.0,
    files: Callable[[int], int] = lambda _: 30,
    connections: Callable[[int], int] = lambda _: 20,
    events: Callable[[int], int] = lambda minute: 1_000_000 * minute,
    clients: Callable[[int], int] = lambda _: 1_000_000,
    topic: Callable[[int], int] = lambda minute: 2_000_000 * minute,
    lives: int = 1,
) -> list[Sample]:
    """Return one sample a minute. A process lives for a part of the time, its successor anew."""
    length = MINUTES // lives
    return [
        Sample(
            at_s=60.0 * minute,
            events=5_000 * minute,
            processes=[
                ProcessSample(
                    "worker",
                    minute // length,
                    60.0 * (minute % length),
                    memory(minute % length),
                    files(minute % length),
                    connections(minute % length),
                )
            ],
            tables={"events": events(minute), "clients": clients(minute)},
            topics={"sms.mo.v1": topic(minute)},
        )
        for minute in range(MINUTES)
    ]


def _with(verdict: str, samples: list[Sample]) -> set[str]:
    return {one.name for one in figures(samples, WARM_UP_S) if one.verdict == verdict}


def test_a_steady_service_is_flat() -> None:
    found = figures(_samples(memory=lambda minute: 100 + minute % 7), WARM_UP_S)
    assert {one.verdict for one in found} == {"flat"}
    assert {one.name for one in found} >= OF_PROCESSES


@pytest.mark.parametrize("lives", [1, 3])
def test_a_leak_is_found_although_processes_are_killed(lives: int) -> None:
    memory = _samples(memory=lambda minute: 100 + minute / 4, lives=lives)
    assert _with("grew", memory) == {"worker, MB"}
    files = _samples(files=lambda minute: 30 + minute // 4, lives=lives)
    assert _with("grew", files) == {"worker, files"}
    connections = _samples(connections=lambda minute: 20 + minute // 6, lives=lives)
    assert _with("grew", connections) == {"worker, connections"}


def test_the_start_of_a_process_is_no_leak() -> None:
    samples = _samples(memory=lambda minute: 20.0 * min(minute, 5), lives=3)
    assert _with("grew", samples) == set()


def test_what_fills_up_in_the_first_half_is_flat() -> None:
    samples = _samples(
        memory=lambda minute: 100.0 + min(minute, 55),
        clients=lambda minute: 100_000 * min(minute, 55),
    )
    assert _with("grew", samples) == set()


def test_growth_is_that_of_the_whole_time() -> None:
    found = figures(_samples(memory=lambda minute: 100 + minute / 10), WARM_UP_S)
    [memory] = [one for one in found if one.name == "worker, MB"]
    assert memory.growth == pytest.approx(11.9)


def test_what_never_lives_long_is_not_judged() -> None:
    samples = _samples(memory=lambda minute: 100 + minute / 4, lives=8)
    assert _with("not judged", samples) == OF_PROCESSES


def test_history_grows_with_events_and_no_faster() -> None:
    assert _with("grew", _samples(events=lambda minute: 20_000 * minute**2)) == {
        "table events, MB beyond its events"
    }
    assert _with("grew", _samples(topic=lambda minute: 20_000 * minute**2)) == {
        "topic sms.mo.v1, MB beyond its events"
    }


def test_a_table_without_history_does_not_grow_with_events() -> None:
    samples = _samples(clients=lambda minute: 20_000 * minute)
    assert _with("grew", samples) == {"table clients, MB"}


def test_history_without_events_is_not_judged() -> None:
    samples = [Sample(60.0 * minute, 7, [], {"events": 1}, {}) for minute in range(MINUTES)]
    assert _with("not judged", samples) == {"table events, MB beyond its events"}
    assert "events" in HISTORY


def test_too_few_samples_have_no_figures() -> None:
    assert figures(_samples()[:12], WARM_UP_S) == []


def test_a_topic_is_as_large_as_its_partitions(tmp_path: Path) -> None:
    for partition in ("sms.mo.v1-0", "sms.mo.v1-1", "other-topic-0"):
        folder = tmp_path / partition
        folder.mkdir()
        (folder / "0.log").write_bytes(b"x" * 5_000)
    sizes = sizes_of_topics(tmp_path)
    assert sizes["sms.mo.v1"] == 2 * sizes["other-topic"] > 0


def test_samples_are_read_as_they_were_written(tmp_path: Path) -> None:
    samples = _samples()
    path = tmp_path / "samples"
    path.write_text("".join(json.dumps(asdict(one)) + "\n" for one in samples))
    assert read_samples(path) == samples


def test_faults_spare_the_eldest_of_a_role_and_no_kind_is_left_out() -> None:
    planned = list(islice(plan(1), 2_000))
    ended = {one.target for one in planned if one.kind in {"kill -9", "SIGTERM"}}
    assert ended == {
        f"{role} 1" for role in ("gateway", "worker", "relay", "projector", "scheduler")
    }
    assert {one.kind for one in planned} == ServerFaults.ACTIONS.keys() > FaultRunner.ACTIONS.keys()
    assert {one.pause_s for one in planned} == {60.0}


def test_servers_that_live_on_are_suspended() -> None:
    kinds = {spare_servers(one).kind for one in islice(schedule(1), 2_000)}
    assert ServerFaults.ACTIONS.keys() - kinds == {"kill -9 server"}
