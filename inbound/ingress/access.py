"""Lets programs in: whose credentials these are, and whether they may come from this address.

Shared by all dialects and the SMPP server. Wrong credentials are counted, throttled and, past a
limit, answered with a ban of the address, which is in the audit. An answer never says which part
of the credentials was wrong; while an account is throttled, nor whether they were right.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from inbound.api.addresses import UNKNOWN, client_of
from inbound.api.shared_lookups import SharedLookups
from inbound.errors import RetryableError
from inbound.ingress.credentials import SecretKind, key_verifier, password_forms
from inbound.ingress.failures import Denial, DeniedError, FailureCounter, denied
from inbound.keys import CredentialHasher
from inbound.store.access.account_credentials import AccountName, FoundCredentials
from inbound.store.access.audit import NewAuditEntry

ACTOR: Final = "ingress"
BAN: Final = "ingress.ban"
"""The action in the audit."""

_LONGEST: Final = 64
_MOST_DIGITS: Final = 18

Find = Callable[[AccountName, str | None], Awaitable[FoundCredentials | None]]
Audit = Callable[[NewAuditEntry], Awaitable[None]]
Remember = Callable[[str, str], Awaitable[None]]
"""Stores from which client an account's program has signed in."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that was let in. Of a disabled account, the intake refuses every order.

    `changed_at` is when its credentials were made.
    """

    account: str
    number: int
    login: str
    enabled: bool
    changed_at: datetime

    @property
    def name(self) -> str:
        """What the log calls it."""
        return self.account

    @property
    def actor(self) -> str:
        """What the audit calls it."""
        return f"account {self.account}"


class Access:
    """Finds callers by their credentials. For one event loop.

    Every method raises DeniedError, and RetryableError when the database does not answer.
    `address` is the caller's IP address as text, None if it is unknown.
    """

    def __init__(
        self,
        find: Find,
        audit: Audit,
        remember: Remember,
        hasher: CredentialHasher,
        failures: FailureCounter,
    ) -> None:
        """`find` looks up the credentials of an account, `audit` writes an entry."""
        self._lookups = SharedLookups(find)
        self._audit = audit
        self._remember = remember
        self._hasher = hasher
        self._failures = failures

    async def by_key(self, number: str, key: str, address: str | None) -> Caller:
        """Return the caller whose account has this number and key."""
        return await self._admit(AccountName(_number(number)), SecretKind.KEY, (key,), address)

    async def by_key_alone(self, key: str, address: str | None) -> Caller:
        """Return the caller whose account has this key."""
        name = AccountName(key=key_verifier(self._hasher, key))
        return await self._admit(name, SecretKind.KEY, (key,), address)

    async def by_password(self, login: str, password: str, address: str | None) -> Caller:
        """Return the caller with this login; the password may be given as its MD5."""
        name = AccountName(login=_login(login))
        return await self._admit(name, SecretKind.PASSWORD, password_forms(password), address)

    async def by_service(self, number: str, service_id: str, address: str | None) -> Caller:
        """Return the caller whose account has this number and service id."""
        name = AccountName(_number(number))
        return await self._admit(name, SecretKind.SERVICE, (service_id,), address)

    async def _admit(
        self, name: AccountName, kind: SecretKind, secrets: Collection[str], address: str | None
    ) -> Caller:
        client = client_of(address or "")
        self._failures.check(client)
        found = await self._lookups.find(name, address) if any(name) else None
        account = _called(name) if found is None else found.account
        has_signed_in = found is not None and found.has_signed_in
        is_throttled = self._failures.is_throttled(client, account, has_signed_in=has_signed_in)
        if found is None or not self._fits(found, kind, secrets):
            if self._failures.add_failure(client, account):
                await self._report_ban(client)
            raise denied(Denial.THROTTLED if is_throttled else Denial.WRONG)
        if is_throttled:
            raise denied(Denial.THROTTLED)
        if not found.address_allowed:
            log.warning("account %s: right credentials from a foreign address", found.account)
            raise denied(Denial.FOREIGN_ADDRESS)
        if self._failures.add_success(client, account) and client != UNKNOWN:
            await self._store_client(account, client)
        return Caller(found.account, found.number, found.login, found.enabled, found.changed_at)

    def _fits(self, found: FoundCredentials, kind: SecretKind, secrets: Collection[str]) -> bool:
        stored = {
            SecretKind.PASSWORD: found.password,
            SecretKind.KEY: found.key,
            SecretKind.SERVICE: found.service,
        }[kind]
        account = "" if kind is SecretKind.KEY else found.account
        given = [self._hasher.verifier(kind.value, account, secret) for secret in secrets]
        return sum(hmac.compare_digest(stored, one) for one in given) > 0

    async def _store_client(self, account: str, client: str) -> None:
        try:
            await self._remember(account, client)
        except RetryableError as error:
            log.warning("the address of a program could not be remembered: %s", error)

    async def _report_ban(self, client: str) -> None:
        log.warning("%s is banned for a while: too many wrong credentials", client)
        entry = NewAuditEntry(ACTOR, BAN, f"{client}: too many wrong credentials")
        try:
            await self._audit(entry)
        except RetryableError as error:
            log.warning("the ban could not be written to the audit: %s", error)


def _called(name: AccountName) -> str:
    """Return what guesses at no account are counted under; a wrong key alone under nothing.

    No account has such a name, so that nobody closes one whose login is another word.
    """
    called = name.login or str(name.number or "")
    return f"?{called}" if called else ""


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) or None if is_number else None


def _login(text: str) -> str | None:
    return text if text.isprintable() and 0 < len(text) <= _LONGEST else None


__all__ = ["Access", "Caller", "Denial", "DeniedError"]
