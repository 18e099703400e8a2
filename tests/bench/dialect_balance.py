"""Accounts for the benchmark of the dialects, and the balance of what they send."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from inbound.ingress.credentials import Credentials, new_credentials, verifiers_of
from inbound.keys import CredentialHasher
from inbound.store.access.account_credentials import put_credentials
from inbound.store.connections import connect
from inbound.store.orders.account_records import AccountSettings, create_account, list_accounts
from inbound.store.orders.rows import SEND, STRANGERS
from tests.bench.dialect_clients import Client
from tests.bench.load import FIRST_RECIPIENT, ReceivingSmsc
from tests.bench.messages import Answers
from tests.bench.processes import index_key


def create_accounts(url: str, how_many: int) -> list[Credentials]:
    """Create accounts that may text anybody, and return their credentials."""
    hasher, made = CredentialHasher(index_key(url)), []
    with connect(url, "bench") as conn:
        for number in range(how_many):
            name = f"bench-{number}"
            create_account(conn, name, AccountSettings(rights=(SEND, STRANGERS)), actor="bench")
            one = new_credentials(name, list_accounts(conn, name)[0].number)
            put_credentials(conn, verifiers_of(hasher, name, one), actor="bench")
            made.append(one)
    return made


class CountingSmsc(ReceivingSmsc):
    """Counts what each number has received."""

    def __init__(self) -> None:
        super().__init__(500, FIRST_RECIPIENT)
        self.counts: Counter[str] = Counter()

    @override
    def _note_reply(self, number: str) -> None:
        self.counts[number] += 1
        super()._note_reply(number)


@dataclass(slots=True)
class Sent:
    """What became of the messages of some clients, each to a number of its own."""

    answers: Answers = field(default_factory=Answers)
    accepted: set[str] = field(default_factory=set)
    refused: int = 0
    unanswered: set[str] = field(default_factory=set)

    async def send(self, client: Client, phone: str) -> None:
        """Send one message and note its answer."""
        begin = time.monotonic()
        taken = await client.send(phone)
        self.answers.seconds.append(time.monotonic() - begin)
        if taken:
            self.accepted.add(phone)
            self.answers.accepted += 1
        elif taken is None:
            self.unanswered.add(phone)
        else:
            self.refused += 1

    def figures(self, took_s: float) -> dict[str, Any]:
        """Return the part of the JSON object for these messages."""
        trouble = {"refused": self.refused, "unanswered": len(self.unanswered)}
        return {**self.answers.figures(took_s), **trouble}
