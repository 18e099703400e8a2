"""The desk in the test's own process: a database, a clock, users with each role."""

import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final, LiteralString
from uuid import uuid4

import psycopg
from argon2 import PasswordHasher

from inbound.api.addresses import ClientAddresses
from inbound.broadcasts.drafting import DraftRules
from inbound.broadcasts.loading import AudienceKeys
from inbound.broadcasts.sealing import AudienceSealer
from inbound.desk.access import Desk
from inbound.desk.app import make_desk, menu
from inbound.desk.broadcasts.broadcast_drafts import BroadcastDrafts
from inbound.desk.broadcasts.broadcast_files import BroadcastFiles
from inbound.desk.broadcasts.broadcasts import Broadcasts
from inbound.desk.clients.client_imports import ClientImports
from inbound.desk.handset.phones import Conversation, PhoneError, PhoneMessage
from inbound.desk.host_names import HostNames
from inbound.desk.identity import users
from inbound.desk.identity.sign_in import SignIn
from inbound.desk.long_work import LongWork
from inbound.desk.messages.message_templates import MessageTemplates
from inbound.desk.messages.sending import Sending, SendingRules
from inbound.desk.pages import Pages
from inbound.desk.person.people import People
from inbound.desk.provider.client import ProviderClient
from inbound.desk.provider.provider_sign_in import ProviderSignIn
from inbound.desk.provider.role_mapping import parse_mapping
from inbound.desk.roles import Role
from inbound.desk.status.dead_letters import DeadLetters, Retried, RetryRunningError
from inbound.desk.status.service_status import Limits, StatusReader
from inbound.desk.uploads import Uploads
from inbound.directory.postgres import PostgresDirectory
from inbound.freshness.model import Backlog, Oldest
from inbound.freshness.trouble import KafkaTrouble
from inbound.keys import OrderHasher, SubjectHasher, VaultCipher
from inbound.orders.dispatch import Dispatcher
from inbound.orders.intake import Intake
from inbound.orders.templates.stored import StoredTemplates
from inbound.orders.tools import IntakeSettings, IntakeTools
from inbound.registrations.switching import Switching
from inbound.settings import OidcSettings
from inbound.store.access.audit import record
from inbound.store.access.desk_sessions import SessionLimits
from inbound.store.connections import connect
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.dead_letters.rows import Selection
from inbound.store.quotas import DEFAULT_QUOTAS
from inbound.store.sealing import Sealer
from inbound.store.transactions.postgres import PostgresStore
from schemas.topics import TopicNames
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
from tests.integration.api.world import open_sources
from tests.integration.desk.browser import Browser

NOW: Final = datetime(2024, 5, 17, 12, tzinfo=UTC)
LIMITS: Final = SessionLimits(idle=timedelta(minutes=60), absolute=timedelta(hours=12))
ZONE: Final = "Europe/Moscow"
SENDER: Final = "SCSERV"
ALPHABET: Final = "gsm0338"
PASSWORD: Final = "seven green umbrellas"
QUICK_HASHER: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Every test signs somebody in, and the hasher of the desk takes a tenth of a second for that."""
HASH: Final = QUICK_HASHER.hash(PASSWORD)
_names = count(1)
_addresses = count(1)


class FakePhones:
    """Two phones without an SMS centre. `problem` is why they can't send."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.numbers = ("+79161234567", "+79031112233")
        self.problem = ""
        self.messages: dict[str, list[PhoneMessage]] = {number: [] for number in self.numbers}
        self._clock = clock

    async def look(self, number: str) -> Conversation:
        return Conversation(tuple(self.messages[number]), self.problem)

    async def send(self, number: str, text: str) -> None:
        if self.problem:
            raise PhoneError(self.problem)
        self.messages[number].append(PhoneMessage(self._clock(), text, 1, is_sent=True))

    def receive(self, number: str, text: str, at: datetime, parts: int = 1) -> None:
        """Have a message from the service arrive."""
        message = PhoneMessage(at, text, parts, is_sent=False, sender="SCSERV")
        self.messages[number].append(message)


class FakeRetries:
    """Retries without a Kafka: the letters go, but for `refused` of them."""

    def __init__(self, url: str) -> None:
        self.is_running = False
        self.refused = 0
        self._url = url

    async def retry(self, selection: Selection, upto: int, actor: str) -> Retried:
        if self.is_running:
            raise RetryRunningError
        with connect(self._url, "tests") as conn:
            rows = dead_letters.find(conn, selection, limit=1000, upto=upto)
            taken = [row.id for row in rows[self.refused :]]
            dead_letters.remove(conn, taken)
            record(conn, actor=actor, action="deadletters.retry", reason=f"{len(taken)} letters")
        return Retried(len(taken), len(rows) - len(taken))


class DeskWorld:
    """One database and one desk on it. `now` is the desk's clock, and a test may change it."""

    def __init__(
        self,
        url: str,
        *,
        is_secure: bool = False,
        has_handset: bool = False,
        factor_roles: Collection[Role] = (),
        uploads: Path | None = None,
        oidc: OidcSettings | None = None,
        address: str = "http://desk.test",
        now: datetime = NOW,
        shared_s: float = 0,
    ) -> None:
        """`uploads`: the folder of another desk beside this one, which deletes it."""
        self.url = url
        self.now = now
        self.address = address
        self.phones = FakePhones(lambda: self.now)
        self.oldest: Oldest | None = {}
        self.trouble: KafkaTrouble | None = None
        self.uploads = uploads or Path(tempfile.mkdtemp(prefix="scserv-desk-"))
        self._owns_uploads = uploads is None
        self.limits = Limits(DeadLetterLimits(1000, 1_000_000), DEFAULT_QUOTAS)
        self.retries = FakeRetries(url)
        hasher, sealer = SubjectHasher(SUBJECT_KEY), Sealer(VaultCipher(VAULT_KEY))
        self.directory = PostgresDirectory(url, SUBJECT_KEY, VAULT_KEY)
        self.sources = open_sources(url, self.directory, backlog=self)
        self.store = PostgresStore(url, VaultCipher(VAULT_KEY))
        self.templates = StoredTemplates(url, application_name="tests")
        people = People(
            self.sources,
            VaultCipher(VAULT_KEY),
            Switching(self.store, hasher, clock=lambda: self.now, new_id=uuid4),
            lambda: self.now,
        )
        pool = self.sources.pool
        kept = Uploads(self.uploads, lambda: self.now)
        self._long_work = LongWork(url, "tests", pool, sealer)
        keys = AudienceKeys(hasher, AudienceSealer(VAULT_KEY))
        rules = DraftRules("SCSERV", "gsm0338")
        sign_in = SignIn(
            pool,
            replace(LIMITS, shared=timedelta(seconds=shared_s)),
            SUBJECT_KEY,
            VaultCipher(VAULT_KEY),
            clock=lambda: self.now,
            new_id=uuid4,
            factor_roles=factor_roles,
            passwords_of_all=oidc is None or oidc.passwords,
        )
        self.desk = Desk(
            Pages(menu(handset=has_handset), ZONE, is_secure=is_secure),
            sign_in,
            ClientAddresses(),
            lambda: self.now,
            self.sources,
            people,
            self._sending(),
            MessageTemplates(pool, ALPHABET),
            kept,
            ClientImports(SUBJECT_KEY, VAULT_KEY, kept),
            StatusReader(self.sources, self.limits, lambda: self.now, self.find_trouble, shared_s),
            DeadLetters(pool, sealer, self.retries),
            self._long_work,
            Broadcasts(pool, self, keys, rules, lambda: self.now, shared_s),
            BroadcastDrafts(
                pool, self._long_work, keys, rules, 366, lambda: self.now, answer_within_s=12
            ),
            BroadcastFiles(kept, keys.sealer, ZONE),
            self.phones if has_handset else None,
            self._provider(oidc, sign_in) if oidc else None,
        )
        self._is_closed = False
        self.app = make_desk(self.desk, new_id=uuid4, names=HostNames(["desk.test"]))
        self._browsers: list[Browser] = []

    def _provider(self, oidc: OidcSettings, sign_in: SignIn) -> ProviderSignIn:
        return ProviderSignIn(
            ProviderClient(oidc, f"{self.address}/sign-in/back", lambda: self.now),
            self.sources.pool,
            sign_in.sessions,
            sign_in.throttle,
            VaultCipher(VAULT_KEY),
            roles=parse_mapping(oidc.roles_claim, oidc.roles),
            clock=lambda: self.now,
            sign_out_back=f"{self.address}/sign-in",
        )

    async def ask(self) -> Backlog:
        """Tell what waits for the workers."""
        return Backlog(self.now, self.oldest)

    async def find_trouble(self) -> KafkaTrouble | None:
        """Tell why Kafka can't be used."""
        return self.trouble

    def _sending(self) -> Sending:
        dispatcher = Dispatcher(
            self.store,
            self.sources.hasher,
            TopicNames(),
            sender=SENDER,
            clock=lambda: self.now,
        )
        return Sending(
            self.sources,
            self._intake(),
            dispatcher,
            directory=self.directory,
            templates=self.templates,
            rules=SendingRules(SENDER, ALPHABET),
            clock=lambda: self.now,
        )

    def _intake(self) -> Intake:
        tools = IntakeTools(
            store=self.store,
            directory=self.directory,
            templates=self.templates,
            subject_hasher=self.sources.hasher,
            order_hasher=OrderHasher(SUBJECT_KEY),
            new_id=uuid4,
            clock=lambda: self.now,
        )
        return Intake(tools, IntakeSettings(SENDER, ALPHABET, TopicNames()))

    async def close(self) -> None:
        if self._is_closed:  # as the source of the backlog
            return
        self._is_closed = True
        for browser in self._browsers:
            await browser.client.aclose()
        await self._long_work.close()
        await self.store.close()
        await self.templates.close()
        await self.sources.close()
        if self._owns_uploads:
            shutil.rmtree(self.uploads)

    def user(self, *roles: Role) -> str:
        """Create a user with these roles and PASSWORD; return the name."""
        name = f"user-{next(_names)}"
        with connect(self.url, "tests") as conn:
            users.create(
                conn,
                users.AuditStamp("tests", self.now),
                user_id=uuid4(),
                name=name,
                roles=roles or (Role.SUPPORT,),
                password_hash=HASH,
            )
        return name

    def browser(self, **how: str) -> Browser:
        """Return a new browser that nobody has signed in with, at an address of its own.

        Failures to sign in count by address, and tests share the database that counts them.
        """
        n = next(_addresses)
        how.setdefault("address", f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}")
        browser = Browser(self.app, **how)
        self._browsers.append(browser)
        return browser

    async def signed_in(self, *roles: Role, **how: str) -> Browser:
        """Return a browser of a new user with these roles."""
        browser = self.browser(**how)
        await browser.sign_in(self.user(*roles), PASSWORD)
        return browser

    async def signed_in_twice(self) -> Browser:
        """Return a browser of a new user who is signed in with another one, too."""
        name = self.user()
        first, second = self.browser(), self.browser()
        for browser in (first, second):
            await browser.sign_in(name, PASSWORD)
        return first

    def rows(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows, if it has any."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            cursor = conn.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def audit(self, actor: str) -> list[str]:
        """Return what an actor did, oldest first."""
        rows = self.rows("SELECT action FROM audit WHERE actor = %s ORDER BY id", actor)
        return [action for (action,) in rows]
