"""`scserv accounts texts`: which texts of phones belong to an account, and how it gets them."""

from typing import TYPE_CHECKING

import click

from inbound.cli._account_senders import APPLICATION_NAME, find_account, of_account
from inbound.cli._context import service_settings_options
from inbound.cli._database import open_database
from inbound.cli._os_user import os_user
from inbound.cli._times import local
from inbound.errors import SetupError
from inbound.parsers.numbers import NATIONAL_DIGITS, last_digits
from inbound.parsers.text_routes import ANY, LONGEST_WORD, RouteKey, first_word
from inbound.settings import Settings
from inbound.terminal import echo, echo_json
from inbound.wording import Bilingual, both

if TYPE_CHECKING:
    from inbound.store.mo.text_routes import ListedRoute, Way

_SHORTEST_CODE = 3

_number = click.option("--number", metavar="NUMBER", help="Texts to this number of the service.")
_word = click.option("--word", metavar="WORD", help="Texts that begin with this word.")
_all = click.option("--all", "is_all", is_flag=True, help="All texts that no other account has.")


@click.group
def texts() -> None:
    """Texts of phones that are no commands: which of them belong to an account.

    Its program gets them by deliver_sm, or its URL is called. Nobody is answered.
    """


@texts.command
@click.argument("name")
@_number
@_word
@_all
@service_settings_options
def assign(
    settings: Settings, name: str, *, number: str | None, word: str | None, is_all: bool
) -> None:
    """Give texts to the account NAME: by the number that is texted, the first word, or both.

    A text goes to the account whose assignment says most: number and word, number, word, all.
    """
    from inbound.store.mo import text_routes

    key = _key(number, word, is_all=is_all)
    with open_database(settings, APPLICATION_NAME) as connection:
        changed = of_account(
            name, lambda: text_routes.assign(connection, name, key, actor=os_user())
        )
    about = _described(key)
    if changed:
        echo(both("{name} gets {about}", "{name} получает {about}", name=name, about=about))
    else:
        echo(
            both(
                "{name} gets {about} already",
                "{name} уже получает {about}",
                name=name,
                about=about,
            )
        )


@texts.command
@click.argument("name")
@_number
@_word
@_all
@service_settings_options
def withdraw(
    settings: Settings, name: str, *, number: str | None, word: str | None, is_all: bool
) -> None:
    """Take texts from the account NAME; those that wait for its program are still delivered."""
    from inbound.store.mo import text_routes

    key = _key(number, word, is_all=is_all)
    with open_database(settings, APPLICATION_NAME) as connection:
        find_account(connection, name)
        changed = text_routes.withdraw(connection, name, key, actor=os_user())
    about = _described(key)
    if not changed:
        raise SetupError(
            both(
                "NAME: {name} was not given {about}; `scserv accounts texts list` shows what it is",
                "NAME: {about} для {name} не назначены; что назначено, покажет `scserv accounts "
                "texts list`",
                name=name,
                about=about,
            )
        )
    echo(both("{name} gets no {about}", "{name} не получает {about}", name=name, about=about))


@texts.command
@click.argument("name")
@click.argument("way", type=click.Choice(("smpp", "http")))
@service_settings_options
def over(settings: Settings, name: str, way: "Way") -> None:
    """Have NAME get its texts over SMPP, or by calls to its URL (`scserv callbacks set`).

    Only one of the two applies, SMPP at first. Waiting texts take the new way, too.
    """
    from inbound.store.mo import text_routes

    with open_database(settings, APPLICATION_NAME) as connection:
        of_account(name, lambda: text_routes.set_way(connection, name, way, actor=os_user()))
    way_name = way.upper()
    echo(
        both(
            "{name} gets its texts over {way}",
            "{name} получает сообщения по {way}",
            name=name,
            way=way_name,
        )
    )


@texts.command("list")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@service_settings_options
def list_texts(settings: Settings, name: str | None, *, as_json: bool) -> None:
    """Show which texts the account NAME, or every account, gets, and how many wait for it."""
    from inbound.store.mo import text_routes

    with open_database(settings, APPLICATION_NAME) as connection:
        if name is not None:
            find_account(connection, name)
        found = text_routes.list_routes(connection, name)
    for one in found:
        echo_json(_as_object(one)) if as_json else echo(_line(one, settings.time_zone))
    if not found and not as_json:
        echo(both("no texts are assigned", "сообщения никому не назначены"))


def _key(number: str | None, word: str | None, *, is_all: bool) -> RouteKey:
    if is_all == (number is not None or word is not None):
        raise SetupError(
            both(
                "--number, --word: name one of them or both, or --all",
                "--number, --word: укажите одно или оба либо --all",
            )
        )
    return RouteKey(
        ANY if number is None else _checked_number(number),
        ANY if word is None else _checked_word(word),
    )


def _checked_number(number: str) -> str:
    digits = last_digits("".join(each for each in number if each not in " -()"))
    if not (digits.isascii() and digits.isdigit()) or len(digits) < _SHORTEST_CODE:
        raise SetupError(
            both(
                "--number: not a number of the service: write it like +79086228779 or 1234",
                "--number: это не номер сервиса: пишите +79086228779 или 1234",
            )
        )
    return digits


def _checked_word(word: str) -> str:
    first = first_word(word)
    if first == ANY or len(word.split()) != 1 or len(first) > LONGEST_WORD:
        raise SetupError(
            both(
                "--word: one word of up to {most} characters",
                "--word: одно слово, не длиннее {most} знаков",
                most=LONGEST_WORD,
            )
        )
    return first


def _described(key: RouteKey) -> Bilingual:
    number = both("to any number", "на любой номер")
    if key.number != ANY:
        number = both("to {number}", "на {number}", number=_shown(key.number))
    word = both("", "")
    if key.word != ANY:
        word = both(" that begin with {word}", " со слова {word}", word=key.word)
    return both("texts {number}{word}", "сообщения {number}{word}", number=number, word=word)


def _shown(number: str) -> str:
    return f"…{number}" if len(number) == NATIONAL_DIGITS else number


def _line(one: "ListedRoute", zone: str) -> Bilingual:
    return both(
        "{name}  {about}, over {way}, since {at}; {waiting} waiting",
        "{name}  {about}, по {way}, с {at}; ждут: {waiting}",
        name=one.account,
        about=_described(RouteKey(one.number, one.word)),
        way=one.over.upper(),
        at=local(one.added_at, zone, seconds=False),
        waiting=one.waiting,
    )


def _as_object(one: "ListedRoute") -> dict[str, object]:
    return {
        "account": one.account,
        "number": one.number or None,
        "word": one.word or None,
        "over": one.over,
        "added_at": one.added_at,
        "waiting": one.waiting,
    }
