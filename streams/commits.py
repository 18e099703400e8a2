"""Which offsets Faust commits.

Guards Faust's consumer without importing Faust: its `TP` is a tuple of topic and partition.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from streams.progress import Partition


class Commits:
    """Lets Faust commit what the agents have processed, and nothing else.

    Faust commits what was acked, and acks more than the agents do: what it skips because of a
    rebalance, and what is left in the buffer of an agent that has failed. Its compiled stream does
    that without calling the consumer, so only the offset that is committed can be guarded.

    It also regards an offset as committed that Kafka refused because of a rebalance. Nobody would
    commit it until the next record of the partition, and until then its last records would be
    called pending although they were processed. So offsets that were not committed are tried again.

    And after a rebalance it reads again what it had fetched and dropped, but only where something
    was committed before: the first record of a partition would wait for the next process.
    """

    def __init__(self) -> None:
        """Nothing is processed yet; see `guard`."""
        self._next: dict[Partition, int] = {}
        self._unchanged: dict[Partition, int | None] = {}

    def guard(self, consumer: Any) -> None:  # noqa: ANN401 — Faust has no types
        """Decide from now on what the consumer commits."""
        find_acked = consumer._new_offset  # noqa: SLF001 — Faust has no call for it

        def new_offset(place: Partition) -> int | None:
            find_acked(place)  # forgets the acks that it has counted
            return self._next.get(place)

        consumer._new_offset = new_offset  # noqa: SLF001
        self._guard_request(consumer._thread)  # noqa: SLF001
        self._guard_outcomes(consumer)
        self._guard_seeking(consumer)

    def _guard_request(self, thread: Any) -> None:  # noqa: ANN401
        """Commit nothing once a rebalance has taken all partitions: aiokafka raises for nothing."""
        request = thread._commit  # noqa: SLF001

        async def committing_held(offsets: Mapping[Partition, int]) -> bool:
            # In the consumer's own thread, so no rebalance comes in between.
            return bool(offsets.keys() & thread.assignment()) and bool(await request(offsets))

        thread._commit = committing_held  # noqa: SLF001

    def _guard_outcomes(self, consumer: Any) -> None:  # noqa: ANN401
        commit, commit_offsets = consumer._commit, consumer._commit_offsets  # noqa: SLF001

        async def committing(offsets: Mapping[Partition, int]) -> bool:
            held = offsets.keys() & consumer.assignment()  # it leaves the others out
            is_done: bool = await commit(offsets)
            for place in offsets.keys() - held if is_done else offsets:
                # As it is now: a rebalance may have read it from Kafka meanwhile.
                self._unchanged[place] = consumer._committed_offset[place]  # noqa: SLF001
            return is_done

        async def committing_offsets(offsets: Mapping[Partition, int], **options: bool) -> bool:
            is_done: bool = await commit_offsets(offsets, **options)
            # Since `committing` returned, only the lines that regard it as committed have run.
            consumer._committed_offset.update(self._unchanged)  # noqa: SLF001
            self._unchanged.clear()
            return is_done

        consumer._commit = committing  # noqa: SLF001
        consumer._commit_offsets = committing_offsets  # noqa: SLF001

    def _guard_seeking(self, consumer: Any) -> None:  # noqa: ANN401
        seek_to_committed = consumer.seek_to_committed

        async def seeking() -> Mapping[Partition, int | None]:
            committed: Mapping[Partition, int | None] = await seek_to_committed()
            thread = consumer._thread  # noqa: SLF001
            rest = [place for place, offset in committed.items() if not offset]
            await thread.call_thread(self._seek_rest, thread._ensure_consumer(), rest)  # noqa: SLF001
            return committed

        consumer.seek_to_committed = seeking

    async def _seek_rest(self, kafka: Any, places: Sequence[Partition]) -> None:  # noqa: ANN401
        """Go back where nothing was committed; those that were revoked meanwhile are left out."""
        begins = await kafka.beginning_offsets(places) if places else {}
        for place, begin in begins.items():
            if place in kafka.assignment():
                kafka.seek(place, self._next.get(place, begin))

    def note(self, processed: Mapping[Partition, int]) -> None:
        """Note the last offsets that were processed; everything before them was, too."""
        self._next.update({partition: offset + 1 for partition, offset in processed.items()})
