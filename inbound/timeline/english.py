"""The sentences in English."""

from datetime import tzinfo
from typing import Final

from inbound.freshness.model import Pending
from inbound.timeline import (
    english_misses,
    english_orders,
    english_questions,
    english_requests,
    english_steps,
)
from inbound.timeline.cases import Case
from inbound.timeline.incidents import BroadcastExclusion, Switch
from inbound.timeline.model import StepKind, TextReading
from inbound.timeline.order_cases import OrderCase
from inbound.timeline.pending import ENGLISH, sentence
from inbound.timeline.question_cases import SwitchedOffCase, TwiceCase
from inbound.timeline.words import (
    ArrivalSpan,
    Calendar,
    Details,
    NothingFound,
    Wording,
)

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class English(Wording):
    """Implements `Wording` in English."""

    def __init__(self, zone: tzinfo) -> None:
        """Give times in this zone."""
        self._calendar = Calendar(
            zone,
            _MONTHS,
            day="{day} {month} {year}",
            full="on {day} at {time}",
            time="at {time}",
            plain="{day}, {time}",
            within_a_day="on {day} between {first} and {last}",
            over_days="between {first} and {last}",
        )

    def request(self, case: Case) -> str:
        return english_requests.sentence(case, self._calendar)

    def order(self, case: OrderCase) -> str:
        return english_orders.sentence(case, self._calendar)

    def advice(self, case: OrderCase) -> str | None:
        return english_orders.advice(case, self._calendar)

    def exclusion(self, exclusion: BroadcastExclusion) -> str:
        return english_orders.exclusion(exclusion, self._calendar)

    def switch(self, switch: Switch) -> str:
        return english_orders.switched(switch, self._calendar)

    def miss(
        self, kind: str, span: ArrivalSpan, limit: int | None, *, has_advice: bool = True
    ) -> str:
        return english_misses.miss(kind, span, limit, self._calendar, has_advice=has_advice)

    def reading(self, reading: TextReading) -> str:
        alphabet = "no text" if reading.alphabet == "none" else reading.alphabet
        return (
            f"{reading.octets} octets read as data_coding {reading.data_coding} ({alphabet}), "
            f"bind {reading.bind}"
        )

    def unfinished(self, span: ArrivalSpan, here: int, total: int) -> str:
        return english_misses.unfinished(span, here, total, self._calendar)

    def nothing(self, found: NothingFound) -> str:
        return english_misses.nothing(found, self._calendar)

    def twice(self, case: TwiceCase) -> str:
        return english_questions.twice(case, self._calendar)

    def switched_off(self, case: SwitchedOffCase) -> str:
        return english_questions.switched_off(case, self._calendar)

    def pending(self, pending: Pending) -> str:
        return sentence(ENGLISH, pending, self._calendar)

    def clock(self, case: Case) -> str:
        return english_requests.clock(case, self._calendar)

    def step(self, kind: StepKind, details: Details) -> str:
        return english_steps.step_text(kind, details, self._calendar.zone)
