"""Phrases in each language about records that are not processed yet. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from inbound.freshness.model import Pending, PendingWork
from inbound.timeline.words import Calendar


class PendingWords(NamedTuple):
    """What to say if the time is known, and if it is unknown."""

    since: str
    unknown: str


Sentences = Mapping[PendingWork, PendingWords]

ENGLISH: Final[Sentences] = {
    PendingWork.TEXTS: PendingWords(
        "Texts that reached us since {since} have not been processed yet.",
        "It can't be told now whether texts wait to be processed.",
    ),
    PendingWork.RESULTS: PendingWords(
        "The operator's reports since {since} have not been processed yet.",
        "It can't be told now whether the operator has reported since.",
    ),
    PendingWork.ORDERS: PendingWords(
        "Orders of other programs since {since} have not been processed yet.",
        "It can't be told now whether orders wait to be processed.",
    ),
    PendingWork.EVENTS: PendingWords(
        "Events since {since} are not shown yet.",
        "It can't be told now whether all events are shown.",
    ),
    PendingWork.SET_ASIDE: PendingWords(
        "A text from this number or a message to it could not be processed on {since} and waits "
        "for our staff.",
        "A text from this number or a message to it could not be processed and waits for our "
        "staff.",
    ),
    PendingWork.RECEPTION: PendingWords(
        "The connection to the operator's SMS centre has been down since {since}: texts sent since "
        "then may not have reached us yet.",
        "No SMS centre is connected, so texts may not have reached us yet.",
    ),
}
RUSSIAN: Final[Sentences] = {
    PendingWork.TEXTS: PendingWords(
        "Сообщения, поступившие с {since}, ещё не обработаны.",
        "Сейчас нельзя узнать, все ли сообщения уже обработаны.",
    ),
    PendingWork.RESULTS: PendingWords(
        "Отчёты оператора, поступившие с {since}, ещё не обработаны.",
        "Сейчас нельзя узнать, были ли новые отчёты оператора.",
    ),
    PendingWork.ORDERS: PendingWords(
        "Заказы других программ, поступившие с {since}, ещё не обработаны.",
        "Сейчас нельзя узнать, все ли заказы уже обработаны.",
    ),
    PendingWork.EVENTS: PendingWords(
        "События с {since} ещё не показаны.",
        "Сейчас нельзя узнать, все ли события показаны.",
    ),
    PendingWork.SET_ASIDE: PendingWords(
        "Одно из сообщений с этого номера или на него ({since}) не удалось обработать; им "
        "занимаются наши сотрудники.",
        "Одно из сообщений с этого номера или на него не удалось обработать; им занимаются наши "
        "сотрудники.",
    ),
    PendingWork.RECEPTION: PendingWords(
        "Связи с СМС-центром оператора нет с {since}: отправленные после этого сообщения могли к "
        "нам ещё не поступить.",
        "Связи с СМС-центром оператора нет, и сообщения могли к нам ещё не поступить.",
    ),
}


def sentence(sentences: Sentences, pending: Pending, calendar: Calendar) -> str:
    """Say what is not processed, as a sentence."""
    said = sentences[pending.work]
    if pending.since is None:
        return said.unknown
    return said.since.format(since=calendar.bare(pending.since))


def clause(sentences: Sentences, pending: Pending, calendar: Calendar) -> str:
    """Say the same for the end of a sentence, without its full stop."""
    return as_clause(sentence(sentences, pending, calendar))


def as_clause(sentence: str) -> str:
    """Return a sentence as the end of another one, without its full stop."""
    return f"{sentence[0].lower()}{sentence[1:].removesuffix('.')}"
