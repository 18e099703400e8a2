"""Why a recipient of a broadcast did not get it: one reason, in words of two languages. Pure.

The meanings of states and reasons hold for all orders, and name several causes where the message of
a broadcast can only have one.
"""

from typing import Final

from inbound.store.broadcasts.rows import RecipientState
from inbound.wording import Bilingual, both
from schemas.orders import OrderState, RefusalReason, WithheldReason

WAITS: Final = both("waits for its turn", "ждёт своей очереди")

_STATES: Final = {
    OrderState.SCHEDULED: both("waits for its time", "ждёт своего времени"),
    OrderState.QUEUED: both("is about to be sent", "скоро будет отправлено"),
    OrderState.SENT: both(
        "the SMS centre accepted it; the phone has not confirmed it yet",
        "принято СМС-центром; подтверждения от телефона ещё нет",
    ),
    OrderState.DELIVERED: both("on the phone", "доставлено на телефон"),
    OrderState.UNDELIVERED: both(
        "the SMS centre could not deliver it", "СМС-центр не смог доставить сообщение"
    ),
    OrderState.UNKNOWN: both(
        "it may have arrived: the SMS centre has not said what became of it",
        "могло дойти: СМС-центр не сообщил, что стало с сообщением",
    ),
    OrderState.REJECTED: both(
        "the SMS centre refused it for good", "СМС-центр окончательно отказал в приёме"
    ),
    OrderState.EXPIRED: both(
        "it could not be sent before it expired", "не удалось отправить до истечения срока"
    ),
    OrderState.CANCELLED: both("the broadcast was cancelled", "рассылка отменена"),
    OrderState.ERASED: both(
        "the person's data were erased before it was sent",
        "данные человека удалены до отправки",
    ),
    OrderState.WITHHELD: both("it was withheld", "не отправлено"),
    OrderState.REFUSED: both("it was not accepted", "не принято к отправке"),
}
_WITHHELD: Final = {
    WithheldReason.OPTED_OUT: both(
        "the person had switched notifications off", "человек отключил уведомления"
    ),
    WithheldReason.CANCELLED: both("the broadcast was cancelled", "рассылка отменена"),
    WithheldReason.PAUSED: both("the broadcast was paused", "рассылка приостановлена"),
}
_REFUSED: Final = {
    RefusalReason.ACCOUNT_UNKNOWN: both(
        "the account does not exist any more", "учётной записи больше нет"
    ),
    RefusalReason.ACCOUNT_DISABLED: both("the account is disabled", "учётная запись отключена"),
    RefusalReason.RIGHT_MISSING: both(
        "the account may not send broadcasts", "у учётной записи нет права на рассылки"
    ),
    RefusalReason.IDEMPOTENCY_KEY_REUSED: both(
        "the idempotency key belongs to another order", "ключ идемпотентности занят другим заказом"
    ),
    RefusalReason.NOT_A_MOBILE_NUMBER: both(
        "the number is not a mobile number", "номер не мобильный"
    ),
    RefusalReason.RECIPIENT_UNKNOWN: both("the recipient is unknown", "получатель неизвестен"),
    RefusalReason.RECIPIENT_NOT_A_CLIENT: both(
        "the number is not in the client directory", "номера нет в справочнике клиентов"
    ),
    RefusalReason.OPTED_OUT: both(
        "the person has switched notifications off", "человек отключил уведомления"
    ),
    RefusalReason.TOO_MANY_WAITING: both(
        "too many messages of the account to this number wait to be sent",
        "отправки на этот номер ждёт слишком много сообщений учётной записи",
    ),
    RefusalReason.TEMPLATE_UNKNOWN: both(
        "the template can't be used any more", "шаблон больше нельзя использовать"
    ),
    RefusalReason.TEMPLATE_FIELDS: both(
        "a field doesn't fit the template", "поле не подходит к шаблону"
    ),
    RefusalReason.SENDER_NOT_APPROVED: both(
        "the sender is not approved for the account", "отправитель не одобрен для учётной записи"
    ),
    RefusalReason.TEXT_NOT_ALLOWED: both(
        "the account may not send this text", "этот текст учётной записи не разрешён"
    ),
    RefusalReason.TOO_MANY_PARTS: both(
        "the text needs more SMS parts than the account may send",
        "в тексте больше частей СМС, чем разрешено учётной записи",
    ),
    RefusalReason.EXPIRED: both(
        "it would expire before it may be sent", "срок истёк бы раньше, чем разрешена отправка"
    ),
    RefusalReason.REPEATED: both(
        "the same text to the same number was ordered shortly before",
        "такой же текст на этот номер заказан незадолго до этого",
    ),
    RefusalReason.MINIMUM_DELAY: both(
        "another message to the same number was ordered shortly before",
        "другое сообщение на этот номер заказано незадолго до этого",
    ),
    RefusalReason.DAILY_LIMIT: both(
        "the account's limit for the day is used up", "исчерпан дневной лимит учётной записи"
    ),
    RefusalReason.WEEKLY_LIMIT: both(
        "the account's limit for the week is used up", "исчерпан недельный лимит учётной записи"
    ),
    RefusalReason.MONTHLY_LIMIT: both(
        "the account's limit for the month is used up", "исчерпан месячный лимит учётной записи"
    ),
    RefusalReason.BALANCE: both(
        "the account's balance is too low", "на балансе учётной записи недостаточно средств"
    ),
}


def reason_of_count(of: RecipientState, reason: str) -> Bilingual:
    """Return a reason of `Progress`: one of refusals, or why recipients are withheld."""
    if of is RecipientState.REFUSED:
        return _REFUSED[RefusalReason(reason)]
    unsent = {state.value: _STATES[state] for state in OrderState}
    withheld = {one.value: words for one, words in _WITHHELD.items()}
    return {**unsent, **withheld}[reason]


def reason_in_words(state: OrderState, reason: str | None) -> Bilingual:
    """Return why a recipient is in a state, or what the state is if it needs no reason."""
    if state is OrderState.REFUSED and reason:
        return _REFUSED[RefusalReason(reason)]
    if state is OrderState.WITHHELD and reason:
        return _WITHHELD[WithheldReason(reason)]
    return _STATES[state]
