"""Definitions of templates: what is refused, and that the longest case is the longest."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.errors import SetupError
from inbound.orders.templates.definition import TemplateDefinition, check_definition, read_toml
from inbound.orders.templates.fields import FieldError, FieldType, TemplateLanguage
from inbound.smpp.segmentation import measure, part_count

VISIT: dict[str, Any] = {
    "texts": {"ru": "Заявка {ticket} выполнена {day}.", "en": "Request {ticket}: done {day}."},
    "fields": {"ticket": {"type": "code", "max_length": 10}, "day": {"type": "date"}},
    "max_parts": 1,
}
VALUES = {"ticket": "A-7", "day": "2026-11-08"}


def made(**changes: Any) -> TemplateDefinition:
    return check_definition(VISIT | changes, part_count)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "Заявка A-7 выполнена 08.11.2026."),
        ("en", "Request A-7: done 8 Nov 2026."),
        (None, "Заявка A-7 выполнена 08.11.2026."),
        ("de", "Заявка A-7 выполнена 08.11.2026."),
    ],
)
def test_the_language_chooses_the_text_or_the_first_one_is_sent(
    language: str | None, text: str
) -> None:
    assert made().render(VALUES, language).text == text


def test_values_of_no_field_are_ignored() -> None:
    assert made().render({**VALUES, "name": "Анна"}, "en").text == "Request A-7: done 8 Nov 2026."


@pytest.mark.parametrize(
    ("type_", "value", "russian", "english"),
    [
        ("text", " Анна ", "Анна", "Анна"),
        ("code", "A-1/2#3_4.5", "A-1/2#3_4.5", "A-1/2#3_4.5"),
        ("integer", "-12", "-12", "-12"),
        ("decimal", "12.50", "12,50", "12.50"),
        ("decimal", "12,50", "12,50", "12.50"),
        ("date", "2026-01-31", "31.01.2026", "31 Jan 2026"),
        ("date", "05.12.2026", "05.12.2026", "5 Dec 2026"),
        ("time", "18:05", "18:05", "18:05"),
    ],
)
def test_values_read_as_the_language_writes_them(
    type_: str, value: str, russian: str, english: str
) -> None:
    definition = field(type_)
    assert definition.render({"x": value}, "ru").text == russian
    assert definition.render({"x": value}, "en").text == english


@pytest.mark.parametrize(
    ("type_", "value", "complaint"),
    [
        ("text", " ", "is empty"),
        ("text", "Ж" * 13, "has 13 characters and may have 12"),
        ("text", "😀" * 7, "has 14 characters and may have 12"),
        ("text", "a\x1bb", r"U\+001B"),
        ("code", "Я-7", "Latin letters"),
        ("integer", "1.5", "a whole number"),
        ("integer", "١٢", "a whole number"),
        ("decimal", "1e5", "a number like"),
        ("date", "31/01/2026", "a date like"),
        ("date", "1.12.2026", "a date like"),
        ("date", "12.31.2026", "no date of the calendar"),
        ("date", "2026-02-30", "no date of the calendar"),
        ("time", "24:00", "a time like"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_without_repeating_it(
    type_: str, value: str, complaint: str
) -> None:
    with pytest.raises(FieldError, match=f"the field x .*{complaint}") as refused:
        field(type_).render({"x": value}, "ru")
    assert value.strip() == "" or value not in str(refused.value)


def test_a_missing_value_is_named() -> None:
    with pytest.raises(FieldError, match="the field day is missing"):
        made().render({"ticket": "A-7"}, "ru")


def field(type_: str, length: int = 12) -> TemplateDefinition:
    known = {"type": type_} | ({} if type_ in {"date", "time"} else {"max_length": length})
    return made(texts={"ru": "{x}", "en": "{x}"}, fields={"x": known}, max_parts=8)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"texts": {}}, "texts: "),
        ({"texts": {"de": "Auftrag {ticket} {day}"}}, "texts.de"),
        ({"texts": {"ru": "Заявка {tiket} {day}"}}, r"texts.ru: no field \{tiket\} here"),
        ({"texts": {"ru": "Заявка {ticket} {day"}}, "a single"),
        ({"texts": {"ru": "Заявка {ticket}"}}, "fields.day: no text has"),
        ({"texts": {"ru": "a\x07{ticket}{day}"}}, r"texts.ru: .*U\+0007"),
        ({"fields": {"ticket": {"type": "code"}, "day": {"type": "date"}}}, "needs max_length"),
        (
            {
                "fields": {
                    "ticket": {"type": "code", "max_length": 3},
                    "day": {"type": "date", "max_length": 3},
                }
            },
            "leave max_length out",
        ),
        ({"fields": {"ticket": {"type": "number"}, "day": {"type": "date"}}}, "fields.ticket.type"),
        (
            {"fields": {"ticket": {"type": "code", "length": 3}, "day": {"type": "date"}}},
            "fields.ticket.length: unknown",
        ),
        ({"maxparts": 3}, "maxparts: unknown; what may stand here: texts"),
        ({"max_parts": 9}, "max_parts"),
        ({"unknown": "maybe"}, "unknown"),
        ({"texts": {"ru": "Ж" * 60 + "{ticket} {day}"}}, "could need 2 SMS parts and may have 1"),
    ],
)
def test_a_bad_definition_says_what_is_wrong_and_where(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SetupError, match=complaint):
        made(**changes)


def test_a_file_that_is_no_toml_is_named() -> None:
    with pytest.raises(SetupError, match=r"visit\.toml: not a TOML file"):
        read_toml(b"[texts", "visit.toml")
    with pytest.raises(SetupError, match=r"visit\.toml: not a TOML file"):
        read_toml("ru = 'Ж'".encode("cp1251"), "visit.toml")


def test_the_longest_case_counts_what_surrogate_pairs_leave_empty() -> None:
    definition = field("text", 134)
    text = definition.render({"x": "😀" * 67}, "ru").text
    assert part_count(text) == definition.most_parts(TemplateLanguage.RUSSIAN, part_count) == 3


def test_a_text_without_own_letters_stays_in_gsm() -> None:
    english = made(texts={"en": "Request {ticket} on {day}" + 120 * "."})
    assert english.most_parts(TemplateLanguage.ENGLISH, part_count) == 1
    assert measure(english.longest(TemplateLanguage.ENGLISH)).encoding == "GSM 03.38"


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts", "room"),
    [
        ("Ж" * 70, "UCS-2", 70, 1, 70),
        ("Ж" * 71, "UCS-2", 71, 2, 134),
        ("Ж" * 536, "UCS-2", 536, 8, 536),
        ("a" * 160, "GSM 03.38", 160, 1, 160),
        ("a" * 161, "GSM 03.38", 161, 2, 306),
        ("a" * 1224, "GSM 03.38", 1224, 8, 1224),
        ("{}[]~|€^" * 10, "GSM 03.38", 160, 1, 160),
        ("{}[]~|€^" * 10 + "a", "GSM 03.38", 161, 2, 306),
        ("😀" * 35, "UCS-2", 70, 1, 70),
    ],
)
def test_sizes_are_those_of_the_standard(
    text: str, encoding: str, units: int, parts: int, room: int
) -> None:
    size = measure(text)
    assert (size.encoding, size.units, size.parts, size.room) == (encoding, units, parts, room)


LITERALS = st.text("Жa {}€😀", max_size=200).map(
    lambda text: text.replace("{", "{{").replace("}", "}}")
)
TEXTS = st.text(st.sampled_from("Жa€[😀\n"), min_size=1, max_size=80)


@st.composite
def templates_with_values(draw: st.DrawFn) -> tuple[TemplateDefinition, dict[str, str]]:
    """A template of up to three fields with its longest text, and values that fit."""
    fields: dict[str, Any] = {}
    values: dict[str, str] = {}
    text = draw(LITERALS)
    for name in draw(st.lists(st.sampled_from("abc"), unique=True)):
        type_ = draw(st.sampled_from(FieldType))
        match type_:
            case FieldType.TEXT:
                value = draw(TEXTS.filter(str.strip))
            case FieldType.CODE:
                value = draw(st.text("aZ9_./#-", min_size=1, max_size=80))
            case FieldType.INTEGER:
                value = str(draw(st.integers(-(10**30), 10**30)))
            case FieldType.DECIMAL:
                value = str(draw(st.decimals(-999, 999, places=2)))
            case FieldType.DATE:
                value = draw(st.dates(min_value=date(1000, 1, 1))).isoformat()
            case FieldType.TIME:
                value = f"{draw(st.times()):%H:%M}"
        values[name] = value
        fields[name] = {"type": type_}
        if type_ not in {FieldType.DATE, FieldType.TIME}:
            fields[name]["max_length"] = len(value.encode("utf-16-le")) // 2
        text += f"{{{name}}}" + draw(LITERALS)
    texts = {draw(st.sampled_from(TemplateLanguage)): text or "x"}
    return TemplateDefinition.model_validate({"texts": texts, "fields": fields}), values


@given(templates_with_values())
def test_no_text_needs_more_parts_than_the_longest_case(
    made_with: tuple[TemplateDefinition, dict[str, str]],
) -> None:
    definition, values = made_with
    language = definition.default_language
    rendered = definition.render(values, language).text
    assert part_count(rendered) <= definition.most_parts(language, part_count)
