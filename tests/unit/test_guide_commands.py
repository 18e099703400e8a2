"""Commands, options and metrics that the guides and the files of deploy/ name exist in the code.

A command is parsed as the command line would parse it; nothing of it runs. One in a block is whole;
prose may name a command without what it requires.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from inbound.cli import scserv
from inbound.ops import metrics, process_metrics, server_metrics
from schemas.topics import TopicNames
from streams.groups import GATEWAY_GROUP, WORKER_GROUP
from tests.compose_file import DEPLOY, ROLES
from tests.unit.test_docs import GUIDES

FILES = [*GUIDES, *(path for path in sorted(DEPLOY.rglob("*")) if path.is_file())]

_OURS = r"(?:\w+=\S+ )*(?:\S*/bin/)?scserv (.+)"
_IN_DOCKER = rf"docker compose run (?:--rm |--no-deps |-v \S+ )*(?:{'|'.join(ROLES)}) (.+)"
INLINE = [re.compile(rf"`(?:\$ )?{form.replace('.+', '[^`]+')}`") for form in (_OURS, _IN_DOCKER)]
IN_BLOCK = [
    re.compile(rf"(?:^|-- |&& |; |\| )(?:\$ )?{_OURS}"),
    re.compile(_IN_DOCKER),
]
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)
SHELL = {"|", "&&", ">", "<", ";", "||"}
OPTION = re.compile(r"`(--[a-z][a-z-]+)")
METRIC = re.compile(r"`(scserv(?:\.[a-z_]+)+|scserv(?:_[a-z]+)+)\b(?<!\.json)(?<!\.toml)")

OF_OTHERS = {
    *("--scale", "--fail", "--drop-slot"),  # docker compose, curl, pg_receivewal
    *("--keep", "--magic", "--dist", "--command-config"),  # the last one: Kafka's tools
}
"""Options of other programs, and of our benchmarks."""


def commands(text: str) -> Iterator[tuple[str, bool]]:
    """Yield what follows `scserv` in each command that a text shows, and whether in a block."""
    text = re.sub(r" *\\\n\s*", " ", text)
    prose = FENCED.sub("", text)
    for form in INLINE:
        for command in form.findall(prose):
            yield command, False
    for block in (*FENCED.findall(text), *INDENTED.findall(prose)):
        for line in block.splitlines():
            for form in IN_BLOCK:
                for command in form.findall(line.strip()):
                    yield command, True


def words_of(command: str) -> list[str]:
    """Return the words of a command up to its comment, pipe or redirection."""
    words = []
    for word in shlex.split(re.sub(r"\s#\s.*", "", command)):
        if word in SHELL:
            break
        words.append(word.removesuffix(";").strip("[]()"))
        if word.endswith(";"):
            break
    return [word for word in words if word != "..."]


def fault(command: str, *, is_whole: bool = True) -> str | None:
    """Return why the command line would not take this command, or None."""
    words = words_of(command)
    found: click.Command = scserv
    context = click.Context(found, info_name="scserv")
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        word = words.pop(0)
        inner = found.get_command(context, word)
        if inner is None:
            return f"there is no command {word}"
        found, context = inner, click.Context(inner, info_name=word, parent=context)
    if "--help" in words:
        return None
    try:
        given, left, _ = found.make_parser(context).parse_args(words)
    except click.UsageError as error:
        # Prose names an option without its value; one that does not exist is another error.
        is_named = not is_whole and "requires an argument" in error.message
        return None if is_named else error.format_message()
    for parameter in found.params:
        value = given.get(parameter.name or "")
        if is_whole and parameter.required and not value:
            return f"without {parameter.human_readable_name}"
        if isinstance(parameter.type, click.Choice) and isinstance(value, str):
            choices = [str(choice) for choice in parameter.type.choices]
            if value not in choices:
                return f"{value} is none of {', '.join(choices)}"
    return f"unexpected: {' '.join(left)}" if left and not isinstance(found, click.Group) else None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_command_that_is_shown_can_be_parsed(path: Path) -> None:
    shown = set(commands(path.read_text("utf-8")))
    faults = {command: fault(command, is_whole=in_block) for command, in_block in shown}
    assert {command: why for command, why in faults.items() if why} == {}


def test_commands_are_found_and_faults_in_them_too() -> None:
    text = """
Run `scserv topics apply`, or `SCSERV_X=1 scserv up`, in `docker compose run --rm worker status`.

    $ .venv/bin/scserv notify --phone +79161234567 --text "a; b" | tee out

```sh
kubectl -n scserv exec deploy/worker -- scserv binds --json
kubectl -n scserv get pods
```
"""
    assert sorted(commands(text)) == [
        ("binds --json", True),
        ('notify --phone +79161234567 --text "a; b" | tee out', True),
        *(("status", False), ("topics apply", False), ("up", False)),
    ]
    assert [fault(command) for command, _ in commands(text)] == [None] * 5
    assert fault("topic apply") == "there is no command topic"
    assert "--jsno" in (fault("binds --jsno") or "")
    assert fault("binds north") == "unexpected: north"
    assert "none of" in (fault("timeline --phone +7 --lang de") or "")
    assert fault("registrations on") == "without reason"
    assert fault("registrations on", is_whole=False) is None
    assert fault("timeline --phone", is_whole=False) is None


def test_the_guide_to_the_partitions_deletes_every_topic_but_the_heads() -> None:
    text = (Path(__file__).parents[2] / "docs/SCALING.md").read_text("utf-8")
    [deleted] = re.findall(r"for topic in ([^;]+);", text)
    wanted = {spec.name for spec in TopicNames().specs()} - {TopicNames().log_heads}
    assert set(deleted.replace("\\", "").split()) == wanted
    [groups] = re.findall(r"for group in ([^;]+);", text)
    assert set(groups.split()) == {WORKER_GROUP, GATEWAY_GROUP}


def options_of(command: click.Command) -> Iterator[str]:
    """Yield the options of a command and of all below it."""
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from options_of(inner)


def test_every_option_that_a_guide_names_exists() -> None:
    existing = {*options_of(scserv), "--help", *OF_OTHERS}
    for guide in GUIDES:
        named = set(OPTION.findall(guide.read_text("utf-8")))
        assert named - existing == set(), guide.name


def test_every_metric_that_a_guide_names_exists() -> None:
    """With a star at its end a name stands for several; Prometheus' names may have suffixes."""
    modules = (metrics, process_metrics, server_metrics)
    sources = "".join(Path(str(one.__file__)).read_text("utf-8") for one in modules)
    existing = set(re.findall(r'"(scserv\.[a-z_.]+)"', sources))
    in_prometheus = {name.replace(".", "_") for name in existing}
    suffix = re.compile(r"(?:_seconds|_bytes)?(?:_total|_bucket|_count|_sum)?$")
    for guide in GUIDES:
        named = set(METRIC.findall(guide.read_text("utf-8")))
        wrong = {
            name
            for name in named
            if name not in existing
            and not any(one.startswith(f"{name}.") for one in existing)
            and suffix.sub("", name) not in in_prometheus
        }
        assert wrong == set(), guide.name
