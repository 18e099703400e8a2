"""Makes an HTML page from the AsyncAPI document: one file without scripts or downloads."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from pydantic_core import to_json

from schemas.contracts.published import ANNOUNCED_VALUES, KNOWN_VALUES
from schemas.documented_enum import MEANINGS

Json = Mapping[str, Any]

_STYLE: Final = Path(__file__).with_name("page.css")
_DAY_MS: Final = 86_400_000


def page(document: Json) -> str:
    """Return the page as HTML. `document` is what `asyncapi.document` returns."""
    info, messages = document["info"], document["components"]["messages"]
    channels = document["channels"].values()
    body = [
        f"<h1>{escape(info['title'])}</h1>",
        *_text(info["description"]),
        "<nav aria-label='Types'>",
        *(line for channel in channels for line in _contents(channel)),
        "</nav>",
        *_headers(next(iter(messages.values()))["headers"]),
        *(line for channel in channels for line in _channel(channel, messages)),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(info['title'])}</title>",
            f"<style>\n{_STYLE.read_text('utf-8')}</style>",
            "<main>",
            *body,
            "</main>",
            "</html>\n",
        ]
    )


def _text(markdown: str) -> Iterator[str]:
    """Return paragraphs and lists as HTML; the document's texts use nothing else."""
    for block in markdown.split("\n\n"):
        if block.startswith("* "):
            items = "".join(f"<li>{_inline(each)}</li>" for each in block[2:].split("\n* "))
            yield f"<ul>{items}</ul>"
        else:
            yield f"<p>{_inline(block)}</p>"


def _inline(text: str) -> str:
    """Return escaped text, with backticks turned into code."""
    pieces = escape(text, quote=False).split("`")
    return "".join(
        f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces)
    )


def _contents(channel: Json) -> Iterator[str]:
    link = f'<a href="#{channel["address"]}"><code>{channel["address"]}</code></a>'
    yield f"<p>{link} {escape(channel['title'])}</p>"
    items = "".join(
        f'<li><a href="#{name}"><code>{_type(name)}</code></a></li>' for name in channel["messages"]
    )
    yield f"<ul>{items}</ul>"


def _type(name: str) -> str:
    """Return the type without the common prefix, with its version apart."""
    type_, _, version = name.split(".", 2)[2].rpartition(".v")
    return f'{escape(type_)}<span class="version">.v{version}</span>'


def _headers(schema: Json) -> Iterator[str]:
    yield '<h2 id="headers">Headers</h2>'
    properties = dict(schema["properties"])
    for told_below in ("ce_type", "ce_source"):
        properties[told_below] = {**properties[told_below]}
        del properties[told_below]["const"]
    yield from _table({**schema, "properties": properties})


def _channel(channel: Json, messages: Json) -> Iterator[str]:
    kafka = channel["bindings"]["kafka"]
    first = messages[next(iter(channel["messages"]))]
    facts = {
        "Topic": f"<code>{escape(channel['address'])}</code>",
        "Key": _inline(first["bindings"]["kafka"]["key"]["description"]),
        "ce_source": _source(first["headers"]["properties"]["ce_source"]),
        "Partitions": str(kafka["partitions"]),
        "Kept": _kept(kafka["topicConfiguration"]),
    }
    yield f'<h2 id="{channel["address"]}">{escape(channel["title"])}</h2>'
    yield from _text(channel["description"])
    yield "<dl>"
    yield from (f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    yield "</dl>"
    for name in channel["messages"]:
        yield from _message(name, messages[name])


def _source(header: Json) -> str:
    if "const" in header:
        return f"<code>{header['const']}</code>"
    return _inline(header["description"])


def _kept(configuration: Json) -> str:
    if "compact" in configuration["cleanup.policy"]:
        return "the last record of every key, for ever (compacted)"
    kept_ms = configuration["retention.ms"]
    return "for ever" if kept_ms == -1 else f"{kept_ms // _DAY_MS} days"


def _message(name: str, message: Json) -> Iterator[str]:
    yield f'<section id="{name}">'
    yield f'<h3><a href="#{name}"><code>{_type(name)}</code></a></h3>'
    yield f"<p>{_inline(message['summary'])}</p>"
    if "description" in message:
        yield from _text(message["description"])
    if "properties" in message["payload"]:
        yield from _table(message["payload"])
    for example in message["examples"]:
        yield "<details><summary>Example</summary>"
        yield f"<pre>{_example(example)}</pre></details>"
    yield "</section>"


def _example(example: Json) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in example["headers"].items())
    payload = example["payload"]
    shown = "(no value)" if payload is None else to_json(payload, indent=2).decode()
    return escape(f"{headers}\n\n{shown}", quote=False)


def _table(schema: Json) -> Iterator[str]:
    yield (
        "<table><thead><tr><th>Field</th><th>Type</th><th>There</th><th>Meaning</th>"
        "</tr></thead><tbody>"
    )
    yield from _rows(schema, "")
    yield "</tbody></table>"


def _rows(schema: Json, prefix: str) -> Iterator[str]:
    for name, field in schema["properties"].items():
        items = field.get("items", {})
        inner, path = (items, "[].") if "properties" in items else (field, ".")
        shown = f'<span class="inner">{escape(prefix)}</span>{escape(name)}'
        cells = (
            f"<code>{shown}</code>",
            escape(_kind(field)),
            _there(field, required=name in schema.get("required", ())),
            _meaning(field),
        )
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        if "properties" in inner:
            yield from _rows(inner, f"{prefix}{name}{path}")


def _kind(field: Json) -> str:
    if field.get("type") == "array":
        return f"list of {_kind(field['items'])}s"
    if "const" in field:
        return "string"
    return str(field.get("format", field["type"]))


def _there(field: Json, *, required: bool) -> str:
    if required:
        return "always"
    if "default" in field:
        default = to_json(field["default"]).decode()
        return f'<span class="may">else <code>{escape(default)}</code></span>'
    return '<span class="may">not always</span>'


def _meaning(field: Json) -> str:
    said = [_inline(field["description"])] if "description" in field else []
    if "const" in field:
        said.append(f"<code>{escape(field['const'])}</code>")
    announced = field.get(ANNOUNCED_VALUES, ())
    known = [value for value in field.get(KNOWN_VALUES, ()) if value not in announced]
    for title, values in (("known so far", known), ("announced", announced)):
        if values:
            said.append(_values(title, values, field.get(MEANINGS, {})))
    return " ".join(said)


def _values(title: str, values: Iterable[str], meanings: Mapping[str, str]) -> str:
    """Return the values with their meanings, each on a line."""
    lines = "".join(
        f"<br><code>{escape(value)}</code> {_inline(meanings.get(value, ''))}" for value in values
    )
    return f'<span class="values">{title}:{lines}</span>'
