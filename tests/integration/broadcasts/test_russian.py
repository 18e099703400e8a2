"""`scserv broadcast` in Russian, as an editor reads it."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from inbound.broadcasts.control import found
from inbound.errors import SetupError
from inbound.handlers.broadcasts import Action
from tests.integration.broadcasts.conftest import Bench, number
from tests.integration.broadcasts.test_command import run, table

pytestmark = pytest.mark.usefixtures("settings_of_the_service")
RU = ("--lang", "ru")
_ENGLISH = re.compile(r"[a-z]{4,}")
_NAMES = {"default", "scserv", "broadcast", "excluded", "start", "approve", "confirm", "cancel"}
_NAMES |= {
    "name",
    "binds",
    "create",
    "list",
    "spring",
    "europe",
    "moscow",
    "root",
    "data",
    "folder",
}


def english_words(said: str) -> set[str]:
    """Return what is left in English: neither names nor commands."""
    without_ids = re.sub(r"[0-9a-f-]{36}|/\S+|--\S+|SCSERV", "", said)
    return set(_ENGLISH.findall(without_ids.lower())) - _NAMES


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
    one = bench.act(found(bench.conn, UUID(id_)), Action.APPROVE, by="шеф")
    bench.now = datetime.now(UTC)
    await bench.rounds(2)
    said += [await asyncio.to_thread(run, "show", id_, *RU)]
    assert "утверждена 20" in said[-1]
    assert "идёт" in said[-1]
    bench.settle("delivered", 1)
    bench.act(one, Action.CANCEL)
    said += [
        await asyncio.to_thread(run, command, *of, *RU)
        for command, of in (("show", (id_,)), ("list", ()))
    ]
    assert "отменена 20" in said[-2]
    assert f"{id_}  20" in said[-1]
    assert "доставлено 1" in said[-2]
    assert not english_words("\n".join(said))


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
