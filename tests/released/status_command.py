"""One more command, `CLIENT status`, as edits of this source tree.

CONTRIBUTING.md walks through the same edits. The upgrade tests apply them to a copy of the
tree, which makes the next release (it announces the command) and the one after it (it accepts
the command). The tree may have or announce other new commands; in one that has `CLIENT status`,
as after the walkthrough, the edits make another command. A failed edit means that the tree has
changed: adapt the edit, and the walkthrough.
"""

from pathlib import Path
from typing import Final, NamedTuple

from schemas.events import Command

NAME: Final = "standing" if hasattr(Command, "CLIENT_STATUS") else "status"
SPELLING: Final = f"CLIENT {NAME}"


class Edit(NamedTuple):
    """`old` stands in the file at `path` once and becomes `new`."""

    path: str
    old: str
    new: str


def after(path: str, anchor: str, added: str) -> Edit:
    """Add lines after an anchor."""
    return Edit(path, anchor, anchor + added)


def renamed(edits: tuple[Edit, ...], name: str, before: str = NAME) -> tuple[Edit, ...]:
    """Return the edits for another command with such plans; `name` replaces the word before."""
    return tuple(
        Edit(path, old, new.replace(before, name).replace(before.upper(), name.upper()))
        for path, old, new in edits
    )


VALUES: Final = (
    after(
        "schemas/events.py",
        'switches notifications and broadcasts on"\n',
        '    CLIENT_STATUS = "client_status", "`CLIENT status`: are they on?"\n',
    ),
    after(
        "schemas/events.py",
        'notifications and broadcasts are on, and the reply confirms it"\n',
        '    STATUS_ON = "status_on", "the reply says that notifications and broadcasts are on"\n'
        '    STATUS_OFF = "status_off", "the reply says that they are off"\n',
    ),
    after(
        "schemas/events.py",
        'instead of what was asked."""\n        match self:\n',
        "            case Plan.STATUS_ON | Plan.STATUS_OFF:\n                return False\n",
    ),
)
ANNOUNCE: Final = after(
    "schemas/events.py",
    "ANNOUNCED: tuple[StrEnum, ...] = (",
    "Command.CLIENT_{0}, Plan.{0}_ON, Plan.{0}_OFF, ".format(NAME.upper()),
)
WITHDRAW: Final = Edit(ANNOUNCE.path, ANNOUNCE.new, ANNOUNCE.old)
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
        """        plan_start,
        frozenset({Plan.STARTED}),
        serves_recipients=True,
    ),
""",
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
text = "СМС-уведомления и СМС-оповещения включены. Отключить: CLIENT sms stop"
max_parts = 1
unknown = "resend"

[status_off]
text = "СМС-уведомления и СМС-оповещения отключены. Включить: CLIENT sms start"
max_parts = 1
unknown = "resend"

[unknown_number]
""",
    ),
)


def _wording(
    language: str, name: str, on: str, off: str, step: str, switch: str
) -> tuple[Edit, ...]:
    path = f"inbound/timeline/{language}_plans.py"
    end_of_reply = "        case _:\n            assert_never(plan)\n\n\ndef decision("
    step_of_info = "        case Plan.REGISTRATION:\n            return f"
    both = "        case Plan.STATUS_ON | Plan.STATUS_OFF:\n"
    return (
        Edit(path, end_of_reply, f'{both}            return "{name}"\n{end_of_reply}'),
        after(
            path,
            "    match case.plan:\n",
            f'        case Plan.STATUS_ON:\n            return "{on}"\n'
            f'        case Plan.STATUS_OFF:\n            return "{off}"\n',
        ),
        Edit(
            path,
            step_of_info,
            f'{both}            return (\n                f"{step}"\n                f"{switch}"\n'
            f"            )\n{step_of_info}",
        ),
    )


WORDING: Final = (
    *_wording(
        "english",
        "the reply that says so",
        "; notifications were on",
        "; notifications were off",
        "accepted, the status is to be sent: {client}, ",
        "notifications are {'on' if plan is Plan.STATUS_ON else 'off'}",
    ),
    *_wording(
        "russian",
        "ответ об этом",
        "; СМС-уведомления и СМС-оповещения были включены",
        "; СМС-уведомления и СМС-оповещения были отключены",
        "принято, ответ о состоянии: {client}, ",
        "уведомления {'включены' if plan is Plan.STATUS_ON else 'отключены'}",
    ),
)
COMMAND: Final = renamed((*VALUES, *DEFINITION, *TEMPLATES, *WORDING), NAME, "status")


def apply(edits: tuple[Edit, ...], tree: Path) -> None:
    """Apply edits to a copy of the source tree."""
    for path, old, new in edits:
        file = tree / path
        text = file.read_text("utf-8")
        assert text.count(old) == 1, f"tests/released/status_command.py: {path} has no {old!r}"
        file.write_text(text.replace(old, new), "utf-8")
