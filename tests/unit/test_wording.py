"""Sentences that have their Russian with them."""

import json
from string import Formatter

from inbound.broadcasts.outcome_reasons import reason_in_words
from inbound.errors import SetupError
from inbound.wording import Bilingual, both, counted_both, decimal, in_russian, joined
from schemas.orders import OrderState, RefusalReason, WithheldReason


def test_a_text_is_its_english_and_has_its_russian() -> None:
    state = both("paused", "приостановлена")
    said = "  " + both("it is {state}, {name}", "она {state}, {name}", state=state, name="x") + "."
    assert said == "  it is paused, x."
    assert in_russian(said) == "  она приостановлена, x."
    assert json.loads(json.dumps({"said": said})) == {"said": "  it is paused, x."}
    assert in_russian(joined("; ", [state, "x"])) == "приостановлена; x"


def test_an_error_keeps_the_russian_of_its_text() -> None:
    error = SetupError(both("stop", "стоп"))
    assert (str(error), in_russian(str(error))) == ("stop", "стоп")


def test_braces_of_a_value_are_no_placeholders() -> None:
    text = both("text: {text}", "текст: {text}", text="{name}")
    assert (text, in_russian(text)) == ("text: {name}", "текст: {name}")
    assert both("{name} is a column", "{name} — столбец") == "{name} is a column"


def test_nouns_follow_their_number() -> None:
    forms = ("recipient", "recipients"), ("получатель", "получателя", "получателей")
    counts = [counted_both(number, *forms) for number in (1, 2, 5, 11, 21)]
    assert [*counts] == ["1 recipient", *(f"{n} recipients" for n in (2, 5, 11, 21))]
    assert [in_russian(one) for one in counts] == [
        *("1 получатель", "2 получателя", "5 получателей", "11 получателей", "21 получатель")
    ]


def test_every_outcome_of_a_recipient_has_one_reason_in_both_languages() -> None:
    outcomes: list[tuple[OrderState, str | None]] = [(state, None) for state in OrderState]
    outcomes += [(OrderState.REFUSED, reason.value) for reason in RefusalReason]
    outcomes += [(OrderState.WITHHELD, reason.value) for reason in WithheldReason]
    for state, reason in outcomes:
        said = reason_in_words(state, reason)
        assert isinstance(said, Bilingual)
        assert " or " not in said
        assert " или " not in said.russian
        assert said.russian != said
        assert not [name for _, name, *_ in Formatter().parse(said) if name]


def test_a_number_has_the_decimal_mark_of_its_language() -> None:
    latency = both("within {s} s", "за {s} с", s=decimal(0.14))
    assert (latency, in_russian(latency)) == ("within 0.1 s", "за 0,1 с")
