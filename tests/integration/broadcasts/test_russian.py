"""`scserv broadcast` in Russian, as an editor reads it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from inbound.broadcasts.control import found
from inbound.cli._os_user import os_user
from inbound.errors import SetupError
from inbound.handlers.broadcasts import BroadcastAction
from tests.integration.broadcasts.commands import run, table
from tests.integration.broadcasts.conftest import Bench, number
from tests.russian import english_words

pytestmark = pytest.mark.usefixtures("settings_of_the_service")
RU = ("--lang", "ru")
NAMES = {
    "default",
    "Kafka",
    "name",
    "scserv",
    "broadcast",
    "excluded",
    "approve",
    "cancel",
    "Spring",
    os_user(),
}


async def test_what_an_editor_reads_is_russian(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients(map(number, range(4)))
    bench.need_approval_above(2)
    rows = [f"{number(n)},Анна,Омск" for n in range(4)]
    path = table(tmp_path, *rows, rows[0], "12,Вера,Пермь", ",Глеб,Томск")
    made = await asyncio.to_thread(
        run,
        "create",
        "--name",
        "Spring",
        "--text",
        "{name}, офис закрыт.",
        "--rate",
        "2",
        *("--audience", str(path)),
        *RU,
    )
    for line in (
        "Spring: черновик, 4 получателя",
        "первому получателю: Анна, офис закрыт.",
        "не больше 2 сообщений в секунду: отправка займёт 2",
        "исключены, 1: номер уже есть в списке",
        "нужно утверждение: получателей больше 2. После `start` другой человек выполняет",
    ):
        assert line in made
    id_ = made.splitlines()[0]
    said = [made, await asyncio.to_thread(run, "start", id_, *RU)]
    assert "если её утвердит другой человек" in said[-1]
    one = bench.act(found(bench.conn, UUID(id_)), BroadcastAction.APPROVE, by="шеф")
    bench.now = datetime.now(UTC)
    await bench.rounds(2)
    said += [await asyncio.to_thread(run, "show", id_, *RU)]
    assert "утверждена 20" in said[-1]
    assert "идёт" in said[-1]
    bench.settle("delivered", 1)
    bench.act(one, BroadcastAction.CANCEL)
    said += [
        await asyncio.to_thread(run, command, *of, *RU)
        for command, of in (("show", (id_,)), ("list", ()))
    ]
    assert "отменена 20" in said[-2]
    assert f"{id_}  20" in said[-1]
    assert "доставлено 1" in said[-2]
    assert not english_words("\n".join(said), NAMES)


def test_refusals_are_russian(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients([number(0)])
    path = table(tmp_path, f"{number(0)},Анна,Омск")
    options = ("create", "--name", "Spring", "--text", "Закрыто.", "--audience", str(path))
    id_ = run(*options, *RU).splitlines()[0]
    refusals = []
    for arguments in (
        ("pause", id_),
        ("approve", id_),
        ("confirm", id_),
        ("resume", id_),
        ("show", "x"),
        ("recipients", id_, "--state", "lost"),
        ("start", id_, "--at", "01.01.2020 10:00"),
    ):
        with pytest.raises(SetupError) as refused:
            run(*arguments, *RU)
        refusals.append(str(refused.value))
    assert refusals[0].endswith(
        "изменить нельзя: её состояние — «черновик», а для этого нужно «запланирована» или «идёт»"
    )
    run("start", id_, "--at", "2090-05-17T10:00", *RU)
    with pytest.raises(SetupError, match=r"она уже запланирована; `start` с другим.* Начало: 2090"):
        run("start", id_, *RU)
    with pytest.raises(SetupError, match="удалить можно только черновик"):
        run("delete", id_, *RU)
    empty = table(tmp_path, "12,Анна,Омск")
    made = run("create", "--name", "Spring", "--text", "Закрыто.", "--audience", str(empty), *RU)
    assert "у неё нет получателей (исключены 1: не номер телефона" in made


@pytest.mark.parametrize(
    "options",
    [
        ("--text", "Закрыто.", "--template", "x"),
        ("--text", " \N{ZERO WIDTH SPACE}"),
        ("--text", "я" * 700),
        ("--text", "{name}"),
        ("--template", "none"),
        ("--text", "a", "--account", "none"),
        ("--text", "a", "--sender", "Shop"),
        ("--text", "a", "--spread"),
        ("--text", "a", "--hours", "10"),
        ("--text", "a", "--hours", "10:00-10:00"),
        ("--text", "a", "--sheet", "May"),
        ("--text", "a", "--updated-since", "soon"),
    ],
)
def test_what_is_wrong_with_a_draft_is_russian(bench: Bench, options: tuple[str, ...]) -> None:
    bench.add_clients([number(0)])
    with pytest.raises(SetupError) as refused:
        run("create", "--name", "Spring", "--audience", "all", *options, *RU)
    assert not english_words(str(refused.value), {"none", "Shop", "name", "soon", "default"})


def test_warnings_are_russian(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients(map(number, range(3)))
    limits = ("--per-day", "1", "--price", "2.5", "--balance", "5", "--pattern", "Dear .*")
    run("change", "default", *limits, *RU, command="accounts")
    path = table(tmp_path, *(f"{number(n)},Анна,Омск" for n in range(3)))
    options = ("create", "--name", "Spring", "--text", "Закрыто.", "--audience", str(path))
    made = run(*options, *RU)
    for warning in (
        "внимание: лимит учётной записи default на день — 1, отправлено 0: 2 из 3 получателей",
        "внимание: она стоит до 7.50 RUB, а баланс учётной записи default — 5.00 RUB; пополните",
        "внимание: один из примеров не подходит ни под один шаблон текстов",
    ):
        assert warning in made
    shown = run("show", "default", *RU, command="accounts")
    assert "в день          использовано 0 из 1" in shown
    assert not english_words(
        made + shown,
        {
            "default",
            "Spring",
            "send",
            "Dear",
            "scserv",
            "broadcasts",
            "service",
            "strangers",
            "kafka",
            "broadcast",
            "excluded",
            os_user(),
        },
    )
    run("change", "default", "--disable", *RU, command="accounts")
    assert "default  отключена" in run("list", *RU, command="accounts")


def test_templates_are_shown_in_russian(bench: Bench) -> None:
    del bench
    fields = ("--field", "ticket:code:10", "--field", "day:date")
    texts = ("--ru", "Заявка {ticket} {day}.", "--en", "Request {ticket} {day}.")
    said = [run("create", "done", *texts, *fields, *RU, command="templates")]
    said += [run(each, "done", *RU, command="templates") for each in ("show", "versions", "retire")]
    said += [run("list", "--all", *RU, command="templates")]
    assert "поле day: дата, например 2026-01-31 или 31.01.2026" in said[1]
    assert "done  версия 1, снят, ru, en, поля: ticket, day, до 1 части СМС" in said[-1]
    assert not english_words(
        "".join(said), {"done", "ticket", "Request", "Latin", os_user()} | {"max_parts", "parts"}
    )
    with pytest.raises(SetupError, match="шаблона none нет"):
        run("show", "none", *RU, command="templates")


def test_the_reasons_of_a_file_are_russian(bench: Bench, tmp_path: Path) -> None:
    bench.add_clients([number(0)])
    rows = [f"{number(0)},Анна,Омск"] * 2
    id_ = run(
        *("create", "--name", "Spring", "--text", "Закрыто."),
        *("--audience", str(table(tmp_path, *rows)), *RU),
    ).splitlines()[0]
    for languages, reason in ((RU, "номер уже есть в списке в строке 2"), ((), "the number is in")):
        file = tmp_path / f"{len(languages)}.csv"
        assert str(file) in run("excluded", id_, "--file", str(file), *languages)
        assert reason in file.read_text("utf-8-sig")
