"""The metrics of the service: name, unit, description.

Without an exporter the instruments do nothing. Labels never hold a phone number, a text or an
id. In Prometheus `scserv.mo.rejected` is `scserv_mo_rejected_total` (deploy/prometheus.yaml).
Those of the servers that programs and people reach are in `inbound.ops.server_metrics`.
"""

from opentelemetry import metrics

from inbound.ops.kept_gauge import KeptGauge

_meter = metrics.get_meter("scserv")

# Every process.

READY = KeptGauge(
    _meter,
    "scserv.ready",
    unit="{process}",
    description="1 while the process is ready, else 0, by role: the same as its health port says.",
)
CLOCK_SKEW = KeptGauge(
    _meter,
    "scserv.clock.skew",
    unit="s",
    description="How far a clock is ahead of the database's at least, negative if behind: that of "
    "the process's machine (`machine`), or of a broker of Kafka that a relay writes to.",
)
CERTIFICATE_EXPIRY = KeptGauge(
    _meter,
    "scserv.certificate.expiry",
    unit="s",
    description="When a TLS certificate expires, in seconds since 1970: our own as they were "
    "loaded, and those that Kafka, PostgreSQL and SMS centres show.",
)
DISK_FREE = KeptGauge(
    _meter,
    "scserv.disk.free",
    unit="{share}",
    description="Free share of the fullest disk of a server: of each broker of Kafka, and of a "
    "PostgreSQL on the relay's machine.",
)
DATABASE_SIZE = KeptGauge(
    _meter, "scserv.database.size", unit="By", description="Size of the database."
)

# MO: commands from phones.

ACCEPTED = _meter.create_counter(
    "scserv.requests.accepted",
    unit="{request}",
    description="Commands accepted as requests, by command.",
)
MO_REJECTED = _meter.create_counter(
    "scserv.mo.rejected",
    unit="{message}",
    description="MOs that made no request, by reason: not a command, a duplicate, rate limited.",
)
REGISTRATIONS = _meter.create_counter(
    "scserv.registrations",
    unit="{request}",
    description="Requests for registration data by clients, by outcome (sent, held, refused) and "
    "reason.",
)
REGISTRATIONS_HELD = _meter.create_gauge(
    "scserv.registrations.held",
    unit="{request}",
    description="Requests for registration data that wait for a person.",
)
REGISTRATIONS_OFF = _meter.create_gauge(
    "scserv.registrations.off",
    unit="{switch}",
    description="1 while registrations are switched off, else 0.",
)
DIRECTORY_SIZE = _meter.create_gauge(
    "scserv.directory.size", unit="{number}", description="Numbers in the directory of clients."
)
PARTS_EXPIRED = _meter.create_counter(
    "scserv.parts.expired",
    unit="{part}",
    description="MO parts discarded: the message stayed incomplete, or the part was a duplicate.",
)
PARTS_DROPPED = _meter.create_counter(
    "scserv.parts.dropped",
    unit="{part}",
    description="MO parts discarded because of a quota (`sender` or `overall`): the oldest ones.",
)
BACKLOG_USED = _meter.create_gauge(
    "scserv.backlog.used",
    unit="{share}",
    description="Share of the limit for unprocessed records in the fullest partition, by topic; "
    "at 1 the gateway refuses what arrives for it.",
)
BACKLOG_STANDING = _meter.create_gauge(
    "scserv.backlog.standing",
    unit="s",
    description="For how long no worker has processed anything of a partition in which something "
    "waits, by topic: the longest time. A gateway measures it, so no worker need be alive.",
)
QUOTA_USED = _meter.create_gauge(
    "scserv.quota.used",
    unit="{share}",
    description="Share of an overall quota in use, by kind (parts, early_receipts): 1 is full.",
)

# MT: replies to phones.

REPLIES = _meter.create_counter(
    "scserv.replies",
    unit="{message}",
    description="Replies by purpose (acknowledgement, fulfilment) and outcome of submit_sm.",
)
ACK_LATENCY = _meter.create_histogram(
    "scserv.acknowledgement.latency",
    unit="s",
    description="Time from an MO's arrival to the SMSC's acceptance of its acknowledgement.",
    explicit_bucket_boundaries_advisory=[
        *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
    ],
)
ACKS_LATE = _meter.create_counter(
    "scserv.acknowledgements.late",
    unit="{message}",
    description="Acknowledgements that the SMSC did not accept within 120 s.",
)
ACKS_OVERDUE = _meter.create_gauge(
    "scserv.acknowledgements.overdue",
    unit="{message}",
    description="Acknowledgements that the SMSC has not accepted yet, more than 120 s after the "
    "MO's arrival; measured by the projector.",
)
OFTEN_ATTEMPTED = _meter.create_counter(
    "scserv.messages.often_attempted",
    unit="{message}",
    description="Messages attempted more than three times, by purpose.",
)
LANE_OLDEST_AGE = _meter.create_gauge(
    "scserv.lane.oldest_age",
    unit="s",
    description="Age of the oldest message waiting to be submitted, by SMSC and lane.",
)

# Delivery receipts.

RECEIPTS = _meter.create_counter(
    "scserv.receipts",
    unit="{receipt}",
    description='Delivery receipts by message state; "unreadable" if they can\'t be parsed.',
)
RECEIPTS_UNMATCHED = _meter.create_counter(
    "scserv.receipts.unmatched",
    unit="{receipt}",
    description="Receipts without a message, by reason: from an unknown number, no match for 3 "
    "days, or more than the quota.",
)
DELIVERY_OUTCOMES = _meter.create_counter(
    "scserv.delivery.outcomes",
    unit="{message}",
    description="Submitted messages by purpose and final outcome according to receipts.",
)

# Binds.

BIND_UP = _meter.create_gauge(
    "scserv.bind.up", unit="{bind}", description="1 while bound, else 0, by bind."
)
BIND_IN_FLIGHT = _meter.create_gauge(
    "scserv.bind.in_flight",
    unit="{message}",
    description="submit_sm sent and not answered yet, by bind.",
)
BIND_RATE = _meter.create_gauge(
    "scserv.bind.rate",
    unit="{message}/s",
    description="Share of the account's rate limit, by bind.",
)
BIND_THROTTLES = _meter.create_counter(
    "scserv.bind.throttles",
    unit="{answer}",
    description="Answers ESME_RTHROTTLED or ESME_RMSGQFUL, by bind.",
)

LACKING_CENTRES = _meter.create_gauge(
    "scserv.gateway.lacking_centres",
    unit="{centre}",
    description="SMS centres that another gateway has a sending bind to and this one has not.",
)
BIND_LENIENCIES = _meter.create_counter(
    "scserv.bind.leniencies",
    unit="{deviation}",
    description="Deviations of the SMSC from the specification, by bind, kind and outcome: "
    "tolerated, or refused by a strict bind.",
)

BIND_IGNORED = _meter.create_counter(
    "scserv.bind.ignored",
    unit="{pdu}",
    description="PDUs of the SMSC that mean nothing to us, such as alert_notification, by bind.",
)

# Orders and broadcasts.

ORDERS_DISPATCHED = _meter.create_counter(
    "scserv.orders.dispatched",
    unit="{order}",
    description="Scheduled orders that were due: queued, scheduled again or expired.",
)

CALLBACKS = _meter.create_counter(
    "scserv.callbacks",
    unit="{call}",
    description="Calls to URLs of accounts: taken, failed (made again later) or dead.",
)

BROADCASTS_RUNNING = _meter.create_gauge(
    "scserv.broadcasts.running", unit="{broadcast}", description="Broadcasts that are running."
)
BROADCASTS_UNCONFIRMED = _meter.create_gauge(
    "scserv.broadcasts.unconfirmed",
    unit="{broadcast}",
    description="Broadcasts that have missed their start and wait for a person.",
)
BROADCAST_RECIPIENTS = _meter.create_counter(
    "scserv.broadcast.recipients",
    unit="{recipient}",
    description="Recipients of broadcasts whose orders were placed.",
)

# Kafka and dead letters.

LAG = _meter.create_gauge(
    "scserv.lag",
    unit="{message}",
    description="Messages not processed yet, by topic or outbox feed.",
)
OUTBOX_PUBLISHED = _meter.create_counter(
    "scserv.outbox.published",
    unit="{message}",
    description="Rows that the relay published to Kafka, by feed.",
)
DEAD_LETTERS = _meter.create_counter(
    "scserv.dead_letters",
    unit="{message}",
    description="Messages set aside because they could not be processed, by topic.",
)
DEAD_LETTERS_DROPPED = _meter.create_counter(
    "scserv.dead_letters.dropped",
    unit="{message}",
    description="Dead letters not stored because their sender has too many, by topic.",
)
DEAD_LETTERS_WAITING = _meter.create_gauge(
    "scserv.dead_letters.waiting", unit="{message}", description="Dead letters stored now."
)
DEAD_LETTERS_USED = _meter.create_gauge(
    "scserv.dead_letters.used",
    unit="{share}",
    description="Share of the quota for dead letters in use, by rows or bytes: 1 is full.",
)

# Projections.

PROJECTION_LAG = _meter.create_gauge(
    "scserv.projection.lag",
    unit="{event}",
    description="Events that a projection has not applied yet, by projection.",
)
PROJECTION_AGE = _meter.create_gauge(
    "scserv.projection.age",
    unit="s",
    description="Age of the oldest event not applied yet, by projection.",
)
