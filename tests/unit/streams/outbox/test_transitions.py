"""Each transition of the sender: the next phase and its effects, without bind or clock."""

from dataclasses import replace

import pytest

from inbound.smpp.status import Status
from schemas.messages import Outcome, SubmitResult
from streams.outbox import transitions
from streams.outbox.effects import BackOff, Effect, Publish, Reclaim, Republish
from streams.outbox.phases import (
    BackingOff,
    Claim,
    Claimed,
    Contested,
    Done,
    EarlierClaim,
    InFlight,
    LookingUp,
    Phase,
    Reclaiming,
    Recording,
)
from tests.unit.streams.outbox.gateways import (
    BIND,
    MAX_ATTEMPTS,
    NOON,
    POLICY,
    RESENT,
    SENT_ONCE,
    result_of,
    text_of,
)
from tests.unit.streams.outbox.phase_examples import (
    LATE,
    NUMBER,
    claimed,
    fetched,
    in_flight,
    names,
    ordered,
    published,
)


def republished(effects: tuple[Effect, ...]) -> list[SubmitResult]:
    return [effect.result for effect in effects if isinstance(effect, Republish)]


# -- claiming -------------------------------------------------------------------------


def test_a_first_claim_waits_for_a_bind() -> None:
    phase, effects = transitions.on_claim(fetched(), Claim(1, NUMBER, None), None)
    assert isinstance(phase, Claimed)
    assert names(effects) == ["Enqueue"]


def test_what_was_processed_is_only_finished() -> None:
    earlier = EarlierClaim(result_due=5.0, is_processed=True)
    phase, effects = transitions.on_claim(fetched(), Claim(1, NUMBER, None), earlier)
    assert isinstance(phase, Done)
    assert names(effects) == ["Finish"]


def test_what_was_claimed_before_is_looked_up_once_it_is_its_turn() -> None:
    earlier = EarlierClaim(result_due=5.0, is_processed=False)
    phase, effects = transitions.on_claim(fetched(), Claim(1, NUMBER, None), earlier)
    assert isinstance(phase, Contested)
    assert names(effects) == ["Enqueue"]
    phase, effects = transitions.on_slot(phase, BIND, NOON)
    assert isinstance(phase, LookingUp)
    assert names(effects) == ["LookUp"]


def test_a_recorded_result_is_published_again_and_nothing_is_sent() -> None:
    recorded = result_of(fetched().message, 1, Outcome.SUBMITTED)
    earlier = EarlierClaim(result_due=5.0, is_processed=False, recorded=recorded)
    phase, effects = transitions.on_claim(fetched(), Claim(1, NUMBER, None), earlier)
    assert isinstance(phase, Recording)
    assert republished(effects) == [recorded]
    phase, effects = transitions.on_lookup(
        LookingUp(claimed(), BIND), POLICY, NOON, is_processed=False, recorded=recorded
    )
    assert isinstance(phase, Recording)
    assert republished(effects) == [recorded]
    assert names(effects) == ["Republish", "ReleaseKey"]
    reclaiming = Reclaiming(claimed(), BIND)
    phase, effects = transitions.on_reclaim(reclaiming, None, recorded)
    assert isinstance(phase, Recording)
    assert republished(effects) == [recorded]
    assert names(effects) == ["Republish", "ReleaseKey"]


def test_pauses_between_attempts_grow() -> None:
    """A link that breaks at each submit_sm takes more than seconds to use up all attempts.

    The pause has a limit, because the next messages of the person wait for its end.
    """
    policy = replace(POLICY, max_attempts=1000)
    pauses = []
    for attempt in (1, 2, 3, 4, 999):
        lost = in_flight()
        lost = replace(lost, claimed=replace(lost.claimed, claim=Claim(attempt, NUMBER, None)))
        _, (_, reclaim) = transitions.on_no_answer(lost, policy, NOON)
        assert isinstance(reclaim, Reclaim)
        pauses.append(reclaim.after_s)
    assert pauses == [3, 9, 27, 27, 27]
    looking_up = LookingUp(claimed(), BIND)
    _, (_, reclaim) = transitions.on_lookup(looking_up, POLICY, NOON, is_processed=False)
    assert isinstance(reclaim, Reclaim)
    assert reclaim.after_s == 0, "the grace has passed already"


def test_a_pause_ends_with_the_partition() -> None:
    step = transitions.on_pause_interrupted(Reclaiming(claimed(), BIND))
    assert isinstance(step[0], Done)
    assert names(step[1]) == ["ReleaseKey", "Forget"]


def test_a_message_that_had_all_attempts_of_the_hour_ends_as_unknown() -> None:
    step = transitions.on_reclaim(Reclaiming(claimed(), BIND), None)
    assert isinstance(step[0], Recording)
    assert published(step) == [(Outcome.UNKNOWN, True)]
    step = transitions.on_reclaim(Reclaiming(replace(claimed(), given_up=True), BIND), None)
    assert names(step[1]) == ["ReleaseKey"]


@pytest.mark.parametrize(
    ("template", "attempt", "after", "results"),
    [
        (RESENT, 1, Reclaiming, [(Outcome.UNKNOWN, False)]),
        (RESENT, MAX_ATTEMPTS, Recording, [(Outcome.UNKNOWN, True)]),
        (SENT_ONCE, 1, Recording, [(Outcome.UNKNOWN, True)]),
    ],
)
def test_without_a_result_the_policy_decides(
    template: str, attempt: int, after: type[Phase], results: list[tuple[Outcome, bool]]
) -> None:
    looking_up = LookingUp(claimed(template, attempt), BIND)
    step = transitions.on_lookup(looking_up, POLICY, NOON, is_processed=False)
    assert isinstance(step[0], after)
    assert published(step) == results


# -- submitting -----------------------------------------------------------------------


def test_a_secret_is_dropped_once_the_text_is_rendered() -> None:
    with_secret = Claimed(fetched(secret=True), Claim(1, NUMBER, b"{}"))
    assert names(transitions.on_slot(with_secret, BIND, NOON)[1]) == ["Render"]
    phase, effects = transitions.on_text(with_secret, text_of(1), BIND, NOON)
    assert isinstance(phase, InFlight)
    assert phase.claimed.claim.secret is None
    assert names(effects) == ["Submit"]


@pytest.mark.parametrize("claim", [Claim(1, None, b"{}"), Claim(1, NUMBER, None)])
def test_without_number_or_secret_it_is_erased(claim: Claim) -> None:
    step = transitions.on_slot(Claimed(fetched(secret=True), claim), BIND, NOON)
    assert published(step) == [(Outcome.ERASED, True)]


def test_an_expired_message_is_not_rendered() -> None:
    assert published(transitions.on_slot(claimed(), BIND, LATE)) == [(Outcome.EXPIRED, True)]


def test_what_expires_before_its_second_attempt_is_unknown() -> None:
    """The phone may have the first one."""
    step = transitions.on_slot(claimed(attempt=2), BIND, LATE)
    assert published(step) == [(Outcome.UNKNOWN, True)]


def test_the_next_part_leaves_once_the_one_before_is_answered() -> None:
    phase, effects = transitions.on_answer(in_flight(parts=2), Status.ESME_ROK, "a1", NOON)
    assert isinstance(phase, Claimed)
    assert names(effects) == ["Requeue"]
    phase, _ = transitions.on_slot(phase, BIND, NOON)
    assert isinstance(phase, InFlight)
    assert phase.part == 1
    step = transitions.on_answer(phase, Status.ESME_ROK, "a2", NOON)
    assert published(step) == [(Outcome.SUBMITTED, True)]
    assert names(step[1]) == ["Publish", "ReleaseKey"]
    [publish] = (effect for effect in step[1] if isinstance(effect, Publish))
    answers = publish.claimed.progress.answers
    assert [answer.smsc_message_id for answer in answers] == ["a1", "a2"]


def test_a_result_that_is_stored_finishes_the_message() -> None:
    phase, effects = transitions.on_stored(Recording(fetched()))
    assert isinstance(phase, Done)
    assert names(effects) == ["Finish"]


def test_a_throttled_part_goes_again_and_any_other_refusal_for_now_backs_off() -> None:
    phase, effects = transitions.on_answer(in_flight(3), Status.ESME_RTHROTTLED, None, NOON)
    assert isinstance(phase, Claimed)
    assert phase.progress.pending == (0, 1, 2)
    assert names(effects) == ["Requeue"]
    phase, effects = transitions.on_answer(in_flight(), Status.ESME_RSYSERR, None, NOON)
    assert isinstance(phase, BackingOff)
    assert names(effects) == ["BackOff"]
    phase, effects = transitions.on_back_off_over(phase)
    assert names(effects) == ["Requeue"]


def test_a_phone_whose_queue_stays_full_is_asked_about_more_rarely() -> None:
    phase: Phase = in_flight()
    seen = []
    full, other = Status.ESME_RMSGQFUL, Status.ESME_RSYSERR
    for status in (full, full, full, *[full] * 9, other, full):
        assert isinstance(phase, InFlight)
        backing_off, effects = transitions.on_answer(phase, status, None, NOON)
        assert isinstance(backing_off, BackingOff)
        [back_off] = (effect for effect in effects if isinstance(effect, BackOff))
        seen.append(back_off.full_queues)
        claimed, _ = transitions.on_back_off_over(backing_off)
        assert isinstance(claimed, Claimed)
        phase, _ = transitions.on_slot(claimed, BIND, NOON)
    assert seen[:5] == [1, 2, 3, 4, 5]
    assert min(seen[5:12]) >= 5
    assert seen[12:] == [0, 1]


def test_a_refusal_for_good_ends_it() -> None:
    step = transitions.on_answer(in_flight(2), Status.ESME_RINVDSTADR, None, NOON)
    assert published(step) == [(Outcome.REJECTED, True)]


def test_no_phase_shows_a_number_a_secret_or_a_text() -> None:
    secret = replace(claimed(), claim=Claim(1, NUMBER, b"1a2b3c4d"))
    shown = repr([secret, Contested(secret, 0), in_flight(), LookingUp(secret, BIND)])
    assert NUMBER not in shown
    assert "1a2b3c4d" not in shown
    assert "short_message" not in shown


def test_an_order_without_its_text_is_erased() -> None:
    gone = ordered()
    gone = replace(gone, claim=replace(gone.claim, text=None))
    assert published(transitions.on_slot(gone, BIND, NOON)) == [(Outcome.ERASED, True)]
