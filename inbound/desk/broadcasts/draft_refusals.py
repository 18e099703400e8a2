"""Forms of new broadcasts that were refused: what is wrong with each field, by keys of words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from inbound.desk.broadcasts.broadcast_drafts import Loading
from inbound.desk.broadcasts.draft_forms import FormProblemError
from inbound.desk.job_words import BROKEN_OFF, problem_of

PROBLEMS: Final[Mapping[str, str]] = {
    "empty": "This file is empty: there is not one character in it. Choose the file with the "
    "table.",
    "file": "Choose a file with a table first.",
    "hours": "Write both the first and the last minute of the sending hours, and let them differ.",
    "rate": "Write how many messages a second as a number from 1 to {most}.",
    "since": "This is not a day. Write it like 2026-05-17.",
    "columns": "The text has fields for which the table has no column of the same name. Choose "
    "the column of each field.",
}


@dataclass(frozen=True, slots=True)
class RefusedForm:
    """Why a form was refused: a problem for each field, with its values."""

    problems: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    """The fields of the text, if the table lacks a column for one."""


def refused_form(error: FormProblemError, typed: Mapping[str, str]) -> RefusedForm:
    """Return a form with a field that is wrong, as it was typed."""
    return RefusedForm({error.name: PROBLEMS[error.name]}, error.values, typed)


def refused_job(loading: Loading) -> RefusedForm:
    """Return the form of a draft that could not be made, as it was typed."""
    result, problem = loading.job.result, problem_of(loading.job)
    if problem == "columns":
        return RefusedForm(
            {"columns": PROBLEMS["columns"]}, {}, loading.typed, tuple(result["fields"])
        )
    if problem in BROKEN_OFF:
        return RefusedForm({"table": BROKEN_OFF[problem]}, {}, loading.typed)
    return RefusedForm({problem: result["words"]}, result.get("values", {}), loading.typed)
