"""Russian phrases about a message that did not arrive, whatever its name and gender."""

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from inbound.timeline.cases import ReplyProgress
from inbound.timeline.waiting import MessageWait, WaitsFor
from schemas.messages import ReceiptState


def taken_up(ending: str, when: str) -> str:
    """Say that its gateway has not reported yet; `ending` is that of the gender."""
    could = "могло" if ending else "мог"
    return f"передан{ending} на отправку {when} и {could} уже дойти; отчёта об отправке пока нет"


def being_sent(
    reply: ReplyProgress,
    ending: str,
    waits: MessageWait | None,
    bare: Callable[[datetime], str],
) -> str:
    """Say that it is being sent, as a predicate, or since when it waits and for what."""
    if waits is None:
        return f"отправляется{again(reply, ending)}"
    awaits = f"ждёт {'повторной ' if reply.tried else ''}отправки"
    since = f" с {bare(waits.since)}" if waits.since else ""
    match waits.waits_for:
        case WaitsFor.RELAY:
            return f"{awaits}{since}, так как передача сообщений в нашем сервисе задерживается"
        case WaitsFor.CONNECTION:
            return f"{awaits}, так как связи с СМС-центром оператора нет{since}"
        case WaitsFor.TURN:
            return f"{awaits}{since}{again(reply, ending).removeprefix(' снова')}"
        case _:
            assert_never(waits.waits_for)


def again(reply: ReplyProgress, ending: str) -> str:
    """Say that it is not the first attempt, to follow "отправляется"; `ending` as above."""
    if not reply.tried:
        return ""
    if reply.was_sent:
        return " снова, так как оператор не ответил"
    return f" снова, так как неизвестно, был{ending} ли он{ending} отправлен{ending} раньше"


def why_undelivered(state: ReceiptState | None) -> str:
    """Say why the operator did not deliver it, with a colon in front; empty if unknown."""
    match state:
        case ReceiptState.EXPIRED:
            return ": телефон был выключен или вне сети, пока не истёк срок хранения у оператора"
        case ReceiptState.DELETED:
            return ": оператор его удалил"
        case ReceiptState.UNDELIVERABLE:
            return ": оператор не смог передать его на телефон"
        case ReceiptState.REJECTED:
            return ": оператор отклонил его уже после приёма"
        case ReceiptState.SKIPPED:
            return ": оператор его пропустил"
        case (
            ReceiptState.SCHEDULED
            | ReceiptState.ENROUTE
            | ReceiptState.DELIVERED
            | ReceiptState.ACCEPTED
            | ReceiptState.UNKNOWN
            | None
        ):
            return ""
        case _:
            assert_never(state)


def receipt_state(state: ReceiptState) -> str:
    """Name the state that a receipt reports."""
    match state:
        case ReceiptState.SCHEDULED:
            return "отложено"
        case ReceiptState.ENROUTE:
            return "в пути"
        case ReceiptState.DELIVERED:
            return "доставлено"
        case ReceiptState.EXPIRED:
            return "истёк срок"
        case ReceiptState.DELETED:
            return "удалено"
        case ReceiptState.UNDELIVERABLE:
            return "не может быть доставлено"
        case ReceiptState.ACCEPTED:
            return "прочитано сотрудником оператора"
        case ReceiptState.UNKNOWN:
            return "неизвестно"
        case ReceiptState.REJECTED:
            return "отклонено"
        case ReceiptState.SKIPPED:
            return "пропущено"
        case _:
            assert_never(state)


def undeliverable(reply: ReplyProgress, delivered: str) -> str:
    """Say that it could not be delivered, as a predicate; `delivered` is the participle."""
    code = f" (код оператора {reply.error})" if reply.error else ""
    return f"{_not_in_full(reply, delivered)}{why_undelivered(reply.state)}{code}"


def _not_in_full(reply: ReplyProgress, delivered: str) -> str:
    if reply.parts == 1 or reply.parts_delivered == 0:
        return f"не {delivered}"
    if reply.parts_delivered is None:
        return f"не {delivered} или {delivered} не полностью"
    return f"{delivered} не полностью (дошло частей: {reply.parts_delivered} из {reply.parts})"


def by_centre(moment: str) -> str:
    """Return when a receipt says that it happened; the SMS centre names no time zone."""
    at = datetime.fromisoformat(moment)
    return f", по часам центра {at:%d.%m.%Y %H:%M:%S} (часовой пояс неизвестен)"
