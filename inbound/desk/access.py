"""Shared by the routes: the desk's parts, and the dependencies that check rights."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import RedirectResponse

from inbound.api.addresses import ClientAddresses
from inbound.api.backend import Sources
from inbound.desk.broadcasts.broadcast_drafts import BroadcastDrafts
from inbound.desk.broadcasts.broadcast_files import BroadcastFiles
from inbound.desk.broadcasts.broadcasts import Broadcasts
from inbound.desk.clients.client_imports import ClientImports
from inbound.desk.handset.phones import Phones
from inbound.desk.identity.sign_in import SignIn
from inbound.desk.long_work import LongWork
from inbound.desk.messages.message_templates import MessageTemplates
from inbound.desk.messages.sending import Sending
from inbound.desk.pages import Pages
from inbound.desk.person.people import People
from inbound.desk.provider.provider_sign_in import ProviderSignIn
from inbound.desk.status.dead_letters import DeadLetters
from inbound.desk.status.service_status import StatusReader
from inbound.desk.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of one desk.

    `phones` are those of the handset, None without a simulated SMS centre; `provider` is None if
    users sign in with passwords alone.
    """

    pages: Pages
    sign_in: SignIn
    addresses: ClientAddresses
    clock: Callable[[], datetime]
    sources: Sources
    people: People
    sending: Sending
    templates: MessageTemplates
    uploads: Uploads
    imports: ClientImports
    status: StatusReader
    dead_letters: DeadLetters
    long_work: LongWork
    broadcasts: Broadcasts
    broadcast_drafts: BroadcastDrafts
    broadcast_files: BroadcastFiles
    phones: Phones | None = None
    provider: ProviderSignIn | None = None


def _desk(request: Request) -> Desk:
    desk: Desk = request.state.desk
    return desk


DeskDep = Annotated[Desk, Depends(_desk)]


def see_other(path: str) -> RedirectResponse:
    """Redirect to a page after an action, so that a reload and the back button repeat nothing."""
    return RedirectResponse(path, 303)
