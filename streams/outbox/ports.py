"""What the sender needs of the binds to the SMS centres. The gateway fills these ports."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Protocol

from inbound.channels.port import Outgoing
from inbound.smpp.message_ids import IdForm
from inbound.smpp.pdu import SubmitSm, SubmitSmResp
from schemas.channels import Channel


class AnyBind(Protocol):
    """One bind that submits messages, whatever it speaks."""

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
        """Wait until a message is ready, or until it is time to look for stranded ones.

        Call it right after finding nothing to send, without awaiting in between.
        """

    def hold(self, seconds: float) -> None:
        """Submit nothing for this long."""

    def note_answer(self, status: int) -> None:
        """Take note of an answer: the bind pauses when the centre throttles."""


class SmppBind(AnyBind, Protocol):
    """One bind to an SMS centre."""

    def submit(self, pdu: SubmitSm, *, bulk: bool) -> asyncio.Future[SubmitSmResp]:
        """Submit one PDU; never waits.

        The future ends with the answer, with `NotSentError` (nothing was written) or with
        `UnansweredError`. Raises `UnencodableError` at once.
        """


class WholeMessageBind(ABC):
    """One bind of a channel that takes messages as they are: text and address, no PDUs.

    A class and not a protocol, because the sender asks which kind a bind is.
    """

    name: str
    centre: str
    answer_ids: IdForm
    alphabet: str
    window: int
    takes_bulk: bool
    back_off_s: float
    """The wait before a message that was refused for now is offered again."""
    most_backing_off: int
    """When this many messages are backing off, the bind pauses too: the channel is in trouble."""

    @abstractmethod
    async def slot(self) -> None:
        """As for any bind."""

    @abstractmethod
    async def wait_for_work(self) -> None:
        """As for any bind."""

    @abstractmethod
    def send(self, outgoing: Outgoing) -> asyncio.Future[SubmitSmResp]:
        """Send one message; never waits. The future ends as that of `SmppBind.submit`."""

    @abstractmethod
    def hold(self, seconds: float) -> None:
        """As for any bind."""

    @abstractmethod
    def note_answer(self, status: int) -> None:
        """As for any bind."""

    @abstractmethod
    def wake(self) -> None:
        """End `wait_for_work`: a message is ready."""


BindPort = SmppBind | WholeMessageBind


class BindsPort(Protocol):
    """All binds of this gateway that submit messages."""

    @property
    def centres(self) -> tuple[str, ...]:
        """The centres they lead to."""

    def __iter__(self) -> Iterator[BindPort]:
        """Yield each bind."""

    def centre_for(self, wanted: str | None, channel: Channel | None = None) -> str:
        """Return the centre for a message whose MO came from `wanted`, or that has no MO.

        For a message of a channel, it is the centre that the channel leads to.
        """

    def window(self, centre: str) -> int:
        """Return how many messages may be unanswered at a centre."""

    def served_from(self, centre: str) -> tuple[str, ...]:
        """Return the centres whose messages a bind of this centre may carry now."""

    def wake(self) -> None:
        """Tell every bind that a message is ready."""
