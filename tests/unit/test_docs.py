"""The guides name files and modules that exist, link to what exists, and their tables are whole."""

import json
import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from inbound.settings.sources import setting_variables

ROOT = Path(__file__).parents[2]
GUIDES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
CODE = ("schemas", "streams", "inbound", "tests")
SOURCES = {".py", ".sql", ".toml"}
FILE = re.compile(r"`((?:schemas|streams|inbound|tests|docs|deploy)/[\w./-]+)`")
MODULE = re.compile(r"`(?:python -m )?((?:schemas|streams|inbound|tests)(?:\.\w+)+)[` ]")
SHORT = re.compile(r"`(\w+\.(?:py|sql))`")
NAME = re.compile(r"`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)`")
IN_TREE = re.compile(r"[a-z_]+(?:/|\.py)")
VARIABLE = re.compile(r"SCSERV_[A-Z0-9_]*[A-Z0-9]")
NO_SETTINGS = {
    *("SCSERV_NAME", "SCSERV_GROUP__NAME"),  # patterns, in CONTRIBUTING.md
    "SCSERV_API_PORT",  # a variable of Kubernetes
}
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
SECTION_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)#([^)]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
CODE_OR_ESCAPED = re.compile(r"`[^`]*`|\\\|")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_file_that_a_guide_names_exists(guide: Path) -> None:
    named = FILE.findall(guide.read_text("utf-8"))
    files = [name for name in named if "TYPE" not in name]  # a pattern: TYPE.vN
    assert [name for name in files if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_link_of_a_guide_leads_somewhere(guide: Path) -> None:
    links = LINK.findall(guide.read_text("utf-8"))
    assert [link for link in links if not (guide.parent / link).exists()] == []


def anchors_of(guide: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    headings = HEADING.findall(FENCED.sub("", guide.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_section_that_a_guide_links_to_exists(guide: Path) -> None:
    links = SECTION_LINK.findall(guide.read_text("utf-8"))
    pages = {page: anchors_of(guide.parent / page if page else guide) for page, _ in links}
    assert [f"{page}#{anchor}" for page, anchor in links if anchor not in pages[page]] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_table_of_a_guide_has_a_head_and_even_rows(guide: Path) -> None:
    """A blank line within a table would make text of the rows below it."""
    tables = TABLE.findall(FENCED.sub("", guide.read_text("utf-8")))
    rows = [[CODE_OR_ESCAPED.sub("", row) for row in table.splitlines()] for table in tables]
    headless = [one[0] for one in rows if not re.fullmatch(r"\|[-:| ]+\|", (*one, "")[1])]
    assert headless == []
    assert [row for one in rows for row in one if row.count("|") != one[0].count("|")] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_module_that_a_guide_names_exists(guide: Path) -> None:
    """A name in a module counts as well: its last words may be a class or function."""
    missing = []
    for name in MODULE.findall(guide.read_text("utf-8")):
        words = name.split(".")
        parents = [ROOT.joinpath(*words[:end]) for end in range(len(words), 1, -1)][:3]
        if not any(path.is_dir() or path.with_suffix(".py").exists() for path in parents):
            missing.append(name)
    assert missing == []


def test_every_test_that_a_guide_names_exists() -> None:
    text = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    existing = set(re.findall(r"def (test_\w+)", text))
    for guide in GUIDES:
        named = set(re.findall(r"`(test_\w+)`", guide.read_text("utf-8")))
        assert named - existing == set(), guide.name


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_module_that_a_guide_names_by_its_file_exists(guide: Path) -> None:
    """`lanes.py` in a paragraph about a package: a file of that name is somewhere."""
    packages = (ROOT / name for name in ("schemas", "streams", "inbound", "tests"))
    existing = {path.name for package in packages for path in package.rglob("*.*")}
    assert set(SHORT.findall(guide.read_text("utf-8"))) - existing == set()


@pytest.mark.parametrize("guide", ["CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/GLOSSARY.md"])
def test_every_name_that_a_guide_to_the_code_names_is_in_the_code(guide: str) -> None:
    """Names of classes, functions, fields, columns, topics: each of their words is in a source."""
    sources = chain.from_iterable((ROOT / name).rglob("*.*") for name in CODE)
    texts = [path.read_text("utf-8") for path in sources if path.suffix in SOURCES]
    known = set(re.findall(r"\w+", "\n".join(texts)))
    named = set(NAME.findall((ROOT / guide).read_text("utf-8")))
    other = {name for name in named if VARIABLE.match(name) or SHORT.match(f"`{name}`")}
    assert {name for name in named - other if not known >= set(name.split("."))} == set()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_every_variable_that_a_guide_names_is_a_setting(guide: Path) -> None:
    """Or a group of settings (`SCSERV_QUOTAS__...`), or has `_FILE` appended."""
    known = {variable for variable, _, _ in setting_variables()} | NO_SETTINGS
    known |= {variable.partition("__")[0] for variable in known}
    named = set(VARIABLE.findall(guide.read_text("utf-8")))
    assert {name for name in named if not {name, name.removesuffix("_FILE")} & known} == set()


def documented_routes() -> Iterator[tuple[str, str]]:
    """Yield method and path of every route in docs/API.md; all parameters are `{}`."""
    text = (ROOT / "docs/API.md").read_text("utf-8")
    for row in re.findall(r"^\| (`[A-Z]+ /v1/[^|]+)\|", text, re.MULTILINE):
        method = path = ""
        for name in re.findall("`([^`]+)`", row):
            if " " in name:
                method, path = name.split()
            else:  # `approve` behind `POST /v1/broadcasts/{id}/start`
                path = f"{path.rpartition('/')[0]}/{name}"
            yield method, re.sub(r"\{\w+\}", "{}", path)


def test_the_guide_to_the_api_has_every_route() -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text("utf-8"))
    routes = [
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, methods in document["paths"].items()
        for method in methods
    ]
    assert sorted(documented_routes()) == sorted(routes)


def tree() -> Iterator[str]:
    """Yield the path of every entry in the tree of the architecture."""
    text = (ROOT / "docs/ARCHITECTURE.md").read_text("utf-8")
    top = ""
    for line in text.partition("## The tree\n```\n")[2].partition("```")[0].splitlines():
        if line.startswith("   "):  # goes on with the entry above
            continue
        for word in line.split():
            if not IN_TREE.fullmatch(word):
                break
            if not line.startswith(" "):
                top = word
            yield word if word == top else top + word


def test_the_tree_has_what_exists() -> None:
    assert [name for name in tree() if not (ROOT / name).exists()] == []


def test_every_package_and_module_is_in_the_tree() -> None:
    named = set(tree())
    assert len(named) > 50
    for top in ("streams", "inbound"):
        modules = {f"{top}/{path.name}" for path in (ROOT / top).glob("[!_]*.py")}
        packages = {f"{top}/{path.parent.name}/" for path in (ROOT / top).glob("*/__init__.py")}
        assert (modules | packages) - named == set()


def test_every_dependency_has_its_reason_and_every_reason_its_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    for name in ("uv.in", "peers.in", "node.in"):
        lines += (ROOT / "requirements" / name).read_text("utf-8").splitlines()
    npm = json.loads((ROOT / "tests/peers/programs/package.json").read_text("utf-8"))
    needed = {match[0] for line in lines if (match := re.match(r"[a-z][\w-]*", line))}
    text = (ROOT / "docs/DEPENDENCIES.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    explained = {name.strip() for row in rows for name in row.split(",")}
    assert explained - {"package"} == needed | npm["dependencies"].keys()
