"""Every metric of the service in one place: name, unit, labels.

Without an exporter the instruments do nothing and cost next to nothing. No label ever
holds a number, a text or an id.
"""

from opentelemetry import metrics

_meter = metrics.get_meter("scserv")

ACCEPTED = _meter.create_counter(
    "scserv.requests.accepted", unit="{request}", description="Commands accepted, by command."
)
REJECTED = _meter.create_counter(
    "scserv.texts.rejected",
    unit="{text}",
    description="Texts that made no request, by reason: a kind of miss, duplicate, limited.",
)
REPLIES = _meter.create_counter(
    "scserv.replies", unit="{message}", description="Replies by purpose and outcome."
)
ACK_LATENCY = _meter.create_histogram(
    "scserv.acknowledgement.latency",
    unit="s",
    description="From the arrival of a text to the centre's answer to its acknowledgement.",
    explicit_bucket_boundaries_advisory=[
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1,
        2.5,
        5,
        10,
        30,
        60,
        120,
        300,
    ],
)
LATE = _meter.create_counter(
    "scserv.acknowledgements.late",
    unit="{message}",
    description="Acknowledgements that the centre did not accept within 120 s.",
)
RECEIPTS = _meter.create_counter(
    "scserv.receipts",
    unit="{receipt}",
    description="Delivery receipts by state; unreadable ones lead to no message.",
)
RECEIPTS_UNMATCHED = _meter.create_counter(
    "scserv.receipts.unmatched",
    unit="{receipt}",
    description="Receipts that met no message: from nobody, or given up after 3 days.",
)
FATES = _meter.create_counter(
    "scserv.fates",
    unit="{message}",
    description="What became of submitted messages by their receipts, by purpose and fate.",
)
PARTS_EXPIRED = _meter.create_counter(
    "scserv.parts.expired",
    unit="{part}",
    description="Parts whose others never came, or that came again after the whole was read.",
)
DEAD_LETTERS = _meter.create_counter(
    "scserv.dead_letters",
    unit="{message}",
    description="Messages set aside because they could not be processed, by topic.",
)
DEAD_LETTERS_WAITING = _meter.create_gauge(
    "scserv.dead_letters.waiting", unit="{message}", description="Dead letters stored now."
)
DEAD_LETTERS_USED = _meter.create_gauge(
    "scserv.dead_letters.used",
    unit="{share}",
    description="Share of the quota for dead letters in use, by rows or bytes: 1 is full.",
)
LAG = _meter.create_gauge(
    "scserv.lag", unit="{message}", description="Messages waiting, by topic or outbox feed."
)
RELAYED = _meter.create_counter(
    "scserv.relayed", unit="{message}", description="Rows published to Kafka, by feed."
)
BIND_UP = _meter.create_gauge(
    "scserv.bind.up", unit="{bind}", description="1 while a bind is bound, else 0, by bind."
)
BIND_IN_FLIGHT = _meter.create_gauge(
    "scserv.bind.in_flight", unit="{message}", description="Messages without an answer, by bind."
)
BIND_RATE = _meter.create_gauge(
    "scserv.bind.rate", unit="{message}/s", description="A bind's share of its account's rate."
)
THROTTLES = _meter.create_counter(
    "scserv.bind.throttles", unit="{answer}", description="Answers that said: slower, by bind."
)
OLDEST = _meter.create_gauge(
    "scserv.oldest.waiting",
    unit="s",
    description="Age of the text whose answer waits longest, by centre and lane.",
)
PROJECTION_LAG = _meter.create_gauge(
    "scserv.projection.lag",
    unit="{event}",
    description="Events that a projection does not show yet, by projection.",
)
PROJECTION_AGE = _meter.create_gauge(
    "scserv.projection.age",
    unit="s",
    description="Age of the oldest event that a projection does not show yet, by projection.",
)
API_REQUESTS = _meter.create_counter(
    "scserv.api.requests",
    unit="{request}",
    description="Requests to the HTTP API by method, route and status.",
)
API_DURATION = _meter.create_histogram(
    "scserv.api.duration",
    unit="s",
    description="How long the HTTP API took to answer, by method and route.",
    explicit_bucket_boundaries_advisory=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
)
