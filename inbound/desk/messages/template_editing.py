"""Routes for writing templates: a new one, or a new version. A stored version never changes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.messages.message_templates import Version
from inbound.desk.messages.send_forms import RULES, wrong
from inbound.desk.messages.template_forms import (
    LENGTH,
    MOST_HERE,
    TYPE,
    TypedTemplate,
    definition_of,
    problems_of,
    typed_in,
    typed_of,
)
from inbound.desk.messages.template_routes import PATH, versions_of
from inbound.desk.messages.template_views import LANGUAGES, POLICIES
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.desk.words import Sayable
from inbound.orders.templates.definition import MOST_PARTS, TemplateDefinition
from inbound.orders.templates.fields import TemplateLanguage
from inbound.smpp.user_data import MAX_PARTS
from inbound.store.orders.templates import StaleVersionError
from schemas.orders import LONGEST_TEXT

# No template has a name like these.
NEW: Final = f"{PATH}/_new"
FORM: Final = f"{PATH}/_form"
_FIELDS: Final = "template-fields"

router = APIRouter()
MayBegin = Annotated[Visitor, Depends(Sees(Right.TEMPLATES_CHANGE))]
MayWrite = Annotated[Action, Depends(Does(Right.TEMPLATES_CHANGE))]


@router.get(NEW)
async def new(request: Request, desk: DeskDep, _: MayBegin) -> Response:
    """Show the form of a new template."""
    return _answer(request, desk, TypedTemplate())


@router.post(FORM)
async def update(request: Request, desk: DeskDep, action: MayWrite) -> Response:
    """Show the form again, with the fields that its texts have now."""
    request.state.is_quiet = True  # a line for each pause in typing would fill the log
    typed = typed_in(action.form.fields)
    is_part = request.headers.get("hx-target") == _FIELDS
    return _answer(
        request, desk, typed, template="template_fields.html" if is_part else "template_form.html"
    )


@router.post(NEW)
async def create(request: Request, desk: DeskDep, action: MayWrite) -> Response:
    """Store a new template."""
    typed = replace(typed_in(action.form.fields), base=0)
    definition, problems = _checked(desk, typed)
    if definition is None:
        return _answer(request, desk, typed, problems, status=422)
    if not await desk.templates.add(action.visitor.session.actor, typed.name, definition):
        problems = wrong("name", "A template of this name exists. Choose another name.")
        return _answer(request, desk, typed, problems, status=422)
    return see_other(f"{PATH}/{typed.name}?done=created")


@router.get(f"{PATH}/{{name}}/change")
async def change_form(request: Request, desk: DeskDep, _: MayBegin, name: str) -> Response:
    """Show the form of a new version, filled in with the newest."""
    newest = (await versions_of(desk, name))[0]
    return _answer(request, desk, _typed_of(newest))


@router.post(f"{PATH}/{{name}}/change")
async def change(request: Request, desk: DeskDep, action: MayWrite, name: str) -> Response:
    """Store a new version, unless somebody else has stored one meanwhile."""
    newest = (await versions_of(desk, name))[0]
    typed = replace(typed_in(action.form.fields), name=name)
    typed = typed if typed.base else replace(typed, base=newest.row.version)
    definition, problems = _checked(desk, typed)
    if definition is None:
        return _answer(request, desk, typed, problems, status=422)
    actor = action.visitor.session.actor
    try:
        version = await desk.templates.change(actor, name, definition, typed.base)
    except StaleVersionError as error:
        again = replace(typed, base=error.newest)
        return _answer(request, desk, again, stale=(typed.base, error.newest), status=409)
    return see_other(f"{PATH}/{name}?done={'same' if version is None else 'changed'}")


def _typed_of(version: Version) -> TypedTemplate:
    return typed_of(version.name, version.row.version, version.definition)


def _checked(
    desk: Desk, typed: TypedTemplate
) -> tuple[TemplateDefinition | None, dict[str, Sayable]]:
    problems = problems_of(typed)
    if problems:
        return None, problems
    definition, parts = definition_of(typed, desk.templates.count)
    most = int(typed.max_parts) if typed.max_parts.isdecimal() else 1
    for language, needed in parts.items():
        if definition is None and needed > most:
            problems |= wrong(
                language.value,
                "This text could need {needed} parts; allowed: {most}. Shorten it or its "
                "fields, or allow more parts.",
                needed=needed if needed <= MAX_PARTS else f"{MAX_PARTS}+",
                most=most,
            )
    return definition, problems


def _answer(
    request: Request,
    desk: Desk,
    typed: TypedTemplate,
    problems: Mapping[str, Sayable] | None = None,
    *,
    template: str = "template_form.html",
    status: int = 200,
    **more: Any,  # noqa: ANN401 — values of the template
) -> HTMLResponse:
    parts: dict[TemplateLanguage, int] = {}
    if not problems_of(replace(typed, name=typed.name or "x")):
        _, parts = definition_of(typed, desk.templates.count)
    return desk.pages.answer(
        request,
        template,
        status,
        typed=typed,
        shown_names=typed.names[:MOST_HERE],
        parts=parts,
        problems=problems or {},
        names=LANGUAGES,
        rules=RULES,
        policies=POLICIES,
        longest=LONGEST_TEXT,
        most_parts=MOST_PARTS,
        prefixes={"type": TYPE, "length": LENGTH},
        **{"stale": None, **more},
    )
