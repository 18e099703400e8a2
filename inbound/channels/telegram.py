"""Telegram's Bot API (sendMessage): one request for each message.

The token is in the path of the URL, so no error of the client is ever logged or passed on as it is.
Redirects are not followed: the token would go with them. An error answer means that nothing was
sent; a connection that breaks while the answer is awaited leaves the outcome unknown, since the API
has no idempotent request. So does a 5xx without the API's own answer: it comes from something
between, which may have passed the request on.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from pydantic_core import from_json
from typing_extensions import override

from inbound.channels.port import Accepted, ChannelAdapter, Outgoing, Refused, UnavailableError
from inbound.parsers.channel_texts import ChannelText, ChannelTextError, parse_channel_text
from inbound.smpp.errors import UnansweredError, UnencodableError
from inbound.smpp.status import Status
from inbound.tls_faults import tls_words

LONGEST_TEXT: Final = 4096
"""Characters of a message (Bot API, sendMessage), counted as UTF-16 units."""

LONGEST_PAUSE_S: Final = 3600.0

_KEPT_S: Final = 5.0
_LARGEST_ANSWER: Final = 1 << 20
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_WRONG_TOKEN: Final = frozenset({401, 404})
_WITH_CAUSE: Final = aiohttp.ClientConnectorError
_NOT_CONNECTED: Final = (_WITH_CAUSE, aiohttp.ConnectionTimeoutError)


@dataclass(frozen=True, slots=True)
class BotApi:
    """A Bot API server, and our bot there; `bot` is its name without @."""

    url: str
    token: str = field(repr=False)
    bot: str
    timeout_s: float = 30.0


class TelegramChannel(ChannelAdapter):
    """Sends messages as our bot. For one event loop."""

    def __init__(self, api: BotApi) -> None:
        self._api = api
        self._session: aiohttp.ClientSession | None = None

    @override
    async def deliver(self, outgoing: Outgoing) -> Accepted | Refused:
        parsed = self._parsed(outgoing.text)
        if parsed.option.removeprefix("@").lower() not in {"", self._api.bot.lower()}:
            return Refused(Status.ESME_RINVSRCADR)
        body = {"chat_id": int(outgoing.address), "text": parsed.text}
        url = f"{self._api.url.rstrip('/')}/bot{self._api.token}/sendMessage"
        try:
            async with self._open().post(url, json=body, allow_redirects=False) as response:
                content = await response.content.read(_LARGEST_ANSWER)
                return _answer(response.status, content)
        except _NOT_CONNECTED as error:
            # Without its text: it has the URL, and so the token.
            fault = tls_words(error.os_error) if isinstance(error, _WITH_CAUSE) else None
            why = f": {fault}" if fault else ""
            raise UnavailableError(f"the Bot API can't be reached{why}") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            # Without its text and cause: they have the URL, and so the token.
            raise UnansweredError(f"no answer: {type(error).__name__}") from None

    @override
    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            total_s = self._api.timeout_s
            timeout = aiohttp.ClientTimeout(total=total_s, sock_connect=total_s / 2)
            # Short: a connection that the server is just closing would leave an outcome unknown.
            connector = aiohttp.TCPConnector(keepalive_timeout=_KEPT_S)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self._session

    @staticmethod
    def _parsed(text: str) -> ChannelText:
        try:
            parsed = parse_channel_text(text)
        except ChannelTextError:
            parsed = None
        if parsed is None or len(parsed.text.encode("utf-16-le")) // 2 > LONGEST_TEXT:
            raise UnencodableError("not a message of the bot")
        return parsed


def _answer(code: int, content: bytes) -> Accepted | Refused:
    """Read the answer of the API (Bot API, Making requests)."""
    answer = _object(content)
    if answer.get("ok") is True:
        result = answer.get("result")
        return Accepted(str(result.get("message_id", "")) if isinstance(result, dict) else "")
    if code == _TOO_MANY:
        return Refused(Status.ESME_RTHROTTLED, _pause_s(answer))
    if code in _WRONG_TOKEN:
        raise UnavailableError(f"the Bot API answered {code}: check url and token")
    if answer.get("ok") is not False:
        raise UnansweredError(f"the answer {code} is not the Bot API's")
    if code >= _SERVER_ERROR:
        return Refused(Status.ESME_RX_T_APPN)
    # 400: there is no such chat, or the text is wrong; 403: the person blocked the bot.
    return Refused(Status.ESME_RINVDSTADR)


def _pause_s(answer: dict[str, Any]) -> float:
    parameters = answer.get("parameters")
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if isinstance(seconds, int) and seconds > 0:
        return min(float(seconds), LONGEST_PAUSE_S)
    return 1.0


def _object(content: bytes) -> dict[str, Any]:
    try:
        answer = from_json(content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
