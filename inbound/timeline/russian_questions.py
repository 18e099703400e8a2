"""The answers to other questions of clients, in Russian."""

from dataclasses import replace
from typing import assert_never

from inbound.plurals import counted_in_russian
from inbound.timeline.pending import RUSSIAN, as_clause, sentence
from inbound.timeline.question_cases import (
    MOST_NAMED,
    Copies,
    SameText,
    SentAfterStop,
    SwitchedOffCase,
    TwiceCase,
    WhySent,
)
from inbound.timeline.russian_orders import subject_of
from inbound.timeline.russian_refusals import switched_by
from inbound.timeline.words import Calendar, spelling_of
from schemas.events import Command
from schemas.messages import Purpose

_ALWAYS_SENT = (
    "Ответы на команды и сервисные сообщения, например одноразовые коды, приходят в любом случае. "
    "На сообщения других компаний отключение не действует."
)


def twice(case: TwiceCase, calendar: Calendar) -> str:
    """Answer "I got it twice"."""
    said = []
    if case.copies:
        named = ", ".join(_copies(one, calendar) for one in case.copies[:MOST_NAMED])
        more = len(case.copies) - MOST_NAMED
        others = f" и ещё {more}" if more > 0 else ""
        said.append(
            "Отправка повторялась, так как было неизвестно, удалась ли первая попытка, "
            f"поэтому сообщение могло прийти несколько раз: {named}{others}."
        )
    elif case.unread is not None:
        waits = as_clause(sentence(RUSSIAN, case.unread, calendar))
        said.append(f"Отправлялось ли что-то повторно, пока неизвестно: {waits}.")
    elif not case.same_texts:
        said.append("Ни одно из показанных здесь сообщений повторно не отправлялось.")
    said += [_same_text(one, calendar) for one in case.same_texts[:MOST_NAMED]]
    if case.has_two_replies:
        said.append(
            "На каждую принятую команду приходят два сообщения: о приёме заявки и об исполнении "
            "запроса."
        )
    return " ".join(said)


def switched_off(case: SwitchedOffCase, calendar: Calendar) -> str:
    """Answer "I switched it off and still get messages"."""
    said = [_off(case, calendar) if case.is_off else _on(case, calendar)]
    said += [sentence(RUSSIAN, one, calendar) for one in case.pending]
    if not case.is_off and case.missed is not None:
        said.append(case.missed)
    return " ".join([*said, _ALWAYS_SENT] if case.is_off else said)


def _off(case: SwitchedOffCase, calendar: Calendar) -> str:
    switch = case.switch
    if switch is None:
        raise AssertionError("without a switch notifications are on")
    how = f"{calendar.on(switch.at)} {switched_by(switch)}"
    said = [f"СМС-уведомления и СМС-оповещения отключены {how} и с тех пор не включались."]
    said += [_sent(one, calendar) for one in case.sent[:MOST_NAMED]]
    if (more := len(case.sent) - MOST_NAMED) > 0:
        said.append(f"Таких сообщений ещё {more}.")
    if not case.sent and not case.pending:
        said.append(
            "С тех пор они не отправлялись."
            if case.is_whole
            else "Ни одно из показанных здесь сообщений не отправлено после этого."
        )
    return " ".join(said)


def _on(case: SwitchedOffCase, calendar: Calendar) -> str:
    stop = f"чтобы отключить их, отправьте «{spelling_of(Command.SMS_STOP)}»"
    if (switch := case.switch) is None:
        return f"СМС-уведомления и СМС-оповещения на этот номер не отключались; {stop}."
    how = f"{calendar.on(switch.at)} {switched_by(switch)}"
    return f"СМС-уведомления и СМС-оповещения снова включены {how}; {stop}."


def _sent(one: SentAfterStop, calendar: Calendar) -> str:
    message = f"{subject_of(one.kind)} от {_dated(one, calendar)}"
    match one.why:
        case WhySent.SERVICE:
            return f"{message} отправлено, так как отключение на такие сообщения не действует."
        case WhySent.BEING_SENT:
            return f"{message} в этот момент уже отправлялось."
        case WhySent.SENT_BEFORE:
            return f"{message} отправлено до этого и лишь позже дошло до телефона."
        case _:
            assert_never(one.why)


def _copies(one: Copies, calendar: Calendar) -> str:
    if one.kind is not None:
        name = f"{subject_of(one.kind)} от"
    else:
        is_first = one.purpose is Purpose.ACKNOWLEDGEMENT
        name = f"{'уведомление о приёме сообщения' if is_first else 'ответ на сообщение'} от"
    times = counted_in_russian(one.count, "раза", "раз", "раз")
    return f"{name} {_dated(one, calendar)} (до {times})"


def _same_text(one: SameText, calendar: Calendar) -> str:
    """Say that these are messages of their own, each of which was ordered."""
    dates = replace(calendar, full="{day} ({time})")
    named = [
        f"{subject_of(kind)} от {dates.on(at)}"
        for at, kind in list(zip(one.at, one.kinds, strict=True))[:MOST_NAMED]
    ]
    more = len(one.at) - len(named)
    others = f" и ещё {more}" if more else ""
    times = counted_in_russian(len(one.at), "раз", "раза", "раз")
    return f"Один и тот же текст заказан {times}: {', '.join(named)}{others}."


def _dated(one: Copies | SentAfterStop, calendar: Calendar) -> str:
    at = one.at if isinstance(one, Copies) else one.ordered_at
    return replace(calendar, full="{day} ({time})").on(at)
