"""What the sender needs of the binds to the SMS centres. The gateway fills these ports."""

import asyncio
from collections.abc import Iterator
from typing import Protocol

from inbound.smpp.message_ids import IdForm
from inbound.smpp.pdu import SubmitSm, SubmitSmResp


class BindPort(Protocol):
    """One bind that submits messages."""

    @property
    def name(self) -> str:
        """The bind's name in the settings."""

    @property
    def centre(self) -> str:
        """The SMS centre it leads to."""

    @property
    def answer_ids(self) -> IdForm:
        """How its centre writes message ids in submit_sm_resp."""

    @property
    def alphabet(self) -> str:
        """The default alphabet of its centre: what data_coding 0 means."""

    @property
    def window(self) -> int:
        """How many messages may be unanswered."""

    @property
    def takes_bulk(self) -> bool:
        """Whether a message of the bulk lane may leave now."""

    async def slot(self) -> None:
        """Wait until one message may be submitted. Reserves nothing."""

    async def wait_for_work(self) -> None:
        """Wait until a message is ready, or until stranded ones are due for a look.

        Call it right after finding nothing to send, without awaiting in between.
        """

    def submit(self, pdu: SubmitSm, *, bulk: bool) -> asyncio.Future[SubmitSmResp]:
        """Submit one PDU; never waits.

        The future ends with the answer, with `NotSentError` (nothing was written) or with
        `UnansweredError`. Raises `UnencodableError` at once.
        """

    def hold(self, seconds: float) -> None:
        """Submit nothing for that long."""

    def note_answer(self, status: int) -> None:
        """Take note of an answer: the bind pauses when the centre throttles."""


class BindsPort(Protocol):
    """All binds of this gateway that submit messages."""

    @property
    def centres(self) -> tuple[str, ...]:
        """The centres they lead to."""

    def __iter__(self) -> Iterator[BindPort]:
        """Yield each bind."""

    def centre_for(self, wanted: str | None) -> str:
        """Return the centre for a message whose MO came from `wanted`, or that has no MO."""

    def window(self, centre: str) -> int:
        """Return how many messages may be unanswered at a centre."""

    def served_from(self, centre: str) -> tuple[str, ...]:
        """Return the centres whose messages a bind of this centre may carry now."""

    def wake(self) -> None:
        """Tell every bind that a message is ready."""
