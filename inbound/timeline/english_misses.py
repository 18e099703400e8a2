"""English sentences about texts that made no request, and about no text at all."""

from typing import assert_never

from inbound.plurals import counted
from inbound.timeline.pending import ENGLISH, sentence
from inbound.timeline.words import (
    ArrivalSpan,
    Calendar,
    MissKind,
    NothingFound,
    accepted_spellings,
    miss_kind,
)


def miss(
    kind: str, span: ArrivalSpan, limit: int | None, calendar: Calendar, *, has_advice: bool
) -> str:
    """Say why texts made no request, and what to do about it if that is still needed."""
    known = miss_kind(kind)
    what = _why_missed(known, limit) if known else f"made no request ({kind})"
    if not has_advice:
        what = what.partition("; ")[0]
    if span.count == 1:
        return f"A text that reached us {calendar.on(span.first_at)} {what}."
    return f"Each of {span.count} texts that reached us {calendar.over(span)} {what}."


def unfinished(span: ArrivalSpan, here: int, total: int, calendar: Calendar) -> str:
    """Say that parts of a long text are missing."""
    return (
        f"Of a long text that began to arrive {calendar.on(span.first_at)}, {here} of {total} "
        "parts have arrived so far; please send it again as one short text."
    )


def nothing(found: NothingFound, calendar: Calendar) -> str:
    """Say that nothing arrived, and how sure that is."""
    since = f" from {calendar.bare(found.since)}" if found.since else ""
    until = f" to {calendar.bare(found.until)}" if found.until else ""
    if found.pending:
        waits = " ".join(sentence(ENGLISH, one, calendar) for one in found.pending)
        said = f"{waits} Of the texts processed so far none is from this number{since}{until}."
    else:
        said = f"We have no record of a text from this number{since}{until}."
    if found.miss_days:
        days = counted(found.miss_days, "day")
        said += f" Texts that were not commands are remembered for only {days}."
    else:
        said += " Texts that were not commands are not remembered here."
    if (out := found.left_out) is not None:
        over = calendar.over(out)
        said += (
            f" {over[0].upper()}{over[1:]} so many texts came from all numbers that "
            f"{out.count} of them were not noted; this number's may be among them."
        )
    return said


def _why_missed(kind: MissKind, limit: int | None) -> str:
    match kind:
        case MissKind.LOOK_ALIKE:
            return (
                "contained letters that only look like Latin ones (a Cyrillic С in CLIENT, for "
                "example), so it was not a command; please type it again with a Latin keyboard"
            )
        case MissKind.SPACING:
            return (
                "had the words of a command with unusual spaces between them; please put exactly "
                "one ordinary space between two words"
            )
        case MissKind.EXTRA_WORDS:
            return "contained a command and something else; please send the command on its own"
        case MissKind.UNKNOWN:
            commands = _listed(accepted_spellings())  # of today: they may have been others then
            return f"was not recognised as a command; the commands are {commands}"
        case MissKind.EMPTY:
            return "was empty"
        case MissKind.UNDECODABLE:
            return "could not be read as a text"
        case MissKind.DUPLICATE:
            return (
                "repeated the last accepted command so soon that both count as one request, "
                "which is answered once"
            )
        case MissKind.LIMITED:
            commands = "commands" if limit is None else counted(limit, "command")
            return f"exceeded the {commands} accepted per hour; please text again later"
        case MissKind.UNKNOWN_NUMBER:
            return (
                "was a command, but this number is not registered with us, and such texts "
                "are not answered"
            )
        case MissKind.UNKNOWN_NUMBER_CEILING:
            return (
                "was a command, but this number is not registered with us, and too many such texts "
                "arrived at the time for each to be answered"
            )
        case MissKind.INCOMPLETE:
            return "came in parts of which some never arrived; please send it again"
        case MissKind.ACCOUNT_TEXT:
            return "was not a command, and was passed on to the program that takes such texts"
        case MissKind.ACCOUNT_TEXT_LIMIT:
            return (
                "was not a command, and could not be kept for the program that takes such texts, "
                "because it is too long or too many wait for it; please text again later"
            )
        case _:
            assert_never(kind)


def _listed(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
