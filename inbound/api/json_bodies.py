"""Reads the body of a request as JSON whose objects name each field once."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from typing_extensions import override

from inbound import unique_names
from inbound.api.problems import ProblemKind, Refusal, invalid

_PLAIN: Final = "identity"
_NOTHING: Final = {b"", b"{}"}


class JsonRoute(APIRoute):
    """The route of every path that may have a body."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            read = _JsonRequest(request.scope, request.receive)
            # Ignoring such a body could start a broadcast at once although the body names a time.
            if self.body_field is None and (await read.body()).strip() not in _NOTHING:
                raise invalid("body", "is not read here: send none; parameters are in the query")
            return await handler(read)

        return handle


class _JsonRequest(Request):
    _value: Any

    @override
    async def json(self) -> Any:
        if not hasattr(self, "_value"):
            encoding = self.headers.get("content-encoding", _PLAIN).strip().lower()
            if encoding != _PLAIN:
                raise Refusal(
                    ProblemKind.MEDIA_TYPE,
                    "send the body as it is: the service unpacks no `Content-Encoding`",
                    {"Accept-Encoding": _PLAIN},
                )
            try:
                self._value = unique_names.loads(await self.body())
            except unique_names.RepeatedNameError as error:
                raise invalid("body", str(error)) from None
        return self._value
