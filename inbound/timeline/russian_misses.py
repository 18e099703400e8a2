"""Russian sentences about texts that made no request, and about no text at all."""

from typing import assert_never

from inbound.plurals import ends_in_one
from inbound.timeline.pending import RUSSIAN, sentence
from inbound.timeline.words import (
    ArrivalSpan,
    Calendar,
    MissKind,
    NothingFound,
    accepted_spellings,
    days_in_russian,
    miss_kind,
)


def miss(
    kind: str, span: ArrivalSpan, limit: int | None, calendar: Calendar, *, has_advice: bool
) -> str:
    """Say why texts made no request, and what to do about it if that is still needed."""
    known = miss_kind(kind)
    what = _why_missed(known, limit) if known else f"не стало запросом ({kind})"
    if not has_advice:
        what = what.partition("; ")[0]
    if span.count == 1:
        return f"Сообщение, полученное {calendar.on(span.first_at)}, {what}."
    texts, received = (
        ("сообщения", "полученного") if ends_in_one(span.count) else ("сообщений", "полученных")
    )
    return f"Каждое из {span.count} {texts}, {received} {calendar.over(span)}, {what}."


def unfinished(span: ArrivalSpan, here: int, total: int, calendar: Calendar) -> str:
    """Say that parts of a long text are missing."""
    return (
        f"От длинного сообщения, которое начало поступать {calendar.on(span.first_at)}, получено "
        f"частей: {here} из {total}, остальные ожидаются; отправьте его ещё раз одним коротким "
        "сообщением."
    )


def nothing(found: NothingFound, calendar: Calendar) -> str:
    """Say that nothing arrived, and how sure that is."""
    since = f" с {calendar.bare(found.since)}" if found.since else ""
    until = f" по {calendar.bare(found.until)}" if found.until else ""
    if found.pending:
        waits = " ".join(sentence(RUSSIAN, one, calendar) for one in found.pending)
        said = (
            f"{waits} Среди уже обработанных сообщений с этого номера{since}{until} нет ни одного."
        )
    else:
        said = f"У нас нет сведений о сообщениях с этого номера{since}{until}"
        said = f"{said.removesuffix('.')}."
    if found.miss_days:
        said += (
            " О сообщениях, которые не были командами, известно только за последние сутки."
            if found.miss_days == 1
            else " О сообщениях, которые не были командами, известно только за последние "
            f"{days_in_russian(found.miss_days)}."
        )
    else:
        said += " Сообщения, которые не были командами, не учитываются."
    if (out := found.left_out) is not None:
        over = calendar.over(out)
        said += (
            f" {over[0].upper()}{over[1:]} со всех номеров пришло столько сообщений, что "
            f"{out.count} из них не учтены; среди них могли быть и с этого номера."
        )
    return said


def _why_missed(kind: MissKind, limit: int | None) -> str:
    match kind:
        case MissKind.LOOK_ALIKE:
            return (
                "содержало буквы, лишь похожие на латинские (например, русскую С в слове "
                "CLIENT), и потому не было командой; наберите его заново латинскими буквами"
            )
        case MissKind.SPACING:
            return (
                "состояло из слов команды, но с другими пробелами между ними; между словами нужен "
                "ровно один пробел"
            )
        case MissKind.EXTRA_WORDS:
            return "содержало, кроме команды, что-то ещё; отправьте только команду"
        case MissKind.UNKNOWN:
            return f"не распознано как команда; команды: {', '.join(accepted_spellings())}"
        case MissKind.EMPTY:
            return "было пустым"
        case MissKind.UNDECODABLE:
            return "не удалось прочитать как текст"
        case MissKind.DUPLICATE:
            return (
                "повторило последнюю принятую команду слишком быстро, поэтому оба сообщения "
                "считаются одним запросом, на который даётся один ответ"
            )
        case MissKind.LIMITED:
            number = "" if limit is None else f" ({limit})"
            return f"превысило число команд, принимаемых за час{number}; повторите запрос позже"
        case MissKind.UNKNOWN_NUMBER:
            return (
                "было командой, но этот номер у нас не зарегистрирован, и на такие сообщения "
                "ответа нет"
            )
        case MissKind.UNKNOWN_NUMBER_CEILING:
            return (
                "было командой, но этот номер у нас не зарегистрирован, а таких сообщений в то "
                "время пришло слишком много, чтобы ответить на каждое"
            )
        case MissKind.INCOMPLETE:
            return "пришло по частям, и не все части дошли; отправьте его ещё раз"
        case MissKind.ACCOUNT_TEXT:
            return "не было командой и передано программе, которая принимает такие сообщения"
        case MissKind.ACCOUNT_TEXT_LIMIT:
            return (
                "не было командой, и сохранить его для программы, которая принимает такие "
                "сообщения, не удалось: оно слишком длинное, или их накопилось слишком много"
            )
        case _:
            assert_never(kind)
