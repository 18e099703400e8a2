"""Attacks of a hostile SMS centre: PDUs that nobody asked for, and links that starve the client.

`ATTACKS` are pure: the PDUs of an attack follow from its number and its target alone. `Attacker`
sends them, past the window and the delivery queue, at most as fast as the client reads.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from inbound.local.simulator.client_session import ClientSession
from inbound.local.simulator.scheduler import TaskScheduler
from inbound.smpp.pdu import (
    AlertNotification,
    DeliverSm,
    EnquireLink,
    Outbind,
    Pdu,
    QuerySmResp,
    SubmitSmResp,
    Tlvs,
    encode,
)
from inbound.smpp.session import Session
from inbound.smpp.user_data import (
    TLV_MESSAGE_PAYLOAD,
    TLV_SAR_REFERENCE,
    TLV_SAR_SEQUENCE,
    TLV_SAR_TOTAL,
    UDHI,
)

if TYPE_CHECKING:
    from inbound.local.simulator.client_links import ClientLinks
    from inbound.local.simulator.script import Attack

log = logging.getLogger(__name__)

PHONES: Final = "7999"
"""The phones of an attack have numbers that begin with these digits."""

_CHUNK: Final = 64
_CHUNK_OCTETS: Final = 65_536
_CHUNKS_PER_S: Final = 20
# sequence_numbers that neither side uses otherwise.
_FIRST_SEQUENCE: Final = 0x7FF00000
_SEQUENCES: Final = 0x000FFFFF
_RECEIPT: Final = 0x04
_UNKNOWN_COMMAND: Final = bytes.fromhex("00000010 00000777 00000000")


class Target(NamedTuple):
    """The number of the service, and how many phones attack it: 0 for each PDU another.

    `source` is the number of the phone, if it is always the same.
    """

    number: str
    phones: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class AttackKind:
    """How one kind of attack looks on the wire.

    `pdu` returns its nth PDU. `is_deaf`: the answers are not read, to the end of the link.
    `is_slow`: what the SMS centre sends goes out octet by octet, to the end of the link.
    """

    pdu: Callable[[int, Target], Pdu | bytes] | None
    needs_receiver: bool = False
    is_deaf: bool = False
    is_slow: bool = False


def _message(
    number: int, target: Target, text: bytes = b"", *, esm_class: int = 0, tlvs: Tlvs = ()
) -> DeliverSm:
    phone = number % target.phones if target.phones else number
    return DeliverSm(
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=target.source or f"{PHONES}{phone % 10**7:07d}",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr=target.number,
        esm_class=esm_class,
        short_message=text,
        tlvs=tlvs,
    )


def _text(number: int, target: Target) -> DeliverSm:
    return _message(number, target, b"no command %d" % number)


def _part(number: int, target: Target) -> DeliverSm:
    """The first part of 255, of another message each time."""
    header = b"\x06\x08\x04" + (number & 0xFFFF).to_bytes(2, "big") + b"\xff\x01"
    return _message(number, target, header + b"x" * 130, esm_class=UDHI)


def _large_part(number: int, target: Target) -> DeliverSm:
    sar = (
        (TLV_SAR_REFERENCE, (number & 0xFFFF).to_bytes(2, "big")),
        (TLV_SAR_TOTAL, b"\xff"),
        (TLV_SAR_SEQUENCE, b"\x01"),
        (TLV_MESSAGE_PAYLOAD, b"x" * 60_000),
    )
    return _message(number, target, tlvs=sar)


def _unknown_receipt(number: int, target: Target) -> DeliverSm:
    text = b"id:fade%012x sub:001 dlvrd:000 stat:UNDELIV err:001 text:" % number
    return _message(number, target, text, esm_class=_RECEIPT)


def _alert(number: int, target: Target) -> AlertNotification:
    source, esme = (
        b"\1\1" + addr.encode() + b"\0" for addr in (f"{PHONES}{number % 10**7:07d}", target.number)
    )
    return AlertNotification(octets=source + esme)


ATTACKS: Final[dict[str, AttackKind]] = {
    "texts": AttackKind(_text, needs_receiver=True),
    "unread_texts": AttackKind(_text, needs_receiver=True, is_deaf=True),
    "parts": AttackKind(_part, needs_receiver=True),
    "large_parts": AttackKind(_large_part, needs_receiver=True),
    "unknown_receipts": AttackKind(_unknown_receipt, needs_receiver=True),
    "alerts": AttackKind(_alert),
    "outbinds": AttackKind(lambda _number, _target: Outbind(system_id="\x1b[2J")),
    "enquiries": AttackKind(lambda _number, _target: EnquireLink()),
    "unmatched_answers": AttackKind(lambda number, _target: SubmitSmResp(message_id=f"{number:x}")),
    "unmatched_queries": AttackKind(lambda number, _target: QuerySmResp(message_id=f"{number:x}")),
    "unknown_commands": AttackKind(lambda _number, _target: _UNKNOWN_COMMAND),
    "slow_octets": AttackKind(None, is_slow=True),
}


class Attacker:
    """Carries out attacks on the links of accounts. Phones are never attacked."""

    def __init__(
        self, attacks: Iterable["Attack"], links: "ClientLinks", scheduler: TaskScheduler
    ) -> None:
        """Take the attacks that every link meets once it is bound."""
        self._attacks = tuple(attacks)
        self._links = links
        self._scheduler = scheduler

    def begin(self, session: Session) -> None:
        """Start the attacks on a link that was just bound."""
        bound = session.bound_as
        for attack in self._attacks:
            if bound is not None and attack.account in {"", bound.system_id}:
                self._scheduler.task(self.run(attack, session))

    async def run(self, attack: "Attack", session: Session) -> int:
        """Attack one link; return how many PDUs were sent, once all are or the link has ended."""
        link, bound, kind = self._links.get(session), session.bound_as, ATTACKS[attack.kind]
        if link is None or link.client is None or bound is None:
            return 0
        if not isinstance(session, ClientSession) or (kind.needs_receiver and not bound.receives):
            return 0
        if attack.after_s:
            await self._scheduler.sleep(attack.after_s)
        self._links.event(session, "attack", attack.kind)
        if kind.is_deaf:
            session.stop_reading()
        if kind.is_slow:
            self._scheduler.task(session.drip(attack.per_second, self._scheduler.sleep))
        number, source = link.client.account.number, attack.source
        target = Target(number.lstrip("+"), attack.phones, source.lstrip("+"))
        sent = await self._flood(attack, kind, target, session) if kind.pdu else 0
        self._links.event(session, "attacked", f"{attack.kind}: {sent} PDUs")
        return sent

    async def _flood(
        self, attack: "Attack", kind: AttackKind, target: Target, session: ClientSession
    ) -> int:
        assert kind.pdu is not None  # noqa: S101 — the caller has checked
        most = max(1, int(attack.per_second / _CHUNKS_PER_S)) if attack.per_second else _CHUNK
        octets = in_chunk = 0
        for number in range(attack.count):
            frame = _frame(kind.pdu(number, target), number)
            session.write(frame)
            octets, in_chunk = octets + len(frame), in_chunk + 1
            if in_chunk < most and octets < _CHUNK_OCTETS:
                continue
            await self._scheduler.sleep(in_chunk / attack.per_second if attack.per_second else 0)
            await session.writable()
            if session.reason:
                return number + 1
            octets = in_chunk = 0
        return attack.count


def _frame(pdu: Pdu | bytes, number: int) -> bytes:
    sequence = _FIRST_SEQUENCE + (number & _SEQUENCES)
    if isinstance(pdu, bytes):
        return pdu + sequence.to_bytes(4, "big")
    pdu.sequence = sequence
    return encode(pdu)
