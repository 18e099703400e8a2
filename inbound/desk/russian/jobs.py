"""Russian words about work that takes long."""

from collections.abc import Mapping
from typing import Final

JOBS: Final[Mapping[str, str]] = {
    "Others are loading large tables at this moment.": "Сейчас другие загружают большие таблицы.",
    "Wait a minute and try again.": "Подождите минуту и попробуйте снова.",
    "Others are loading large tables. This one comes next.": "Сейчас загружаются другие большие таблицы. Эта на очереди.",
    "{percent} % is done.": "Сделано {percent} %.",
    # Why it didn't end.
    "The database did not answer meanwhile. Nothing was stored: send the form again.": "База данных за это время не ответила. Ничего не сохранено: отправьте форму ещё раз.",
    "The service was stopped meanwhile. Nothing was stored: send the form again.": "За это время сервис остановили. Ничего не сохранено: отправьте форму ещё раз.",
    "The process that was at it has died. Nothing was stored: send the form again.": "Процесс, который этим занимался, прервался. Ничего не сохранено: отправьте форму ещё раз.",
    "Something went wrong in the service itself. Nothing was stored: tell an operator, who finds the reason in the log of the service.": "Произошла ошибка в самом сервисе. Ничего не сохранено: сообщите оператору, причина есть в журнале сервиса.",
    "The file could not be written: the disk may be full. Nothing was stored: tell an operator, and send the form again later.": "Файл не удалось записать: возможно, на диске нет места. Ничего не сохранено: сообщите оператору и отправьте форму позже.",
    # A table of clients.
    "The table is being checked": "Таблица проверяется",
    "The table is being imported": "Таблица загружается",
    "The rows are being compared with the directory.": "Строки сравниваются со справочником.",
    "You can leave this page: the work goes on, and this address leads to its result for a day.": "Страницу можно закрыть: работа продолжится. По этому адресу сутки можно увидеть результат.",
    "All good rows are imported, or none if it breaks off.": "Загрузятся все правильные строки, а если работа прервётся — ни одной.",
    # A file to download.
    "A file about a broadcast": "Файл о рассылке",
    "Back to the broadcast": "Назад к рассылке",
    "The file is being written": "Файл готовится",
    "The last rows are being written.": "Записываются последние строки.",
    "You can leave this page: the work goes on, and this address leads to the file for an hour.": "Страницу можно закрыть: работа продолжится. По этому адресу файл будет доступен час.",
    "The file is ready": "Файл готов",
    "Download the file": "Скачать файл",
    "The file has whole numbers. It is deleted within an hour, and nobody else can download it.": "В файле полные номера. Он удалится в течение часа, и скачать его можете только вы.",
    "The file is not there any more: it was downloaded, or an hour has passed. Make it again.": "Файла больше нет: его уже скачали или прошёл час. Подготовьте его снова.",
    "There is no such file.": "Такого файла нет.",
    "Files are deleted after an hour. Make it again on the page of the broadcast.": "Файлы удаляются через час. Подготовьте его снова на странице рассылки.",
}
