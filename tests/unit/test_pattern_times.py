"""No pattern takes longer than in proportion to its input: others choose what most of them read.

Each pattern of our modules is matched with texts that repeat what one of its repeats takes, after
what it wants before that, and at the end something that does not match. They are so long that a
pattern whose time grows with the square of the length needs seconds of CPU.
"""

import importlib
import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from re import _constants as codes
from re import _parser
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = {
    path: path.read_text("utf-8")
    for package in ("inbound", "schemas", "streams")
    for path in sorted((ROOT / package).rglob("*.py"))
}
LENGTH: Final = 60_000
LONGEST_S: Final = 0.7
"""Of CPU, a thousand times what a linear pattern needs."""
BOUNDED: Final = {
    "inbound.store.unreachable": "reads what PostgreSQL's client says of a failed connection",
    "inbound.settings.oidc": "reads settings",
}
_MANY: Final = 100
_REPEATS: Final = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
_SEARCHES: Final = "search|sub|subn|split|findall|finditer"
_CANDIDATES: Final = "a1 A.,:;-+/_=\"'(){}#\n\t\u0436\u2014"
_MOST_CLASSES: Final = 3

Pattern = re.Pattern[Any]


class _SlowError(Exception):
    pass


def _patterns_in(value: object) -> Iterator[Pattern]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _patterns_in(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _patterns_in(each)


def _found() -> Iterator[tuple[str, str, Pattern]]:
    """Return each pattern that a module compiles when it is imported."""
    for path, source in SOURCES.items():
        if "re.compile(" not in source:
            continue
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name, value in vars(importlib.import_module(module)).items():
            if re.search(rf"^{name}\b", source, re.MULTILINE):
                yield from ((module, name, pattern) for pattern in _patterns_in(value))


def _searches(module: str, name: str) -> bool:
    """Whether a pattern is looked for within texts; only its own module uses a private one."""
    used = re.compile(rf"\b{name}\.(?:{_SEARCHES})\b")
    own = ROOT / f"{module.replace('.', '/')}.py"
    return any(used.search(SOURCES[path]) for path in ([own] if name[0] == "_" else SOURCES))


def _characters(item: tuple[Any, Any]) -> str:
    """Return characters that an item which takes one character takes."""
    op, argument = item
    if op is codes.LITERAL:
        return chr(argument)
    own: list[str] = []
    if op is codes.IN:
        own = [chr(one) for kind, one in argument if kind is codes.LITERAL]
        own += [chr(one[0]) for kind, one in argument if kind is codes.RANGE]
    compiled = re.compile(_source_of(item), re.DOTALL)
    taken = [one for one in (*_CANDIDATES, *own) if compiled.fullmatch(one)]
    return "".join(dict.fromkeys(taken)) or "\N{SNOWMAN}"


def _source_of(item: tuple[Any, Any]) -> str:
    op, argument = item
    if op is codes.ANY:
        return "."
    if op is codes.NOT_LITERAL:
        return f"[^{re.escape(chr(argument))}]"
    classes = {
        codes.CATEGORY_DIGIT: r"\d",
        codes.CATEGORY_NOT_DIGIT: r"\D",
        codes.CATEGORY_SPACE: r"\s",
        codes.CATEGORY_NOT_SPACE: r"\S",
        codes.CATEGORY_WORD: r"\w",
        codes.CATEGORY_NOT_WORD: r"\W",
    }
    parts = ""
    for kind, one in argument:
        if kind is codes.NEGATE:
            parts += "^"
        elif kind is codes.CATEGORY:
            parts += classes[one]
        elif kind is codes.RANGE:
            parts += f"{re.escape(chr(one[0]))}-{re.escape(chr(one[1]))}"
        else:
            parts += re.escape(chr(one))
    return f"[{parts}]"


def _sample(items: Iterable[tuple[Any, Any]], least: int) -> str:
    """Return a short text that the items take; each repeat is taken `least` times at least."""
    text = ""
    for op, argument in items:
        if op in (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN):
            text += _characters((op, argument))[0]
        elif op in _REPEATS:
            text += _sample(argument[2], least) * max(least, argument[0])
        elif op is codes.SUBPATTERN:
            text += _sample(argument[3], least)
        elif op is codes.BRANCH:
            text += _sample(argument[1][-least], least)
    return text


def _pumps(items: list[tuple[Any, Any]], before: str) -> Iterator[tuple[str, str]]:
    """Return what to repeat, and what to put before it, for each repeat without a low limit."""
    for at, (op, argument) in enumerate(items):
        ahead = before + _sample(items[:at], 0), before + _sample(items[:at], 1)
        inner: list[list[tuple[Any, Any]]] = []
        if op in _REPEATS:
            inner = [list(argument[2])]
            if argument[1] is codes.MAXREPEAT or argument[1] >= _MANY:
                pumps = {_sample(argument[2], 0), _sample(argument[2], 1)}
                if len(inner[0]) == 1 and inner[0][0][0] in (codes.IN, codes.ANY):
                    pumps |= set(_characters(inner[0][0])[:_MOST_CLASSES])
                yield from ((start, pump) for start in set(ahead) for pump in pumps if pump)
        elif op is codes.SUBPATTERN:
            inner = [list(argument[3])]
        elif op is codes.BRANCH:
            inner = [list(one) for one in argument[1]]
        elif op in (codes.ASSERT, codes.ASSERT_NOT):
            inner = [list(argument[1])]
        for one in inner:
            for start in set(ahead):
                yield from _pumps(one, start)


def _inputs(pattern: Pattern, *, searches: bool) -> set[tuple[str, str]]:
    is_text = isinstance(pattern.pattern, str)
    source = pattern.pattern if is_text else pattern.pattern.decode("latin-1")
    tree = list(_parser.parse(source, pattern.flags & ~(0 if is_text else re.UNICODE)))
    found = set(_pumps(tree, ""))
    if searches:
        whole = _sample(tree, 1)
        found |= {("", whole[:end]) for end in range(1, min(len(whole), 12))}
        found |= {("", start + pump) for start, pump in found} | {("", pump) for _, pump in found}
    return found


def _slow(pattern: Pattern, *, searches: bool) -> Iterator[str]:
    for start, pump in sorted(_inputs(pattern, searches=searches)):
        for end in ("\0", ""):
            text: Any = start + pump * (LENGTH // len(pump)) + end
            if isinstance(pattern.pattern, bytes):
                text = text.encode("latin-1", "replace")
            signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_S)
            try:
                (pattern.search if searches else pattern.fullmatch)(text)
            except _SlowError:
                yield f"{pattern.pattern!r}: {start!r} and many {pump!r}"
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)


@pytest.fixture(autouse=True)
def _stopped_by_the_clock() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _SlowError

    former = signal.signal(signal.SIGVTALRM, stop)
    yield
    signal.signal(signal.SIGVTALRM, former)


def test_time_grows_with_the_length_alone() -> None:
    found = list(_found())
    assert len(found) > _MANY
    slow = [
        f"{module}.{name}: {one}"
        for module, name, pattern in found
        if module not in BOUNDED
        for one in _slow(pattern, searches=_searches(module, name))
    ]
    assert not slow, "\n".join(slow)


@pytest.mark.parametrize(
    ("pattern", "searches"),
    [
        (r"^\s*(?:tel:)?[\s\"']*(.*?)(?:\s*,?\s*ext\.?\s*\d*)?[\s;,.]*$", False),
        (r"(.+[T ]\d\d:\d\d\S*) (\d\d:?\d\d)", True),
        (r"[A-Za-z]*[^\x00-\x7f][A-Za-z\x80-\U0010ffff]*", True),
        (r"(?:a+)+b", False),
        (r"\d+\.?\d*x", False),
    ],
)
def test_a_slow_pattern_is_found(pattern: str, searches: bool) -> None:
    assert next(_slow(re.compile(pattern), searches=searches), "")
