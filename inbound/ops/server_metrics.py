"""Metrics of the servers that programs and people reach: HTTP API, ingress, SMPP server, desk.

The other metrics, and the rules for all, are in `inbound.ops.metrics`.
"""

from opentelemetry import metrics

_meter = metrics.get_meter("scserv")

# HTTP API.

API_REQUESTS = _meter.create_counter(
    "scserv.api.requests",
    unit="{request}",
    description="Requests to the HTTP API by method, route and status.",
)
API_DURATION = _meter.create_histogram(
    "scserv.api.duration",
    unit="s",
    description="Duration of requests to the HTTP API, by method and route.",
    explicit_bucket_boundaries_advisory=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
)
API_TOKEN_FAILURES = _meter.create_counter(
    "scserv.api.token.failures",
    unit="{request}",
    description="Requests to the HTTP API without a valid token; throttled: not looked up.",
)
API_CONNECTIONS_CLOSED = _meter.create_counter(
    "scserv.api.connections.closed",
    unit="{connection}",
    description="Connections closed because of the client: evicted or refused for lack of room, "
    "ambiguous framing, late headers, or an answer not taken.",
)

# The ingress.

INGRESS_REQUESTS = _meter.create_counter(
    "scserv.ingress.requests",
    unit="{request}",
    description="HTTP requests in other services' dialects by method, route and status.",
)
INGRESS_DURATION = _meter.create_histogram(
    "scserv.ingress.duration",
    unit="s",
    description="Duration of HTTP requests in other services' dialects, by method and route.",
    explicit_bucket_boundaries_advisory=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
)
INGRESS_DENIED = _meter.create_counter(
    "scserv.ingress.denied",
    unit="{attempt}",
    description="Attempts to sign in at the ingress that were denied, by reason: wrong "
    "credentials, a foreign address, a throttled account, a banned address.",
)
INGRESS_BANS = _meter.create_counter(
    "scserv.ingress.bans",
    unit="{address}",
    description="Addresses that the ingress banned for a while because they guessed credentials.",
)

# The SMPP server.

SMPP_SERVER_BINDS = _meter.create_counter(
    "scserv.smpp_server.binds",
    unit="{bind}",
    description="Binds of programs to the SMPP server, by status.",
)
SMPP_SERVER_LINKS = _meter.create_gauge(
    "scserv.smpp_server.links",
    unit="{link}",
    description="Links of programs that are bound to the SMPP server.",
)
SMPP_SERVER_SUBMITTED = _meter.create_counter(
    "scserv.smpp_server.submitted",
    unit="{message}",
    description="submit_sm and data_sm of programs, by status.",
)
SMPP_SERVER_DELIVERIES = _meter.create_counter(
    "scserv.smpp_server.deliveries",
    unit="{delivery}",
    description="deliver_sm to programs by outcome: acknowledged, postponed or refused by the "
    "program, or unanswered.",
)
SMPP_SERVER_WAITING = _meter.create_gauge(
    "scserv.smpp_server.deliveries.waiting",
    unit="{delivery}",
    description="Receipts, and texts of phones, that wait for programs over SMPP.",
)

# The desk.

DESK_REQUESTS = _meter.create_counter(
    "scserv.desk.requests",
    unit="{request}",
    description="Requests to the desk by method, route and status.",
)
DESK_DURATION = _meter.create_histogram(
    "scserv.desk.duration",
    unit="s",
    description="Duration of requests to the desk, by method and route.",
    explicit_bucket_boundaries_advisory=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
)
DESK_SIGN_INS = _meter.create_counter(
    "scserv.desk.sign_ins",
    unit="{attempt}",
    description="Attempts to sign in at the desk: ok, wrong, throttled, refused (somebody whom the "
    "OpenID provider knows and the desk does not let in), or provider (it has failed).",
)
