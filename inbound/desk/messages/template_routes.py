"""Routes of templates: the list, one template with its versions, preview and comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.messages.message_templates import SHOWN, Version
from inbound.desk.messages.send_forms import FIELD, RULES, wrong
from inbound.desk.messages.template_views import LANGUAGES, POLICIES, changes_of, samples_of
from inbound.desk.messages.text_sizes import TextSize, size_of
from inbound.desk.navigation import MenuEntry
from inbound.desk.problems import ErrorPage
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.desk.words import Sayable
from inbound.orders.templates.fields import FieldError, TemplateLanguage

PATH: Final = "/templates"
PLACE: Final = MenuEntry(PATH, "Templates", "template", Right.TEMPLATES)
_DONE: Final = {
    "created": "The template was created: messages may use it.",
    "changed": "The new version was stored: messages use it from now on.",
    "same": "Nothing was changed: the newest version says the same.",
    "retired": "The template was retired: no message may use it any more.",
    "restored": "The template was restored: messages may use it again.",
}

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.TEMPLATES))]
MayPreview = Annotated[Action, Depends(Does(Right.TEMPLATES))]
MayWrite = Annotated[Action, Depends(Does(Right.TEMPLATES_CHANGE))]


@dataclass(frozen=True, slots=True)
class TemplateSample:
    """A text with sample values, and its size; None for one that is too long."""

    language: TemplateLanguage
    text: str
    size: TextSize | None


async def versions_of(desk: DeskDep, name: str) -> list[Version]:
    """Return the versions of a template, newest first. Raises ErrorPage for an unknown name."""
    found = await desk.templates.versions(name)
    if not found:
        raise ErrorPage(
            404, "There is no template of this name.", "Choose one from the list of templates."
        )
    return found


@router.get(PATH)
async def templates(request: Request, desk: DeskDep, _: MaySee, after: str = "") -> Response:
    """List the templates by name."""
    found = await desk.templates.page(after or None)
    rows = found[:SHOWN]
    return desk.pages.answer(
        request,
        "templates.html",
        rows=[(one, max(desk.templates.parts(one.definition).values())) for one in rows],
        names=LANGUAGES,
        next=rows[-1].name if len(found) > SHOWN else "",
        is_first=not after,
    )


# Each guard comes before the template is looked up.
@router.get(f"{PATH}/{{name}}")
async def template(
    request: Request, desk: DeskDep, _: MaySee, name: str, version: str = "", done: str = ""
) -> Response:
    """Show a version of a template, the newest unless another is named."""
    found = await versions_of(desk, name)
    shown = _chosen(found, version) or found[0]
    return await _page(request, desk, found, shown, done=_DONE.get(done, ""))


@router.post(f"{PATH}/{{name}}/preview")
async def preview(request: Request, desk: DeskDep, action: MayPreview, name: str) -> Response:
    """Show a version with values of the visitor; nothing is stored."""
    found = await versions_of(desk, name)
    shown = _chosen(found, action.form["version"]) or found[0]
    values = {
        one: action.form[FIELD + one] if FIELD + one in action.form.fields else ""
        for one in shown.definition.fields
    }
    request.state.is_quiet = True  # a line for each pause in typing would fill the log
    part = "template_samples.html" if "hx-request" in request.headers else "template.html"
    return await _page(request, desk, found, shown, values, part=part)


@router.get(f"{PATH}/{{name}}/compare")
async def compare(
    request: Request, desk: DeskDep, _: MaySee, name: str, old: str = "", new: str = ""
) -> Response:
    """Show what differs between two versions; the newest and the one before unless named."""
    found = await versions_of(desk, name)
    after = _chosen(found, new) or found[0]
    earlier = [one for one in found if one.row.version < after.row.version]
    before = _chosen(found, old) or (earlier[0] if earlier else after)
    texts = [
        (one, changes_of(before.definition.texts.get(one, ""), after.definition.texts.get(one, "")))
        for one in TemplateLanguage
        if one in before.definition.texts or one in after.definition.texts
    ]
    names = dict.fromkeys([*before.definition.fields, *after.definition.fields])
    return desk.pages.answer(
        request,
        "template_compare.html",
        name=name,
        versions=found,
        before=before,
        after=after,
        texts=texts,
        fields=[
            (one, before.definition.fields.get(one), after.definition.fields.get(one))
            for one in names
        ],
        names=LANGUAGES,
        rules=RULES,
        policies=POLICIES,
    )


@router.post(f"{PATH}/{{name}}/retire")
async def retire(desk: DeskDep, action: MayWrite, name: str) -> Response:
    """Keep messages from using a template."""
    await versions_of(desk, name)
    await desk.templates.switch(action.visitor.session.actor, name, on=False)
    return see_other(f"{PATH}/{name}?done=retired")


@router.post(f"{PATH}/{{name}}/restore")
async def restore(desk: DeskDep, action: MayWrite, name: str) -> Response:
    """Let messages use a retired template again."""
    await versions_of(desk, name)
    await desk.templates.switch(action.visitor.session.actor, name, on=True)
    return see_other(f"{PATH}/{name}?done=restored")


def _chosen(found: Sequence[Version], version: str) -> Version | None:
    return next((one for one in found if str(one.row.version) == version), None)


async def _page(
    request: Request,
    desk: Desk,
    found: Sequence[Version],
    shown: Version,
    values: Mapping[str, str] | None = None,
    *,
    part: str = "template.html",
    done: str = "",
) -> HTMLResponse:
    if values is None:
        values = samples_of(shown.definition, desk.clock().date())
    samples, problems = _samples(desk, shown, values)
    more: dict[str, Any] = {"samples": samples, "problems": problems, "values": values}
    return desk.pages.answer(
        request,
        part,
        versions=found,
        shown=shown,
        parts=desk.templates.parts(shown.definition),
        names=LANGUAGES,
        rules=RULES,
        policies=POLICIES,
        field_prefix=FIELD,
        done=done,
        **more,
    )


def _samples(
    desk: Desk, shown: Version, values: Mapping[str, str]
) -> tuple[list[TemplateSample], dict[str, Sayable]]:
    """Return the texts with these values, or what is wrong with the values by field."""
    samples: list[TemplateSample] = []
    problems: dict[str, Sayable] = {}
    for name, field in shown.definition.fields.items():
        try:
            for language in shown.definition.texts:
                field.render(values.get(name, ""), language)
        except FieldError:
            problems |= wrong(name, "This does not fit. What fits stands above.")
    for language, text in shown.definition.parsed.items():
        filled = {
            name: shown.definition.fields[name].render(values[name], language)
            if name not in problems
            else f"{{{name}}}"
            for name in text.fields
        }
        rendered = text.render(filled)
        samples.append(
            TemplateSample(language, rendered, size_of(rendered, desk.templates.alphabet))
        )
    return samples, problems
