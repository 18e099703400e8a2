"""The languages of the sentences."""

from zoneinfo import ZoneInfo

from inbound.freshness.model import Backlog, PendingWork
from inbound.timeline import english_order_steps, russian_order_steps
from inbound.timeline.english import English
from inbound.timeline.input import TimelineOptions
from inbound.timeline.model import Language
from inbound.timeline.pending import as_clause
from inbound.timeline.russian import Russian
from inbound.timeline.words import Wording
from schemas.orders import RefusalReason


def wording_of(options: TimelineOptions) -> Wording:
    """Return the words of the requested language and time zone."""
    zone = ZoneInfo(options.zone)
    return English(zone) if options.language is Language.EN else Russian(zone)


def refusal_words(reason: RefusalReason, language: Language) -> str:
    """Return why an order was refused, in a few words."""
    if language is Language.EN:
        return english_order_steps.refusal(reason)
    return russian_order_steps.refusal(reason)


def pending_clauses(backlog: Backlog, zone: str, *works: PendingWork) -> list[str]:
    """Say in English what of these kinds waits in any partition, for the end of a sentence."""
    words = English(ZoneInfo(zone))
    return [as_clause(words.pending(one)) for one in backlog.pending(*works)]
