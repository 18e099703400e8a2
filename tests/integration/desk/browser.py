"""A browser without a screen: follows links and forms of pages that the desk made."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp

BASE: Final = "http://desk.test"
AGENT: Final = "Mozilla/5.0 (tests)"
_VOID: Final = frozenset({"br", "input", "link", "meta", "hr", "img", "circle", "path", "rect"})
_HIDDEN: Final = frozenset({"script", "style", "svg", "title"})


@dataclass(slots=True)
class Form:
    """A form with its fields as they are filled in, and the buttons that have a name."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects text, forms, links, and elements that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.secrets: list[str] = []
        self._area: str | None = None
        self._is_secret = False
        self._has_option = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.attributes.append((tag, given))
        self._is_secret = given.get("class") == "secret"
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
        if tag == "a":
            self.links.append(given.get("href", ""))
        if "form" in self.open:
            self._handle_field(tag, given)

    def _handle_field(self, tag: str, given: dict[str, str]) -> None:
        form, name = self.forms[-1], given.get("name", "")
        if tag == "button" and name:
            form.buttons.append((name, given.get("value", "")))
        elif tag in {"textarea", "select"}:
            self._area, form.fields[name] = name, ""
            self._has_option = False
        elif tag == "option" and self._area is not None:
            if "selected" in given or not self._has_option:
                form.fields[self._area] = given.get("value", "")
            self._has_option = True
        elif tag == "input" and name:
            is_off = given.get("type") in {"checkbox", "radio"} and "checked" not in given
            if not is_off:
                form.fields[name] = given.get("value", "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"
        if tag in {"textarea", "select"}:
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None and self.open[-1] == "textarea":
            self.forms[-1].fields[self._area] += data
        if data.strip() and not _HIDDEN & set(self.open):
            self.words.append(data.strip())
            if self.open[-1] == "code" and self._is_secret:
                self.secrets.append(data.strip())


class Page:
    """An answer, read."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.status = answer.status_code
        self._reader = _Reader()
        self._reader.feed(answer.text)
        assert not self._reader.open, self._reader.open

    @property
    def path(self) -> str:
        """Where it was found, after redirects."""
        return urlsplit(str(self.answer.url)).path

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join(" ".join(self._reader.words).split())

    @property
    def links(self) -> list[str]:
        return self._reader.links

    @property
    def secrets(self) -> list[str]:
        """What is shown once."""
        return self._reader.secrets

    @property
    def forms(self) -> list[Form]:
        return self._reader.forms

    @property
    def elements(self) -> list[tuple[str, dict[str, str]]]:
        """Return each element's name and attributes."""
        return self._reader.attributes

    def form(self, action: str) -> Form:
        """Return the form of this action."""
        return next(form for form in self.forms if form.action == action)


class Browser:
    """One browser: its cookies, its name, its language."""

    def __init__(
        self, app: ASGIApp, *, agent: str = AGENT, language: str = "en", address: str = "192.0.2.1"
    ) -> None:
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, client=(address, 1234)),
            base_url=BASE,
            follow_redirects=True,
            headers={"User-Agent": agent, "Accept-Language": language},
        )

    async def open(self, path: str, **headers: str) -> Page:
        """Open a page, following redirects."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return Page(await self.client.get(path, headers=sent))

    async def send(self, page: Page, action: str, **fields: Any) -> Page:
        """Fill in a form of a page, send it, and follow where it leads."""
        form = page.form(action)
        unknown = fields.keys() - form.fields.keys() - {name for name, _ in form.buttons}
        assert not unknown, f"{action} has no {unknown}"
        return Page(await self.client.post(action, data={**form.fields, **fields}))

    async def upload(self, page: Page, action: str, name: str, content: bytes) -> Page:
        """Choose a file in a form that has one, send it, and follow where it leads."""
        fields = dict(page.form(action).fields)
        [field] = [
            given["name"]
            for tag, given in page.elements
            if tag == "input" and given.get("type") == "file"
        ]
        del fields[field]
        return Page(await self.client.post(action, data=fields, files={field: (name, content)}))

    async def sign_in(self, name: str, password: str, to: str = "/account") -> Page:
        """Sign in from the page `to`, which asks for it."""
        page = await self.open(to)
        assert page.path == "/sign-in"
        return await self.send(page, "/sign-in", name=name, password=password)
