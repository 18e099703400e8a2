"""Transitions after a part got no answer, or none in time: claimed again, given up, withheld."""

from dataclasses import replace
from datetime import timedelta

from inbound.smpp.status import Status
from schemas.messages import Outcome
from schemas.orders import WithheldReason
from streams.outbox import transitions
from streams.outbox.effects import Publish
from streams.outbox.phases import (
    BackingOff,
    Claim,
    Claimed,
    Contested,
    Done,
    InFlight,
    LookingUp,
    Rechecking,
    Reclaiming,
    Recording,
)
from tests.unit.streams.outbox.gateways import BIND, NOON, POLICY, SENT_ONCE, text_of
from tests.unit.streams.outbox.phase_examples import (
    LATE,
    NUMBER,
    claimed,
    fetched,
    given_up,
    in_flight,
    names,
    ordered,
    published,
)


def test_an_unanswered_part_is_reported_and_claimed_again_before_it_goes_again() -> None:
    step = transitions.on_no_answer(in_flight(2), POLICY, NOON)
    assert published(step) == [(Outcome.UNKNOWN, False)]
    assert names(step[1]) == ["Publish", "Reclaim"]
    reclaiming = step[0]
    assert isinstance(reclaiming, Reclaiming)
    phase, effects = transitions.on_reclaim(reclaiming, Claim(2, NUMBER, None))
    assert isinstance(phase, Claimed)
    assert (phase.claim.attempt, phase.progress.pending) == (2, (0, 1))
    assert phase.progress.sent_at is None
    assert names(effects) == ["Requeue"]


def test_an_unanswered_part_that_does_not_go_again_leaves_the_others_owed() -> None:
    phase, effects = transitions.on_no_answer(in_flight(2, SENT_ONCE), POLICY, NOON)
    assert isinstance(phase, Claimed)
    assert phase.progress.pending == (1,)
    assert names(effects) == ["Requeue"]
    assert published(transitions.on_slot(phase, BIND, LATE)) == [(Outcome.UNKNOWN, True)]


def test_a_part_that_was_never_written_goes_again_unreported() -> None:
    phase, effects = transitions.on_not_sent(in_flight(2))
    assert isinstance(phase, Claimed)
    assert phase.progress.pending == (0, 1)
    assert names(effects) == ["Requeue"]


def test_a_person_who_was_erased_meanwhile_gets_nothing_more() -> None:
    reclaiming, _ = transitions.on_no_answer(in_flight(), POLICY, NOON)
    assert isinstance(reclaiming, Reclaiming)
    step = transitions.on_reclaim(reclaiming, Claim(2, None, None))
    assert published(step) == [(Outcome.ERASED, True)]


def test_what_expires_while_the_centre_is_silent_is_not_claimed_again() -> None:
    step = transitions.on_no_answer(in_flight(), POLICY, LATE + timedelta(seconds=1))
    assert published(step) == [(Outcome.UNKNOWN, True)]


# -- handing a partition over -----------------------------------------------------------


def test_what_is_not_begun_gives_its_claim_back() -> None:
    phase, effects = transitions.on_hand_over(claimed())
    assert isinstance(phase, Done)
    assert names(effects) == ["ReleaseClaim", "Forget"]


def test_what_another_gateway_claimed_is_left_with_its_claim() -> None:
    phase, effects = transitions.on_hand_over(Contested(claimed(), 5.0))
    assert isinstance(phase, Done)
    assert names(effects) == ["Forget"]


def test_what_is_begun_is_finished_first() -> None:
    begun, _ = transitions.on_answer(in_flight(2), Status.ESME_ROK, "a1", NOON)
    for phase in (begun, in_flight(), BackingOff(claimed()), Recording(fetched())):
        assert transitions.on_hand_over(phase) == (phase, ())


def test_an_answer_that_comes_too_late_is_published_and_nothing_more_is_submitted() -> None:
    phase = given_up(in_flight())
    assert isinstance(phase, InFlight)
    step = transitions.on_answer(phase, Status.ESME_ROK, "a1", NOON)
    assert published(step) == [(Outcome.SUBMITTED, True)]
    phase = given_up(in_flight(2))
    assert isinstance(phase, InFlight)
    phase, effects = transitions.on_answer(phase, Status.ESME_ROK, "a1", NOON)
    assert isinstance(phase, Done)
    assert names(effects) == ["ReleaseKey"]


def test_what_was_given_up_is_not_claimed_again() -> None:
    phase = given_up(in_flight())
    assert isinstance(phase, InFlight)
    step = transitions.on_no_answer(phase, POLICY, NOON)
    assert isinstance(step[0], Done)
    assert published(step) == [(Outcome.UNKNOWN, False)]
    assert names(step[1]) == ["Publish", "ReleaseKey"]
    looking_up, effects = transitions.on_hand_over(LookingUp(claimed(), BIND))
    assert isinstance(looking_up, LookingUp)
    assert names(effects) == ["Forget"]
    step = transitions.on_lookup(looking_up, POLICY, NOON, is_processed=False)
    assert names(step[1]) == ["ReleaseKey"]


# -- messages of orders -------------------------------------------------------------------


def test_a_withheld_message_is_not_submitted() -> None:
    step = transitions.on_slot(ordered(withheld=WithheldReason.PAUSED), BIND, NOON)
    assert isinstance(step[0], Recording)
    assert names(step[1]) == ["Publish", "ReleaseKey"]
    (published_,) = [effect for effect in step[1] if isinstance(effect, Publish)]
    assert (published_.outcome, published_.final) == (Outcome.EXPIRED, True)
    assert published_.withheld is WithheldReason.PAUSED


def test_a_claim_that_is_not_fresh_is_checked_again() -> None:
    step = transitions.on_slot(ordered(), BIND, NOON, is_fresh=False)
    assert isinstance(step[0], Rechecking)
    assert names(step[1]) == ["Recheck"]
    phase, effects = transitions.on_checked(step[0], WithheldReason.OPTED_OUT, 7.0)
    assert isinstance(phase, Claimed)
    assert (phase.claim.withheld, phase.claim.checked_at) == (WithheldReason.OPTED_OUT, 7.0)
    assert names(effects) == ["Requeue"]


def test_replies_need_no_fresh_claim() -> None:
    assert names(transitions.on_slot(claimed(), BIND, NOON, is_fresh=False)[1]) == ["Render"]


def test_a_begun_message_is_finished_whatever_its_claim() -> None:
    begun, _ = transitions.on_text(ordered(), text_of(2), BIND, NOON)
    assert isinstance(begun, InFlight)
    resumed, _ = transitions.on_answer(begun, Status.ESME_ROK, "id", NOON)
    assert isinstance(resumed, Claimed)
    resumed = replace(resumed, claim=replace(resumed.claim, withheld=WithheldReason.OPTED_OUT))
    assert names(transitions.on_slot(resumed, BIND, NOON, is_fresh=False)[1]) == ["Submit"]


def test_what_may_have_been_sent_stays_unknown_when_it_is_withheld() -> None:
    late = ordered(attempt=2, withheld=WithheldReason.OPTED_OUT)
    assert published(transitions.on_slot(late, BIND, NOON)) == [(Outcome.UNKNOWN, True)]
    step = transitions.on_reclaim(Reclaiming(ordered(), BIND), late.claim)
    assert published(step) == [(Outcome.UNKNOWN, True)]


def test_a_message_that_is_being_checked_is_left_to_the_next_owner() -> None:
    rechecking = Rechecking(ordered())
    assert names(transitions.on_hand_over(rechecking)[1]) == [
        "ReleaseClaim",
        "ReleaseKey",
        "Forget",
    ]
    assert names(transitions.on_given_up(rechecking)[1]) == ["ReleaseKey", "Forget"]
