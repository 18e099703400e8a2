"""Messages that were fetched from the lanes and not claimed yet, by lane and centre."""

from collections import deque
from collections.abc import Iterator, Sequence

from aiokafka import TopicPartition

from schemas.lanes import Lane
from streams.outbox.jobs import Job


class Backlog:
    """First in, first out, for each lane and centre by itself."""

    def __init__(self, centres: Sequence[str]) -> None:
        self._lanes: list[dict[str, deque[Job]]] = [
            {centre: deque() for centre in centres} for _ in Lane
        ]

    def add(self, job: Job) -> None:
        """Put a job behind the others of its lane and centre."""
        self._lanes[job.lane][job.centre].append(job)

    def waiting(self, lane: int) -> int:
        """Return how many jobs of a lane there are, for all centres."""
        return sum(len(jobs) for jobs in self._lanes[lane].values())

    def first(self, lane: int, centre: str) -> Job | None:
        """Return the job that has waited longest, and leave it there."""
        jobs = self._lanes[lane][centre]
        return jobs[0] if jobs else None

    def take(self, lane: int, centre: str, most: int) -> Iterator[Job]:
        """Yield and take out up to `most` jobs in their order."""
        jobs = self._lanes[lane][centre]
        for _ in range(min(most, len(jobs))):
            yield jobs.popleft()

    def remove(self, partitions: set[TopicPartition]) -> list[Job]:
        """Take out and return the jobs of these partitions."""
        removed = []
        for lane in self._lanes:
            for centre, jobs in lane.items():
                removed += [job for job in jobs if job.partition in partitions]
                lane[centre] = deque(job for job in jobs if job.partition not in partitions)
        return removed
