"""The commands of `scserv`: where each is, and its line on the help page.

The help page is made from these lines and imports no command. A test compares each line with
the own help of its command (tests/unit/cli/test_main.py).
"""

from typing import Final, NamedTuple


class ListedCommand(NamedTuple):
    """A command that is imported when it is called."""

    place: str
    """MODULE:NAME, below `inbound.cli`."""
    summary: str
    """The first sentence of its help."""


COMMANDS: Final[dict[str, ListedCommand]] = {
    "up": ListedCommand("up:up", "Run the whole service until Ctrl-C."),
    "text": ListedCommand(
        "text:text", "Send TEXT from NUMBER through the simulated SMS centre and print the replies."
    ),
    "notify": ListedCommand(
        "notify:notify", "Have a message sent to NUMBER and print the id of its order."
    ),
    "broadcast": ListedCommand(
        "broadcast:broadcast", "Send one text to many people: create a draft, look at it, start it."
    ),
    "timeline": ListedCommand(
        "timeline:timeline",
        "Show what happened to a text or an order: a sentence for the client, then every step.",
    ),
    "messages": ListedCommand(
        "messages:messages",
        "Show the messages that an account or a broadcast ordered, newest first.",
    ),
    "events": ListedCommand(
        "events:events", "Print the events of one person or of orders, one JSON object per line."
    ),
    "audit": ListedCommand("audit:audit", "Show who did what for which reason, newest first."),
    "status": ListedCommand(
        "status:status", "Show what is wrong, what clients notice first, and what to do about it."
    ),
    "binds": ListedCommand(
        "binds:binds",
        "Show the binds to SMS centres: state and since when, rate, window, oldest waiting.",
    ),
    "clients": ListedCommand("clients:clients", "Import the clients of the organisation."),
    "accounts": ListedCommand(
        "accounts:accounts",
        "Manage the accounts that have messages sent: rights, senders, limits, balance.",
    ),
    "callbacks": ListedCommand(
        "callbacks:callbacks",
        "Set the URL of an account that is called when its messages have ended.",
    ),
    "templates": ListedCommand(
        "templates:templates", "Manage the templates of notifications and broadcasts."
    ),
    "registrations": ListedCommand(
        "registrations:registrations",
        "Decide about held requests for registration data, and switch registrations off.",
    ),
    "subscriptions": ListedCommand(
        "subscriptions:subscriptions",
        "Switch notifications and broadcasts for a client who asks; undo false stops.",
    ),
    "log": ListedCommand(
        "log:log", "Verify, export and import the event log; complete it after a restore."
    ),
    "replay": ListedCommand(
        "replay:replay", "Test a change against past requests; feed a new subscriber."
    ),
    "projections": ListedCommand(
        "projections:projections",
        "List, rebuild and verify the look-up tables made from the event log.",
    ),
    "deadletters": ListedCommand(
        "deadletters:deadletters",
        "Dead letters: messages set aside because they could not be processed.",
    ),
    "erase": ListedCommand("erase:erase", "Delete the personal data of a number."),
    "erasures": ListedCommand("erase:erasures", "Show the records of erasures, newest first."),
    "gateway": ListedCommand(
        "roles:gateway",
        "Bind to the SMS centres: texts to Kafka, replies from Kafka to the SMS centre.",
    ),
    "worker": ListedCommand(
        "roles:worker", "Process commands, orders, submit results and delivery receipts from Kafka."
    ),
    "relay": ListedCommand("roles:relay", "Publish events and the outbox to Kafka."),
    "projector": ListedCommand("roles:projector", "Keep the projections up to date."),
    "scheduler": ListedCommand(
        "scheduler:scheduler", "Queue scheduled orders when they are due, and send broadcasts."
    ),
    "api": ListedCommand(
        "api:api",
        "Serve the HTTP API: sending messages, who a subject is, what happened to a request.",
    ),
    "tokens": ListedCommand("tokens:tokens", "Create, list and revoke tokens of the HTTP API."),
    "desk": ListedCommand(
        "desk:desk", "Serve the desk: web pages for support, editors and operators."
    ),
    "ingress": ListedCommand(
        "ingress:ingress",
        "Take messages from programs that speak the dialects of other services.",
    ),
    "users": ListedCommand(
        "users:users", "Manage the people who sign in at the desk: passwords, roles, sessions."
    ),
    "simulator": ListedCommand("simulator:simulator", "Run a simulated SMS centre."),
    "keys": ListedCommand("keys:keys", "Rotate the vault and subject keys while the service runs."),
    "migrate": ListedCommand("setup:migrate", "Create or upgrade the database schema."),
    "topics": ListedCommand("setup:topics", "Create and check the Kafka topics of the service."),
    "settings": ListedCommand(
        "setup:settings", "List every setting: variable, default, place in a TOML file, meaning."
    ),
    "schemas": ListedCommand(
        "schemas:schemas", "Export, check and release the contracts of the topics."
    ),
}

ALIASES: Final = {"smsc": "simulator"}
"""Earlier names that scripts may still use; they are not listed."""
