"""Clients as operators import them, and what they are answered."""

from dataclasses import dataclass
from typing import Final

STOPPED: Final = "СМС-уведомления и СМС-оповещения отключены. Включить: CLIENT sms start"
STARTED: Final = "СМС-уведомления и СМС-оповещения включены. Отключить: CLIENT sms stop"
UNKNOWN_NUMBER: Final = "Запрос не выполнен: этот номер не зарегистрирован в SCSERV."


@dataclass(frozen=True, slots=True)
class Client:
    """One line of the file that operators import."""

    number: str
    personal_code: str = "1234"
    login: str = "ivanov"
    password: str = "1a2b3c4d"

    @property
    def registration(self) -> str:
        """The text of this client's `CLIENT info` fulfilment, as specified."""
        return (
            f"ЦЕНТР РЕГИСТРАЦИИ. Персональный код: {self.personal_code}. КЛИЕНТСКИЙ ПОРТАЛ: "
            f"имя входа: {self.login}, пароль: {self.password}. "
            "Никому не сообщайте свои регистрационные данные."
        )
