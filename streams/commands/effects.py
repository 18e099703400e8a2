"""Decides the commands of one batch, and collects what its transaction writes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from pydantic_core import to_json

from inbound.directory.port import Registration
from inbound.handlers.commands import decide_command
from inbound.handlers.decision import CommandRequest, Decision
from inbound.handlers.definitions import definition_of
from inbound.ops import telemetry
from inbound.outbox.replies import to_row
from inbound.store.claims.rows import Secret
from inbound.store.registrations.rows import HeldRegistration
from inbound.store.transactions.changes import Changes
from inbound.subjects import Subjects
from streams.commands.model import Clients, CommandSettings, ParsedCommand
from streams.commands.registrations import RegistrationBudget
from streams.commands.texts import arrival_of


class Effects:
    """The effects of the commands of one batch, each decided with those of the ones before."""

    def __init__(
        self,
        settings: CommandSettings,
        subjects: Subjects,
        clients: Clients,
        budget: RegistrationBudget | None,
        changes: Changes,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        """`budget` is needed only if a client asks for registration data."""
        self._settings = settings
        self._subjects = subjects
        self._clients = clients
        self._budget = budget
        self._changes = changes
        self._valid_for = timedelta(seconds=settings.policies.reply_valid_for_s)
        self._clock = clock

    def decide(self, parsed: ParsedCommand, subject_id: UUID) -> Decision:
        """Decide one command after those before it, and add what follows to the changes."""
        now = self._clock()
        mo = parsed.text.mo
        registration = self._clients.registrations.get(parsed.number)
        is_client = parsed.number in self._clients.known
        state = self._subjects[subject_id]
        asks = registration is not None and definition_of(parsed.command).may_send_registration
        request = CommandRequest(
            request_id=parsed.request_id,
            command=parsed.command,
            arrived_at=mo.arrived_at,
            decided_at=now,
            client_known=is_client,
            centre=mo.centre,
            bind=mo.bind,
            data_coding=mo.data_coding,
            parts=parsed.text.parts,
            arrival=arrival_of(parsed.text, self._settings.federal_number),
            registrations=self._budget.usage(mo.centre) if asks and self._budget else None,
            case_open=self._has_open_case(registration, now) if asks else None,
            is_recipient=None if is_client else state.is_recipient,
        )
        decision = decide_command(state, request, self._settings.policies)
        if self._budget is not None:
            self._budget.count(request, decision)
        traceparent = telemetry.span(
            "decide",
            parsed.text.traceparent,
            mo.arrived_at,
            now,
            attributes=[
                ("command", parsed.command.value),
                ("disposition", decision.disposition.value),
            ],
        )
        self._subjects.append(subject_id, decision.events, traceparent)
        for reply in decision.replies:
            row = to_row(
                reply,
                subject_id=subject_id,
                key=parsed.number_hash.hex(),
                now=now,
                valid_for=self._valid_for,
                traceparent=traceparent,
                names=self._settings.names,
            )
            self._changes.outbox.append(row)
        self._keep(decision, request, subject_id, registration)
        return decision

    def _keep(
        self,
        decision: Decision,
        request: CommandRequest,
        subject_id: UUID,
        registration: Registration | None,
    ) -> None:
        """Keep the secret that the fulfilment will need, at least as long as it is held."""
        hold = decision.hold
        if decision.secret_for is not None and registration is not None:
            begins = request.decided_at if hold is None else hold.until
            secret = Secret(
                decision.secret_for,
                _secret_fields(registration),
                begins + self._settings.secret_ttl,
            )
            self._changes.vault.append(secret)
        if hold is not None:
            self._changes.held.append(
                HeldRegistration(
                    request.request_id,
                    subject_id,
                    request.centre,
                    request.bind,
                    hold.reason.value,
                    hold.at,
                    hold.until,
                )
            )

    def _has_open_case(self, registration: Registration | None, now: datetime) -> bool | None:
        """Whether the client has an open case; None unless the policy goes by it."""
        if registration is None or self._settings.policies.registrations_need != "open_case":
            return None
        until = registration.case_open_until
        return until is not None and until > now


def _secret_fields(registration: Registration) -> bytes:
    """Return the template fields of a registration as JSON: only ever sealed."""
    return to_json(
        {
            "personal_code": registration.personal_code,
            "login": registration.login,
            "password": registration.password,
        }
    )
