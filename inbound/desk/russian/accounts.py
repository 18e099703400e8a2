"""Words of the pages of accounts and tokens. Pure."""

from collections.abc import Mapping
from typing import Final

ACCOUNTS: Final[Mapping[str, str]] = {
    # Tokens.
    "Tokens": "Токены",
    "Tokens of the HTTP API": "Токены HTTP API",
    "The token {name}": "Токен {name}",
    "It is not shown again: only its hash is stored. Put it where the program reads it, and nowhere else.": "Больше он не показывается: хранится только хеш. Сохраните его там, откуда его читает программа, и больше нигде.",
    "Which programs may call": "Какие программы имеют доступ",
    "No program has a token yet. Create one for each program, with no more than it needs.": "Токенов пока нет. Создайте по одному на программу, только с нужными ей правами.",
    "Allows": "Разрешает",
    "Last used": "Последнее использование",
    "Action": "Действие",
    "until {at}": "до {at}",
    "for ever": "бессрочно",
    "never": "ни разу",
    "valid": "действует",
    "revoked": "отозван",
    "Revoke": "Отозвать",
    "Revoke {name}": "Отозвать {name}",
    "A new token": "Новый токен",
    "Name of the program": "Название программы",
    "What it allows": "Что он разрешает",
    "Account that it sends for": "От чьего имени отправляет",
    "Valid for": "Срок действия",
    "days: {count}": "дней: {count}",
    "Create the token": "Создать токен",
    "It is shown once, on the next page.": "Он показывается один раз, на следующей странице.",
    "See people, messages and broadcasts, without numbers.": "Видеть людей, сообщения и рассылки, без номеров.",
    "Learn which client a subject is. Each time is recorded.": "Узнавать, какой это клиент. Каждый раз записывается.",
    "See whole numbers, for a reason. Each time is recorded.": "Видеть полные номера с указанием причины. Каждый раз записывается.",
    "Have messages and broadcasts sent, in the name of an account.": "Отправлять сообщения и рассылки от имени учётной записи.",
    "The token was revoked. It is refused from now on.": "Токен отозван. Больше он не принимается.",
    "The token was created.": "Токен создан.",
    "A name has up to 64 letters, digits, dots and dashes, and is no phone number.": "Имя — до 64 латинских букв, цифр, точек и дефисов и не похоже на номер телефона.",
    "Choose what the token allows.": "Выберите, что разрешает токен.",
    "A valid token has this name. Revoke it first, or choose another name.": "Действующий токен с таким именем уже есть. Сначала отзовите его или выберите другое имя.",
    "There is no such account any more. Choose another one.": "Такой учётной записи больше нет. Выберите другую.",
    "Accounts": "Учётные записи",
}
