"""Details of the audit that the service has written are Russian on a Russian page."""

import re

import pytest

from inbound.desk.audit.audit_details import DETAILS, DETAILS_OF, detail
from inbound.desk.audit.audit_words import ACTIONS
from inbound.desk.russian import RUSSIAN
from inbound.desk.words import Words
from inbound.timeline.model import Language

WORDS = Words(Language.RU, "Europe/Moscow")
CASES = [
    ("order.send", "account default", "учётная запись default"),
    ("order.cancel", "service of account crm", "сервисное сообщение учётной записи crm"),
    (
        "clients.import",
        "5 added, 1 updated, 0 unchanged, 2 rejected",
        "добавлено 5, изменено 1, без изменений 0, отклонено 2",
    ),
    ("desk.create_user", "ivanova: editor, support", "ivanova: редактор, поддержка"),
    (
        "desk.change_roles",
        "ivanova: editor -> approver, editor, by the provider",
        "ivanova: редактор -> утверждающий, редактор, по данным провайдера",
    ),
    ("desk.end_session", "of ivanova: 3", "пользователя ivanova: 3"),
    (
        "desk.second_factor",
        "as ivanova: recovery code used, 9 left",
        "под именем ivanova: использован код восстановления, осталось 9",
    ),
    ("desk.sign_in", "as ivanova, at the provider", "под именем ivanova, через провайдера"),
    ("desk.sign_in_failed", "wrong code", "неверный код"),
    ("desk.sign_in_throttled", "10 failures within 15 minutes",
     "неудачных попыток за 15 минут: 10"),
    ("desk.download_audit", "actor user ivanova, since 2026-05-01",
     "Кто: user ivanova, С даты: 2026-05-01"),
    (
        "accounts.change",
        "crm: enabled yes -> no; day_limit none -> 1000",
        "crm: Принимает заказы: да -> нет; Заказов в день: нет -> 1000",
    ),
    ("accounts.create", "crm: as it stands", "crm: без изменений исходных настроек"),
    (
        "accounts.texts.withdraw",
        "crm: texts to any number that begin with ORDER",
        "crm: сообщения на любой номер, которые начинаются с ORDER",
    ),
    (
        "broadcast.move",
        "Офис, starts at noon, starts at 2026-05-18 07:00:00 UTC, not at 2026-05-17 07:00:00 UTC",
        "Офис, starts at noon, начало 2026-05-18 07:00:00 UTC вместо 2026-05-17 07:00:00 UTC",
    ),
    (
        "broadcast.recipients",
        "для звонков (Офис: закрыт: refused, withheld)",
        "для звонков (Офис: закрыт: отказано, не отправлено)",
    ),
    (
        "broadcast.recipients",
        "для звонков (Офис (май): refused, withheld)",
        "для звонков (Офис (май): отказано, не отправлено)",
    ),
    ("deadletters.discard", "1 message: a test", "сообщений 1: a test"),
    ("deadletters.retry", "1 dead letter published again", "опубликовано снова: 1"),
    ("deadletters.retry", "2 dead letters published again", "опубликовано снова: 2"),
    ("clients.rejected", "1 row", "строк: 1"),
    ("templates.change", "case-done: version 2", "case-done: версия 2"),
    ("tokens.create", "crm: read, send (account crm)", "crm: read, send (учётная запись crm)"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "stored", "said"), CASES)
def test_what_the_service_wrote_is_russian(action: str, stored: str, said: str) -> None:
    assert detail(action, stored, WORDS) == said
    assert detail(action, stored, Words(Language.EN, "UTC")) == stored


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("reveal", "account default"),
        ("subscription.stop", "as she asked on the phone"),
        ("order.send", "a detail of a newer release"),
        ("accounts.change", "crm: pattern \\d -> x; unheard 1 -> 2"),
    ],
)
def test_what_people_wrote_stays_as_it_is(action: str, reason: str) -> None:
    assert detail(action, reason, WORDS) == reason


def test_every_detail_has_words_and_an_action() -> None:
    assert {*DETAILS, *DETAILS_OF} - ACTIONS.keys() == set()
    for keys in DETAILS.values():
        for key in keys:
            has_words = re.search("[a-z]", re.sub(r"\{\w+\}", "", key)) is not None
            assert not has_words or key in RUSSIAN, key
