"""Passes texts that are not commands on to the accounts they belong to. They are never answered.

Such a text is stored, sealed, in the transaction of its batch, with an inbox row, so that a
redelivery by Kafka doesn't store it twice. How many may wait is limited for each account and each
sender, so a program that stays away can't fill the disk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inbound.keys import SubjectHasher
from inbound.store.mo.account_texts import NewAccountText, TextContent
from inbound.store.mo.rows import InboxRow
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction
from streams.commands.rejected import RejectedMos
from streams.commands.texts import OtherText, reading_of

MOST_OF_ACCOUNT: Final = 10_000
MOST_OF_SENDER: Final = 100
LONGEST: Final = 10_000
"""Characters of a text that is passed on: what a deliver_sm can carry in any alphabet."""

PASSED_ON: Final = "account_text"
TOO_MANY: Final = "account_text_limit"


@dataclass(frozen=True, slots=True)
class AccountTexts:
    """Texts of one batch."""

    transaction: Transaction
    hasher: SubjectHasher

    async def take(
        self, texts: Sequence[OtherText], rejected: RejectedMos, changes: Changes
    ) -> None:
        """Store those that belong to accounts; count and record all. Blocks on the database."""
        if not texts:
            return
        routes = await self.transaction.text_routes()
        found: list[tuple[str, OtherText]] = []
        for one in texts:
            mo, body = one.text.mo, one.text.body
            account = None
            if body is not None and mo.source is not None:
                account = routes.account_of(mo.destination, body)
            if account is None:
                rejected.add(one.reason, mo, reading_of(one.text))
            else:
                found.append((account, one))
        if found:
            await self._store(found, rejected, changes)

    async def _store(
        self, found: Sequence[tuple[str, OtherText]], rejected: RejectedMos, changes: Changes
    ) -> None:
        seen = await self.transaction.seen([one.text.mo.mo_id for _, one in found])
        hashes = {one.text.mo.mo_id: self._hash(one) for _, one in found}
        waiting = await self.transaction.waiting_texts(
            {account for account, _ in found}, set(hashes.values())
        )
        for account, one in found:
            mo, number_hash = one.text.mo, hashes[one.text.mo.mo_id]
            if mo.mo_id in seen:
                continue
            seen.add(mo.mo_id)
            changes.inbox.append(InboxRow(mo.mo_id, mo.arrived_at))
            of_account = waiting.of_accounts.get(account, 0)
            of_sender = waiting.of_senders.get((account, number_hash), 0)
            is_full = of_account >= MOST_OF_ACCOUNT or of_sender >= MOST_OF_SENDER
            if is_full or len(one.text.body or "") > LONGEST:
                rejected.add(TOO_MANY, mo, reading_of(one.text))
                continue
            waiting.of_accounts[account] = of_account + 1
            waiting.of_senders[account, number_hash] = of_sender + 1
            content = TextContent(mo.source or "", mo.destination, one.text.body or "")
            changes.account_texts.append(
                NewAccountText(account, mo.mo_id, number_hash, content, mo.arrived_at)
            )
            rejected.add(PASSED_ON, mo, reading_of(one.text))

    def _hash(self, one: OtherText) -> bytes:
        return self.hasher.hash(one.text.mo.source or "")
