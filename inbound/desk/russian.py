"""The desk's words in Russian, by their English text. Pure."""

from collections.abc import Mapping
from typing import Final

RUSSIAN: Final[Mapping[str, str]] = {
    # The frame of every page.
    "Skip to the content": "К содержанию",
    "Pages": "Страницы",
    "Sign out": "Выйти",
    "Your account": "Ваша учётная запись",
    "To the first page": "На первую страницу",
    "Number of this request:": "Номер этого запроса:",
    # Signing in.
    "Sign in to SCSERV": "Вход в SCSERV",
    "Sign in": "Войти",
    "Name": "Имя",
    "Password": "Пароль",
    "Forgotten? An administrator gives you a new one:": "Забыли? Администратор выдаст новый:",
    "The name or the password is wrong.": "Неверное имя или пароль.",
    "Too many failed attempts. Try again in {minutes} min.": "Слишком много неудачных попыток. "
    "Попробуйте снова через {minutes} мин.",
    "Too many failed attempts. Try again in a quarter of an hour.": "Слишком много неудачных "
    "попыток. Попробуйте снова через четверть часа.",
    "Your session has ended. Sign in again: what you typed is kept.": "Сеанс завершён. Войдите "
    "снова: введённое сохранено.",
    "Continue": "Продолжение",
    "You are signed in again": "Вы снова вошли",
    "Your session had ended before this was sent. Nothing was changed yet. Send it now?": "Сеанс "
    "завершился раньше, чем это было отправлено. Пока ничего не изменилось. Отправить сейчас?",
    "Send it now": "Отправить",
    "Leave it": "Не отправлять",
    # One's own account.
    "Who you are": "Кто вы",
    "Name in the audit": "Имя в журнале аудита",
    "Roles": "Роли",
    "viewer": "наблюдатель",
    "support": "поддержка",
    "editor": "редактор",
    "approver": "утверждающий",
    "operator": "оператор",
    "administrator": "администратор",
    "Your sessions": "Ваши сеансы",
    "Times are in the zone {zone}.": "Время указано в поясе {zone}.",
    "This browser": "Этот браузер",
    "Another browser": "Другой браузер",
    "begun {begun}, last used {used}": "начат {begun}, использован {used}",
    "End": "Завершить",
    "End all others": "Завершить все остальные",
    "The session was ended.": "Сеанс завершён.",
    "All other sessions were ended.": "Все остальные сеансы завершены.",
    "New password": "Новый пароль",
    "Current password": "Текущий пароль",
    "New password again": "Новый пароль ещё раз",
    "At least 12 characters; a few words are easier to remember than signs.": "Не меньше 12 "
    "символов; несколько слов запомнить легче, чем знаки.",
    "Change the password": "Сменить пароль",
    "Your sessions in other browsers end then.": "Сеансы в других браузерах при этом завершатся.",
    "The password was changed. Your sessions in other browsers have ended.": "Пароль изменён. "
    "Сеансы в других браузерах завершены.",
    "The two new passwords differ.": "Новые пароли не совпадают.",
    "The current password is wrong.": "Текущий пароль неверен.",
    "A password needs at least 12 characters.": "В пароле должно быть не меньше 12 символов.",
    "A password has at most 256 characters.": "В пароле может быть не больше 256 символов.",
    "The password must not contain the name of the user.": "Пароль не должен содержать имя "
    "пользователя.",
    "This password is one of those that are guessed first.": "Этот пароль из тех, что подбирают "
    "первыми.",
    # The handset.
    "Handset": "Телефоны",
    "Two phones of sample clients, at the simulated SMS centre. What you text goes the same way as "
    "a text of a real phone.": "Два телефона клиентов из примера у имитатора СМС-центра. Ваше "
    "сообщение проходит тот же путь, что и сообщение с настоящего телефона.",
    "Reload to see replies": "Обновите страницу, чтобы увидеть ответы",
    "Phone {number}": "Телефон {number}",
    "Messages on {number}": "Сообщения на {number}",
    "Nothing yet. Text a command: a reply comes within seconds.": "Пока пусто. Отправьте команду: "
    "ответ придёт через несколько секунд.",
    "The simulated SMS centre does not answer. Nothing is lost: reload the page when it is "
    "back.": "Имитатор СМС-центра не отвечает. Ничего не потеряно: обновите страницу, когда он "
    "заработает.",
    "parts: {count}": "частей: {count}",
    "after {seconds} s": "через {seconds} с",
    "+{seconds} s": "+{seconds} с",
    "Text from {number}": "Сообщение с {number}",
    "Text message": "СМС-сообщение",
    "Send from {number}": "Отправить с {number}",
    "Commands for {number}": "Команды для {number}",
    "Type a text first.": "Сначала введите сообщение.",
    "A text has at most 459 characters here.": "Здесь в сообщении может быть не больше 459 "
    "символов.",
    "The text was not sent: the simulated SMS centre does not take it.": "Сообщение не отправлено: "
    "имитатор СМС-центра его не принимает.",
    "What the service does": "Что делает сервис",
    "Send a text: each step lights up here, from the SMS centre's deliver_sm to the delivery "
    "receipt.": "Отправьте сообщение: здесь загорится каждый шаг, от deliver_sm СМС-центра до "
    "отчёта о доставке.",
    "The last text, from {number}": "Последнее сообщение, с {number}",
    "No reply, on purpose. What support tells the client:": "Ответа нет, так и должно быть. Что "
    "поддержка скажет клиенту:",
    "still to come": "ещё впереди",
    "Your text": "Ваше сообщение",
    "Acknowledgement": "Подтверждение",
    "Fulfilment": "Исполнение",
    "deliver_sm received": "Получен deliver_sm",
    "Parts joined": "Части собраны",
    "Command recognised": "Команда распознана",
    "Decided": "Решение принято",
    "Notifications switched": "Уведомления переключены",
    "In the event log": "Записано в журнал событий",
    "In the outbox": "В очереди на отправку",
    "Claimed by a gateway": "Взято шлюзом",
    "submit_sm sent": "Отправлен submit_sm",
    "Not accepted yet": "Пока не принято",
    "submit_sm_resp received": "Получен submit_sm_resp",
    "Delivery receipt received": "Получен отчёт о доставке",
    "Late": "С опозданием",
    "Held for a person": "Задержано для проверки",
    "Released": "Разрешено",
    "Refused": "Отказано",
    "Completed": "Завершено",
    # What went wrong.
    "Nothing was changed.": "Ничего не изменилось.",
    "It is not certain whether your change was made.": "Неизвестно, выполнено ли ваше изменение.",
    "Your role does not allow this.": "Ваша роль этого не позволяет.",
    "If you need it for your work, ask an administrator for another role.": "Если это нужно вам "
    "для работы, попросите у администратора другую роль.",
    "This form is out of date.": "Эта форма устарела.",
    "Go back, reload the page and send the form again.": "Вернитесь, обновите страницу и отправьте "
    "форму ещё раз.",
    "There is no such page.": "Такой страницы нет.",
    "Check the address, or choose a page from the menu.": "Проверьте адрес или выберите страницу в "
    "меню.",
    "This address takes only forms.": "Этот адрес принимает только формы.",
    "Choose a page from the menu.": "Выберите страницу в меню.",
    "The form is too large.": "Форма слишком большая.",
    "Go back and shorten what you typed.": "Вернитесь и сократите введённое.",
    "The service can't answer at this moment.": "Сервис сейчас не может ответить.",
    "Wait a moment and reload the page.": "Подождите немного и обновите страницу.",
    "Wait a moment, look at the page again, and repeat your change if it is missing.": "Подождите "
    "немного, откройте страницу снова и повторите изменение, если его нет.",
    "Something went wrong in the service itself.": "Ошибка в самом сервисе.",
    "Tell an operator the number below: the log explains it.": "Сообщите оператору номер ниже: по "
    "нему причина найдётся в журнале.",
}
