"""Both languages have all words of the desk, and no others."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

from jinja2 import nodes

from inbound.desk.fault_words import REASONS, WITH_VALUES
from inbound.desk.navigation import Menu
from inbound.desk.pages import Pages
from inbound.desk.person.message_states import OF_ORDER, OF_REPLY
from inbound.desk.roles import Role
from inbound.desk.russian import PAGES, RUSSIAN
from inbound.desk.status.bind_states import OF_BIND, OF_LANE
from inbound.desk.words import Words
from inbound.tables.reasons import RUSSIAN as CELLS
from inbound.timeline.model import Language

DESK = Path(__file__).parents[3] / "inbound" / "desk"
# Their arguments are words.
SAYING = {
    "ErrorPage",
    "__init__",
    "PasswordError",
    "Place",
    "words",
    "_refuse",
    "Entry",
    "Notice",
    "Alarm",
    "MomentError",
    "FormError",
    "wrong",
}


def in_templates() -> Iterator[str]:
    templates = Pages(Menu(()), "Europe/Moscow", is_secure=False).templates
    for path in (DESK / "templates").glob("*.html"):
        for call in templates.parse(path.read_text("utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t":
                for argument in call.args:
                    if isinstance(argument, nodes.Const):
                        yield argument.value


def in_modules() -> Iterator[str]:
    for path in DESK.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node.func) in SAYING:
                for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    yield from texts(argument)
            if isinstance(node, ast.AnnAssign) and name_of(node.target) in TABLES:
                yield from texts(node.value)
            if isinstance(node, ast.Assign) and name_of(node.targets[0]) in {
                "problem",
                "unsure",
                "done",
            }:
                yield from texts(node.value)


def constants() -> Iterator[str]:
    """Yield every text in a module, whether it is words or not."""
    for path in DESK.rglob("*.py"):
        if path.parent.name != "russian":
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def name_of(node: ast.expr) -> str:
    while isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def texts(node: ast.AST | None) -> Iterator[str]:
    """Yield texts that are words: those with a capital letter first."""
    for part in ast.walk(node) if node else ():
        if (
            isinstance(part, ast.Constant)
            and isinstance(part.value, str)
            and part.value.lstrip("“")[:1].isupper()
        ):
            yield part.value


TABLES = {"_ACTIONS", "_DONE", "UNCHANGED", "_BAD_REASON", "_KINDS", "_TITLES", "_LEGS"}
TABLES |= {"_MEANINGS", "_SCOPES", "ACTIONS", "RIGHT_WORDS", "_NO_ROLE", "_LAST"}
TABLES |= {"_TYPED", "_MOVES", "FIELD_TITLES", "_RULES", "_BAD_COLUMNS"}
TABLES |= {"NOBODY", "RULES", "LANGUAGES", "POLICIES", "QUESTIONS"}
TABLES |= {"PROBLEMS", "_WORKS", "_PURPOSES", "_COMPLETIONS"}
TABLES |= {"_STATES", "_MISSED", "_EXCLUSIONS", "_REASONS", "_WARNINGS", "_REFUSALS", "_PROBLEMS"}
TABLES |= {"BROKEN_OFF", "_DRAFT_PROBLEMS", "_TEXT_PROBLEMS", "_TABLE_PROBLEMS", "_NO_TABLE"}
HEADERS = {"Retry-After"}


def test_every_word_is_in_both_languages_and_every_translation_is_used() -> None:
    used = {*in_templates(), *in_modules(), *(role.value for role in Role)} - HEADERS
    used |= {shown.word for shown in [*OF_REPLY.values(), *OF_ORDER.values()]}
    used |= {shown.word for shown in OF_BIND.values()} | set(OF_LANE.values())
    used |= {*REASONS, *WITH_VALUES, *CELLS}
    used |= {"{count} s", "{count} min", "{count} h", "staff member {name}"}
    assert used - RUSSIAN.keys() == set()
    assert RUSSIAN.keys() - used - set(constants()) == set()


def test_a_translation_has_the_same_values() -> None:
    for english, russian in RUSSIAN.items():
        both = [
            {field for _, field, _, _ in string.Formatter().parse(text) if field}
            for text in (english, russian)
        ]
        assert both[0] == both[1], english


def test_a_translation_is_russian() -> None:
    for russian in RUSSIAN.values():
        assert any("а" <= char <= "я" for char in russian.lower()), russian


def test_a_text_is_translated_once() -> None:
    assert sum(map(len, PAGES)) == len(RUSSIAN)


def test_a_user_is_named_as_people_say_it() -> None:
    said = {one: Words(one, "Europe/Moscow").actor("user ivanova") for one in Language}
    assert said == {Language.RU: "сотрудник ivanova", Language.EN: "staff member ivanova"}
    assert Words(Language.RU, "Europe/Moscow").actor("erp") == "erp"


def test_a_number_of_events_has_its_noun_in_the_right_form() -> None:
    english, russian = Words(Language.EN, "UTC"), Words(Language.RU, "Europe/Moscow")
    assert [english.events(count) for count in (1, 2)] == ["1 event", "2 events"]
    counts = (1, 2, 5, 11, 21)
    assert [russian.events(count) for count in counts] == [
        "1 событие",
        "2 события",
        "5 событий",
        "11 событий",
        "21 событие",
    ]
