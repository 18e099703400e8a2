"""A partition that is stuck while messages wait fails the health check."""

from streams.progress import PASSED_OVER, STUCK_AFTER_S, Partition, PartitionProgress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def pass_over(
    progress: PartitionProgress, partition: Partition, batches: int = PASSED_OVER
) -> None:
    """Process batches of another partition."""
    for offset in range(batches):
        progress.processed({partition: 5 + offset})


def is_forgotten(progress: PartitionProgress) -> bool:
    return progress.is_forgotten


def test_standing_still_with_messages_waiting_is_a_reason() -> None:
    clock = Clock()
    progress = PartitionProgress(clock)
    progress.processed({("t", 0): 4})
    assert progress.check({("t", 0): 9}) is None
    clock.now = STUCK_AFTER_S + 1
    reason = progress.check({("t", 0): 9})
    assert reason == "t[0] is stuck with 4 messages waiting"
    progress.processed({("t", 0): 5})
    assert progress.check({("t", 0): 9}) is None


def test_nothing_waiting_is_no_reason_however_long() -> None:
    clock = Clock()
    progress = PartitionProgress(clock)
    progress.processed({("t", 0): 8})
    clock.now = 1000
    assert progress.check({("t", 0): 9}) is None
    # The clock of standing still starts when messages begin to wait.
    assert progress.check({("t", 0): 20}) is None


def test_a_partition_that_moved_to_another_worker_is_forgotten() -> None:
    clock = Clock()
    progress = PartitionProgress(clock)
    progress.processed({("t", 0): 4, ("t", 1): 4})
    clock.now = STUCK_AFTER_S + 1
    assert progress.check({("t", 1): 5}) is None
    assert progress.unseen({("t", 0): 9, ("t", 1): 5}) == [("t", 0)]
    assert progress.check({("t", 0): 9, ("t", 1): 5}) is None


def test_a_partition_that_never_moved_while_others_do_was_forgotten() -> None:
    clock = Clock()
    progress = PartitionProgress(clock)
    both = {("t", 0): 7, ("t", 1): 4}
    assert progress.unseen(both) == [("t", 0), ("t", 1)]
    progress.begin({("t", 0): 3, ("t", 1): 4})
    assert progress.unseen(both) == []
    assert progress.check(both) is None
    clock.now = STUCK_AFTER_S + 1
    pass_over(progress, ("t", 1))
    assert progress.check({("t", 0): 7, ("t", 1): 5}) == "t[0] is stuck with 4 messages waiting"
    assert is_forgotten(progress)


def test_a_partition_without_a_known_position_is_not_watched() -> None:
    clock = Clock()
    progress = PartitionProgress(clock)
    assert progress.check({("t", 0): None, ("t", 1): 7}) is None
    clock.now = STUCK_AFTER_S + 1
    assert progress.check({("t", 0): 7, ("t", 1): 7}) is None


def test_a_processed_record_is_no_reason_to_begin_again() -> None:
    clock = Clock()
    progress = PartitionProgress(clock)
    progress.processed({("t", 0): 6})
    progress.begin({("t", 0): 0})
    clock.now = STUCK_AFTER_S + 1
    assert progress.check({("t", 0): 7}) is None


def test_a_partition_that_alone_stands_still_was_forgotten() -> None:
    clock = Clock()
    progress = PartitionProgress(clock)
    progress.processed({("t", 0): 4, ("t", 1): 4})
    clock.now = STUCK_AFTER_S + 1
    assert progress.check({("t", 0): 9, ("t", 1): 9})
    assert not is_forgotten(progress), "nothing moves: an outage, perhaps"
    pass_over(progress, ("another", 1), 100)
    pass_over(progress, ("t", 1), PASSED_OVER - 1)
    assert progress.check({("t", 0): 9, ("t", 1): 9})
    assert not is_forgotten(progress), "it may come in the next batch"
    pass_over(progress, ("t", 1), 1)
    assert progress.check({("t", 0): 9, ("t", 1): 9})
    assert is_forgotten(progress)
    progress.processed({("t", 0): 5})
    assert progress.check({("t", 0): 9, ("t", 1): 9}) is None
    assert not is_forgotten(progress)


def test_after_an_outage_each_partition_has_its_time_again() -> None:
    clock = Clock()
    progress = PartitionProgress(clock)
    progress.processed({("t", 0): 4, ("t", 1): 4})
    clock.now = STUCK_AFTER_S + 1
    progress.start_again()
    pass_over(progress, ("t", 1))
    assert progress.check({("t", 0): 9, ("t", 1): 9}) is None
    assert not is_forgotten(progress)
