"""The sentences in Russian."""

from datetime import tzinfo
from typing import Final

from inbound.freshness.model import Pending
from inbound.timeline import (
    russian_misses,
    russian_orders,
    russian_questions,
    russian_requests,
    russian_steps,
)
from inbound.timeline.cases import Case
from inbound.timeline.incidents import BroadcastExclusion, Switch
from inbound.timeline.model import StepKind, TextReading
from inbound.timeline.order_cases import OrderCase
from inbound.timeline.pending import RUSSIAN, sentence
from inbound.timeline.question_cases import SwitchedOffCase, TwiceCase
from inbound.timeline.words import (
    ArrivalSpan,
    Calendar,
    Details,
    NothingFound,
    Wording,
)

_MONTHS: Final = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)


class Russian(Wording):
    """Implements `Wording` in Russian."""

    def __init__(self, zone: tzinfo) -> None:
        """Give times in this zone."""
        self._calendar = Calendar(
            zone,
            _MONTHS,
            day="{day} {month} {year} г.",
            full="{day} в {time}",
            time="в {time}",
            plain="{time} {day}",
            within_a_day="{day} с {first} по {last}",
            over_days="с {first} по {last}",
        )

    def request(self, case: Case) -> str:
        return russian_requests.sentence(case, self._calendar)

    def order(self, case: OrderCase) -> str:
        return russian_orders.sentence(case, self._calendar)

    def advice(self, case: OrderCase) -> str | None:
        return russian_orders.advice(case, self._calendar)

    def exclusion(self, exclusion: BroadcastExclusion) -> str:
        return russian_orders.exclusion(exclusion, self._calendar)

    def switch(self, switch: Switch) -> str:
        return russian_orders.switched(switch, self._calendar)

    def miss(
        self, kind: str, span: ArrivalSpan, limit: int | None, *, has_advice: bool = True
    ) -> str:
        return russian_misses.miss(kind, span, limit, self._calendar, has_advice=has_advice)

    def reading(self, reading: TextReading) -> str:
        alphabet = "не текст" if reading.alphabet == "none" else reading.alphabet
        return (
            f"октетов: {reading.octets}, прочитано как data_coding {reading.data_coding} "
            f"({alphabet}), канал {reading.bind}"
        )

    def unfinished(self, span: ArrivalSpan, here: int, total: int) -> str:
        return russian_misses.unfinished(span, here, total, self._calendar)

    def nothing(self, found: NothingFound) -> str:
        return russian_misses.nothing(found, self._calendar)

    def twice(self, case: TwiceCase) -> str:
        return russian_questions.twice(case, self._calendar)

    def switched_off(self, case: SwitchedOffCase) -> str:
        return russian_questions.switched_off(case, self._calendar)

    def pending(self, pending: Pending) -> str:
        return sentence(RUSSIAN, pending, self._calendar)

    def clock(self, case: Case) -> str:
        return russian_requests.clock(case, self._calendar)

    def step(self, kind: StepKind, details: Details) -> str:
        return russian_steps.step_text(kind, details, self._calendar.zone)
