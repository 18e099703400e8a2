"""Results that wait make the gateway unready at once, and not live only if a restart may help."""

from dataclasses import dataclass

from inbound.gateway.result_watch import ResultWatch
from inbound.ops.health import Health


@dataclass
class Results:
    """Results as the watch sees them."""

    oldest: float = 0.0
    silent: float = 0.0

    def oldest_s(self) -> float:
        return self.oldest

    def silent_s(self) -> float:
        return self.silent


class Gateway:
    """A gateway whose oldest result waits while the time passes."""

    def __init__(self) -> None:
        self.now = 100.0
        self.results = Results()
        self.health = Health(lambda: self.now)
        self.watch = ResultWatch(self.results, self.health, clock=lambda: self.now)
        self.watch.report()

    def pass_time(self, seconds: int, *, kafka: bool = True, declines: bool = False) -> None:
        for _ in range(seconds):
            self.now += 1
            self.results.oldest += 1
            self.results.silent = 0.0 if declines else self.results.silent + 1
            self.health.set("kafka", ok=kafka)
            self.watch.report()


def test_it_is_unready_within_ten_seconds_and_not_live_within_a_minute() -> None:
    gateway = Gateway()
    gateway.pass_time(5)
    assert gateway.health.ready().ok
    gateway.pass_time(5)
    assert gateway.health.ready().reasons == [
        "results: a submit result has waited for Kafka for 10 s"
    ]
    assert gateway.health.live().ok
    gateway.pass_time(50)
    assert not gateway.health.live().ok


def test_it_is_ready_again_once_kafka_has_the_results() -> None:
    gateway = Gateway()
    gateway.pass_time(70)
    gateway.results = gateway.watch._results = Results()
    gateway.watch.report()
    assert gateway.health.live().ok
    assert gateway.health.ready().ok


def test_while_kafka_is_down_it_is_unready_and_live() -> None:
    gateway = Gateway()
    gateway.pass_time(600, kafka=False)
    assert gateway.health.live().ok
    assert not gateway.health.ready().ok
    gateway.pass_time(40)
    assert gateway.health.live().ok, "Kafka has just come back"
    gateway.pass_time(20)
    assert not gateway.health.live().ok


def test_while_kafka_declines_records_it_is_unready_and_live() -> None:
    gateway = Gateway()
    gateway.pass_time(600, declines=True)
    assert gateway.health.live().ok
    assert not gateway.health.ready().ok
