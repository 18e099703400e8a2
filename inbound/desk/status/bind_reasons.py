"""Why a bind is down, in Russian, by the English that gateways report. Pure.

What the system or the SMS centre says (an error of the network, a status of SMPP) stays as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from inbound.smpp.connecting import CHECKS, NOTHING_LISTENS, UNKNOWN_HOST
from inbound.tls_faults import TlsFault

_WHOLE: Final[Mapping[str, str]] = {
    "the peer closed the connection": "СМС-центр закрыл соединение",
    "the peer stopped reading": "СМС-центр перестал читать",
    "the peer unbound": "СМС-центр отключился (unbind)",
    "the SMS centre unbinds": "СМС-центр отключается (unbind)",
    "this side unbound": "шлюз отключился (unbind)",
    "this side stops": "шлюз останавливается",
    "this side stopped handling requests": "шлюз перестал обрабатывать запросы",
    "the SMS centre did not accept the connection in time": "СМС-центр не принял соединение вовремя",
    "no bind was tried yet": "подключений ещё не было",
}
_BEGINNINGS: Final[Mapping[str, str]] = {
    "no connection to the SMS centre: ": "нет соединения с СМС-центром: ",
    "the connection broke: ": "соединение оборвалось: ",
    "no answer to the bind: ": "нет ответа на bind: ",
    "the SMS centre refused the bind: ": "СМС-центр отклонил bind: ",
    "the peer sent an invalid frame: ": "СМС-центр прислал неверный пакет: ",
    "no answer to enquire_link for ": "нет ответа на enquire_link, время ожидания ",
    "the peer sent nothing for ": "СМС-центр ничего не присылал ",
    "no bind within ": "подключение не состоялось за ",
}
_NOT_CONNECTED: Final[Mapping[str, str]] = {
    NOTHING_LISTENS: "там никто не принимает соединений; проверьте host и port",
    UNKNOWN_HOST: "имя узла неизвестно; проверьте host",
}
_OF_TLS: Final[Mapping[TlsFault, str]] = {
    TlsFault.OTHER_HOST: "его сертификат выдан другому узлу; проверьте host",
    TlsFault.UNTRUSTED: "его сертификату нет доверия; проверьте tls_ca",
    TlsFault.EXPIRED: "срок действия его сертификата или сертификата его центра истёк; "
    "попросите его оператора обновить сертификат",
    TlsFault.NOT_YET_VALID: "срок действия его сертификата или сертификата его центра ещё не "
    "начался; сравните часы обеих машин",
    TlsFault.OLD: "у него нет TLS 1.2 или новее; попросите его оператора включить",
    TlsFault.OUR_CERTIFICATE: "он отклоняет наш сертификат; проверьте tls_cert",
    TlsFault.UNAGREED: "он требует сертификат клиента или не имеет наших шифров TLS; "
    "проверьте tls_cert",
    TlsFault.NO_TLS: "он отвечает не по TLS; проверьте tls и port",
    TlsFault.BROKEN_OFF: "он прервал установление TLS; проверьте tls, port и tls_cert",
    TlsFault.OTHER: "ошибка TLS; проверьте tls и port",
}


def _why() -> Iterator[tuple[str, str]]:
    yield from _NOT_CONNECTED.items()
    for fault, meant in _OF_TLS.items():
        yield f"{fault}; {CHECKS[fault]}", meant


def reason_in_russian(reason: str) -> str:
    """Return a reason in Russian; as it is if it has another beginning."""
    if reason in _WHOLE:
        return _WHOLE[reason]
    for english, russian in _BEGINNINGS.items():
        if reason.startswith(english):
            rest = reason.removeprefix(english)
            for why, meant in _why():
                if rest.startswith(why):
                    return russian + meant + rest.removeprefix(why)
            seconds = rest.removesuffix(" s")
            is_time = seconds != rest and seconds.replace(".", "").isdigit()
            return russian + (f"{seconds} с" if is_time else rest)
    return reason
