"""Builds the binds of a gateway from its settings. Connects to nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from inbound.gateway.arrival_storage import Storage
from inbound.gateway.arrivals import Arrivals, ArrivalSettings
from inbound.gateway.backlog import BacklogWatch
from inbound.gateway.bind_settings import bind_settings, tls
from inbound.gateway.bind_status import Readiness
from inbound.gateway.dialect import CentreDialect
from inbound.gateway.leniencies import LeniencyReport
from inbound.gateway.queries import OverdueQueries
from inbound.gateway.rate_sharing import RateShare, ReportSchedule
from inbound.gateway.receipts import ReceiptPublisher, SealAnswer
from inbound.gateway.running_bind import RunningBind
from inbound.gateway.sending_binds import Downtime, SendingBind
from inbound.gateway.shared_clock import SharedClock
from inbound.gateway.stalls import StallDetector
from inbound.keys import SubjectHasher, VaultCipher
from inbound.ops.certificates import note_peer
from inbound.settings import Settings, SmppSettings
from inbound.smpp.bind_health import BindHealth, EsmeState
from inbound.smpp.esme import Esme
from inbound.smpp.message_ids import IdForm
from inbound.store.receipts.overdue import OverdueReceipts
from inbound.store.sealing import Sealer
from schemas.channels import Channel
from schemas.topics import TopicNames


@dataclass(frozen=True, slots=True)
class BindFactory:
    """What all binds of a gateway share. `storage` is for MOs and receipts."""

    settings: Settings
    gateway: str
    storage: Storage
    hasher: SubjectHasher
    overdue: OverdueReceipts
    schedule: ReportSchedule
    readiness: Readiness
    stalls: StallDetector
    backlog: BacklogWatch
    shared_clock: SharedClock
    clock: Callable[[], datetime]

    def make(self, settings: SmppSettings) -> RunningBind:
        """Return one bind. Raises `SetupError` when its TLS files can't be used."""
        names = TopicNames.prefixed(self.settings.topic_prefix)
        leniencies = LeniencyReport(settings.centre, settings.bind)
        receipts = ReceiptPublisher(
            self.storage.producer,
            names.receipts,
            partitions=self.storage.partitions,
            clock=self.clock,
            new_id=uuid4,
        )
        arrivals = Arrivals(
            self.storage,
            receipts,
            self.hasher,
            settings=self._arrival_settings(settings, names, leniencies),
            stalls=self.stalls,
            clock=self.clock,
            heard=self.shared_clock.now,
            new_id=uuid4,
        )
        share, downtime = RateShare(settings.rate), Downtime()

        def note_change(health: BindHealth) -> None:
            downtime.note(health)
            self.readiness.note(settings.bind, health)
            self.schedule.request()
            session = esme.session
            if health.state is EsmeState.BOUND and session is not None and session.encrypted:
                note_peer(f"SMS centre of {settings.bind}", session.encrypted)

        esme = Esme(
            bind_settings(settings),
            arrivals.on_request,
            on_change=note_change,
            on_leniency=leniencies.note_pdu,
            admit=lambda: self.schedule.admit(share),
            ssl=tls(settings),
        )
        sending = _sending(settings, esme, downtime) if settings.sends else None
        queries = None
        if sending is not None and settings.query_after_s:
            queries = OverdueQueries(
                settings, self.settings.sender, esme, self.overdue, receipts, clock=self.clock
            )
        return RunningBind(settings, esme, share, receipts, sending, queries)

    def _arrival_settings(
        self, settings: SmppSettings, names: TopicNames, leniencies: LeniencyReport
    ) -> ArrivalSettings:
        return ArrivalSettings(
            self.gateway,
            settings.centre,
            settings.bind,
            names.mo,
            _dialect(settings, leniencies),
            per_message=settings.receipt_per == "message",
            receipts_topic=names.receipts,
            is_full=self.backlog.is_full,
            seal_answer=self._seal_answer(settings),
        )

    def _seal_answer(self, settings: SmppSettings) -> SealAnswer | None:
        if Channel.HLR not in settings.offered_channels:
            return None
        return Sealer(VaultCipher(self.settings.vault_keys())).network_answer


def _dialect(settings: SmppSettings, leniencies: LeniencyReport) -> CentreDialect:
    return CentreDialect(
        alphabet=settings.alphabet,
        data_codings=settings.data_coding_map,
        receipt_ids=IdForm(settings.receipt_ids),
        country=settings.country,
        strict=settings.strict,
        note=leniencies.note,
    )


def _sending(settings: SmppSettings, esme: Esme, downtime: Downtime) -> SendingBind:
    return SendingBind(
        settings.bind,
        settings.centre,
        esme,
        downtime,
        alphabet=settings.alphabet,
        answer_ids=IdForm(settings.answer_ids),
    )
