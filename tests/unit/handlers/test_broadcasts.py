"""What people may do with a broadcast in each state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.handlers.broadcasts import (
    FINAL,
    ActionRefusedError,
    BroadcastAction,
    BroadcastState,
    Lifecycle,
    act,
    has_missed_start,
    opening,
)
from schemas.sending_hours import SendingHours

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DRAFT = Lifecycle(BroadcastState.DRAFT, 10, "ann")


def do(
    before: Lifecycle, action: BroadcastAction, by: str = "ann", *, limit: int = 100
) -> Lifecycle:
    return act(before, action, by=by, at=NOON, approval_above=limit)


def test_a_draft_starts_at_once_or_at_its_time() -> None:
    started = do(DRAFT, BroadcastAction.START)
    assert (started.state, started.starts_at, started.started_by) == (
        BroadcastState.SCHEDULED,
        NOON,
        "ann",
    )
    later = NOON + timedelta(days=1)
    planned = act(
        DRAFT, BroadcastAction.START, by="ann", at=NOON, starts_at=later, approval_above=100
    )
    assert planned.starts_at == later


def test_a_scheduled_broadcast_may_get_another_time_and_a_running_one_not() -> None:
    scheduled = replace(do(DRAFT, BroadcastAction.START), needs_confirmation=True)
    later = NOON + timedelta(days=1)
    moved = act(
        scheduled, BroadcastAction.START, by="ann", at=NOON, starts_at=later, approval_above=100
    )
    assert (moved.starts_at, moved.needs_confirmation) == (later, False)
    running = replace(scheduled, state=BroadcastState.RUNNING)
    with pytest.raises(ActionRefusedError, match="running"):
        act(running, BroadcastAction.START, by="ann", at=NOON, starts_at=later, approval_above=100)


@pytest.mark.parametrize(
    "action", [BroadcastAction.START, BroadcastAction.CONFIRM, BroadcastAction.RESUME]
)
def test_a_broadcast_scheduled_for_later_has_nothing_to_start_confirm_or_resume(
    action: BroadcastAction,
) -> None:
    later = replace(do(DRAFT, BroadcastAction.START), starts_at=NOON + timedelta(hours=2))
    with pytest.raises(ActionRefusedError) as refused:
        do(later, action)
    assert refused.value.starts_at == later.starts_at
    due = replace(later, starts_at=NOON)  # a repeated request
    assert do(due, action) == due


def test_a_start_that_is_repeated_with_its_time_changes_nothing() -> None:
    for state in (BroadcastState.RUNNING, BroadcastState.DONE):
        ended = replace(do(DRAFT, BroadcastAction.START), state=state, began_at=NOON)
        again = act(
            ended, BroadcastAction.START, by="ann", at=NOON, starts_at=NOON, approval_above=100
        )
        assert again == ended
    with pytest.raises(ActionRefusedError, match="done"):
        do(ended, BroadcastAction.START)


def test_start_of_a_broadcast_that_missed_its_start_says_to_confirm() -> None:
    missed = replace(do(DRAFT, BroadcastAction.START), needs_confirmation=True)
    for action, said in (
        (BroadcastAction.START, "`confirm` starts it"),
        (BroadcastAction.RESUME, "while it is pau"),
    ):
        with pytest.raises(ActionRefusedError, match=said):
            do(missed, action)


def test_a_broadcast_to_nobody_does_not_start() -> None:
    with pytest.raises(ActionRefusedError, match="no recipients"):
        do(replace(DRAFT, recipients=0), BroadcastAction.START)


@pytest.mark.parametrize(
    ("recipients", "state"),
    [(10, BroadcastState.SCHEDULED), (11, BroadcastState.AWAITING_APPROVAL)],
)
def test_approval_is_needed_above_the_limit(recipients: int, state: BroadcastState) -> None:
    assert do(replace(DRAFT, recipients=recipients), BroadcastAction.START, limit=10).state is state


def test_only_a_third_person_approves() -> None:
    waiting = do(DRAFT, BroadcastAction.START, by="bob", limit=5)
    for by in ("ann", "bob"):
        with pytest.raises(ActionRefusedError, match="somebody else"):
            do(waiting, BroadcastAction.APPROVE, by=by)
    assert do(waiting, BroadcastAction.APPROVE, by="eve").state is BroadcastState.SCHEDULED


def test_a_paused_broadcast_resumes_where_it_was() -> None:
    scheduled = do(DRAFT, BroadcastAction.START)
    running = replace(scheduled, state=BroadcastState.RUNNING, began_at=NOON)
    assert do(do(running, BroadcastAction.PAUSE), BroadcastAction.RESUME) == running
    assert do(do(scheduled, BroadcastAction.PAUSE), BroadcastAction.RESUME) == scheduled


def test_what_is_resumed_after_its_start_needs_no_confirmation() -> None:
    early = replace(do(DRAFT, BroadcastAction.START), starts_at=NOON - timedelta(days=1))
    resumed = do(do(early, BroadcastAction.PAUSE), BroadcastAction.RESUME)
    assert not has_missed_start(resumed, NOON, timedelta(hours=1))


def test_a_missed_start_counts_from_the_sending_hours() -> None:
    hours = SendingHours.parse("10:00-12:00", "UTC")
    planned = replace(
        do(DRAFT, BroadcastAction.START), hours=hours, starts_at=datetime(2026, 3, 2, 3, tzinfo=UTC)
    )
    opens = datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert opening(planned.starts_at or NOON, hours) == opens
    assert not has_missed_start(planned, opens + timedelta(minutes=59), timedelta(hours=1))
    assert has_missed_start(planned, opens + timedelta(minutes=61), timedelta(hours=1))


lifecycles = st.builds(
    Lifecycle,
    state=st.sampled_from(BroadcastState),
    recipients=st.integers(1, 20),
    created_by=st.just("ann"),
    starts_at=st.none() | st.just(NOON),
    began_at=st.none() | st.just(NOON),
    needs_confirmation=st.booleans(),
)


@given(before=lifecycles, action=st.sampled_from(BroadcastAction))
def test_every_action_is_safe_to_repeat_and_final_states_stay(
    before: Lifecycle, action: BroadcastAction
) -> None:
    try:
        once = do(before, action, by="eve", limit=10)
    except ActionRefusedError:
        return
    assert do(once, action, by="eve", limit=10) == once
    if before.state in FINAL:
        assert once == before
