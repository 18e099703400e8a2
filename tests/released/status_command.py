"""A fourth command, `CLIENT status`, as edits of this source tree.

CONTRIBUTING.md walks through the same edits. The upgrade tests apply them to a copy of the
tree, which makes the next release (it announces the command) and the one after it (it accepts
the command). A failed edit means that the tree has changed: adapt the edit, and the walkthrough.
"""

from pathlib import Path
from typing import Final, NamedTuple

SPELLING: Final = "CLIENT status"
NO_ANNOUNCEMENT: Final = "ANNOUNCED: tuple[StrEnum, ...] = ()"
ANNOUNCEMENT: Final = (
    "ANNOUNCED: tuple[StrEnum, ...] = (Command.CLIENT_STATUS, Plan.STATUS_ON, Plan.STATUS_OFF)"
)


class Edit(NamedTuple):
    """`old` stands in the file at `path` once and becomes `new`."""

    path: str
    old: str
    new: str


def after(path: str, anchor: str, added: str) -> Edit:
    """Add lines after an anchor."""
    return Edit(path, anchor, anchor + added)


VALUES: Final = (
    after(
        "schemas/events.py",
        '    SMS_START = "sms_start"\n',
        '    CLIENT_STATUS = "client_status"\n',
    ),
    after(
        "schemas/events.py",
        '    STARTED = "started"\n',
        '    STATUS_ON = "status_on"\n    STATUS_OFF = "status_off"\n',
    ),
    Edit(
        "schemas/events.py",
        "case Plan.REGISTRATION | Plan.STOPPED | Plan.STARTED:\n",
        "case Plan.REGISTRATION | Plan.STOPPED | Plan.STARTED | Plan.STATUS_ON | "
        "Plan.STATUS_OFF:\n",
    ),
)
ANNOUNCE: Final = Edit("schemas/events.py", NO_ANNOUNCEMENT, ANNOUNCEMENT)
DEFINITION: Final = (
    Edit(
        "inbound/handlers/definitions.py",
        "\n\nDEFINITIONS: Final = (\n",
        '''

def plan_status(state: SubjectState, request: CommandRequest, policies: Policies) -> Planned:
    """Say whether notifications and broadcasts are on."""
    del request, policies
    return Planned(Plan.STATUS_ON if state.notifications_on else Plan.STATUS_OFF)


DEFINITIONS: Final = (
''',
    ),
    after(
        "inbound/handlers/definitions.py",
        '    CommandDefinition(Command.SMS_START, "CLIENT sms start", plan_start, '
        "frozenset({Plan.STARTED})),\n",
        """    CommandDefinition(
        Command.CLIENT_STATUS,
        "CLIENT status",
        plan_status,
        frozenset({Plan.STATUS_ON, Plan.STATUS_OFF}),
    ),
""",
    ),
)
TEMPLATES: Final = (
    Edit(
        "inbound/templates/default.toml",
        "\n[unknown_number]\n",
        """
[status_on]
text = "СМС от SCSERV включены. Отключить: CLIENT sms stop"
max_parts = 1
unknown = "resend"

[status_off]
text = "СМС от SCSERV отключены. Включить: CLIENT sms start"
max_parts = 1
unknown = "resend"

[unknown_number]
""",
    ),
)


def _wording(language: str, name: str, on: str, off: str, step: str) -> tuple[Edit, ...]:
    path = f"inbound/timeline/{language}_plans.py"
    names = {
        "english": "the reply that confirms it",
        "russian": "ответ с подтверждением",
    }
    return (
        after(
            path,
            f'            return "{names[language]}"\n',
            f'        case Plan.STATUS_ON | Plan.STATUS_OFF:\n            return "{name}"\n',
        ),
        Edit(
            path,
            '        case Plan.REGISTRATION:\n            return ""\n',
            '        case Plan.REGISTRATION:\n            return ""\n'
            f'        case Plan.STATUS_ON:\n            return "{on}"\n'
            f'        case Plan.STATUS_OFF:\n            return "{off}"\n',
        ),
        Edit(
            path,
            "    match plan:\n        case Plan.REGISTRATION:\n            return f",
            "    match plan:\n        case Plan.STATUS_ON | Plan.STATUS_OFF:\n"
            f'            return f"{step}"\n        case Plan.REGISTRATION:\n            return f',
        ),
    )


WORDING: Final = (
    *_wording(
        "english",
        "the reply that says so",
        "; notifications were on",
        "; notifications were off",
        "accepted, the status is owed: {client}, {plan.removeprefix('status_')}",
    ),
    *_wording(
        "russian",
        "ответ об этом",
        "; СМС-уведомления и СМС-оповещения были включены",
        "; СМС-уведомления и СМС-оповещения были отключены",
        "принято, ответ о состоянии: {client}, {plan.removeprefix('status_')}",
    ),
)
COMMAND: Final = (*VALUES, *DEFINITION, *TEMPLATES, *WORDING)


def apply(edits: tuple[Edit, ...], tree: Path) -> None:
    """Apply edits to a copy of the source tree."""
    for path, old, new in edits:
        file = tree / path
        text = file.read_text("utf-8")
        assert text.count(old) == 1, f"tests/released/status_command.py: {path} has no {old!r}"
        file.write_text(text.replace(old, new), "utf-8")
