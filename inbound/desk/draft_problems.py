"""What is wrong with a draft or a table, as pages say it: keys of the desk's words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from inbound.broadcasts.content import DraftError
from inbound.errors import SetupError

_DRAFT_PROBLEMS: Final[Mapping[str, str]] = {
    "name": "Give it a name of up to 100 characters, without a phone number: it is kept for ever.",
    "spread": "Spreading needs sending hours: write them, or don't spread it.",
    "account": "This account may not send broadcasts now. Choose another one.",
    "sender": "This sender is not approved for the account. Choose another one, or have it "
    "approved.",
    "template": "There is no such template, or it was retired. Choose another one.",
    "language": "The template has no text in this language. Choose another one, or all languages.",
    "audience": "The text has fields, and clients of the directory have none. Take the fields out, "
    "or send it to the rows of a table.",
}
_TEXT_PROBLEMS: Final[Mapping[str, str]] = {
    "choice": "Write a text or choose a template, and not both.",
    "blank": "The text has no visible character. Write what to send.",
    "brace": "The braces of the text can't be read. A field is a name in braces, like {name}; a "
    "brace itself is written twice.",
    "parts": "The text needs more SMS parts than the account may send. Shorten it.",
    "signs": "The text is too long, or has characters that can't be sent.",
}
_TABLE_PROBLEMS: Final[Mapping[str, str]] = {
    "": "The table can't be read like this.",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A text with its values. `words` is a key of the desk's words."""

    words: str
    values: Mapping[str, object] = field(default_factory=dict)


def problem_of(error: DraftError) -> tuple[str, str]:
    """Return the field of the form that a draft was refused for, and why."""
    if error.field != "text":
        return error.field, _DRAFT_PROBLEMS[error.field]
    said = str(error)
    for sign, name in (
        ("a template, and not both", "choice"),
        ("no visible character", "blank"),
        ("SMS parts", "parts"),
        ("brace", "brace"),
        ("a field", "brace"),
    ):
        if sign in said:
            return "text", _TEXT_PROBLEMS[name]
    return "text", _TEXT_PROBLEMS["signs"]


def table_problem(error: SetupError) -> Said:
    """Return why a table can't be read, and what to do."""
    del error
    return Said(_TABLE_PROBLEMS[""])
