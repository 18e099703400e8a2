"""All outlets of one gateway: its binds for texts, those that offer channels, and the channels.

Texts and channels never stand in for each other: a message of a channel goes where its channel
leads, or is refused, and no text leaves on a bind that offers channels.
"""

from collections.abc import Iterator, Mapping, Sequence

from inbound.gateway.channel_binds import NOT_OFFERED, ChannelBind
from inbound.gateway.sending_binds import SendingBind, SendingBinds
from schemas.channels import Channel
from streams.outbox.ports import BindPort


class Outlets:
    """Fills `streams.outbox.ports.BindsPort`.

    `offered` says where each channel leads: to the centre of one of `upstream`, or of `own`.
    """

    def __init__(
        self,
        texts: SendingBinds,
        upstream: Sequence[SendingBind],
        own: Sequence[ChannelBind],
        offered: Mapping[Channel, str],
    ) -> None:
        self._texts = texts
        self._others: tuple[SendingBind | ChannelBind, ...] = (*upstream, *own)
        self._offered = offered
        others = dict.fromkeys(bind.centre for bind in self._others)
        self.centres = (*texts.centres, *others)

    def __iter__(self) -> Iterator[BindPort]:
        """Yield each bind."""
        yield from self._texts
        yield from self._others

    def centre_for(self, wanted: str | None, channel: Channel | None = None) -> str:
        """Return the centre for a message; if its channel isn't offered, one that refuses it."""
        if channel is not None:
            return self._offered.get(channel, NOT_OFFERED)
        return self._texts.centre_for(wanted)

    def window(self, centre: str) -> int:
        """Return how many messages may be unanswered at a centre."""
        if centre in self._texts.centres:
            return self._texts.window(centre)
        return sum(bind.window for bind in self._others if bind.centre == centre)

    def served_from(self, centre: str) -> tuple[str, ...]:
        """Return the centres that a bind of this centre may serve; for channels only its own."""
        return self._texts.served_from(centre) if centre in self._texts.centres else (centre,)

    def wake(self) -> None:
        """Tell every bind that a message is ready."""
        for bind in (*self._texts, *self._others):
            bind.wake()
