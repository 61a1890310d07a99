"""How people get in: sign-up forms as drafts with what they lack, and the keywords that programs answer."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from sender.api.wanted import programs_named
from sender.audience import opt_in_forms
from sender.audience.opt_in_forms import FormError, FormIn
from sender.delivery import prepared
from sender.delivery.prepared import PreparedError
from sender.models import OptInForm, PreparedAnswer, Program
from web.api.operations import ApiDoor, Call
from web.api.problems import ApiProblem
from web.api.shapes import NO_CONTROLS, Asked, Page, Slug, cursor_of, named, shape

SPAN = timedelta(days=30)
WORDING = "Yes, text me offers. Msg & data rates may apply. Reply STOP to opt out."
FORM = {
    "slug": "summer-club",
    "program": "acme",
    "headline": "Join the summer club",
    "about": "offers and news of the shop",
    "double_opt_in": True,
    "age_limit": 0,
    "countries": ["US"],
    "sites": ["https://shop.example.com"],
    "hourly_limit": 60,
    "keyword": "SUMMER",
}
SHOWN = {
    **FORM,
    "id": "frm_2",
    "keyword": "summer",
    "status": "draft",
    "version": 0,
    "address": "https://sms.example.com/join/summer-club",
    "wording": WORDING,
    "missing": ["the address of the terms"],
    "asked": 0,
    "confirmed": 0,
    "changed_at": "2026-03-10T15:00:00Z",
}
VERSION = {"version": 1, "wording": WORDING, "call": "Text SUMMER to +12125550100.", "published_by": "ana@example.org"}
KEYWORD = {"program": "acme", "kind": "auto", "keyword": "hours", "text": "Acme: nine to five, Monday to Friday."}
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_CONTROLS)]

door = ApiDoor("api_opt_in", __name__)


class FormWrite(Asked):
    """A sign-up form of one program, as a draft."""

    model_config = shape(FORM, strict=True)
    slug: Slug = Field(description="The end of its address.")
    program: Slug
    headline: Line
    about: Line = Field(description="What the texts bring; it stands in the words that people agree to.")
    double_opt_in: bool = Field(default=True, description="Ask back by text; only a yes is consent.")
    age_limit: Literal[0, 13, 16, 18, 19, 21] = 0
    countries: list[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]] = Field(
        default_factory=list, max_length=50, description="Whose numbers may sign up."
    )
    sites: list[Line] = Field(default_factory=list, max_length=20, description="Sites that may frame it.")
    hourly_limit: int = Field(default=60, ge=1, le=10_000)
    keyword: Annotated[str, StringConstraints(max_length=20, pattern=NO_CONTROLS)] = Field(
        default="", description="The word to text; empty: none."
    )


class FormOut(BaseModel):
    """A form, and what people would read if it were published now."""

    model_config = shape(SHOWN)
    id: str
    slug: str
    program: str
    headline: str
    about: str
    double_opt_in: bool
    age_limit: int
    countries: list[str]
    sites: list[str]
    hourly_limit: int
    keyword: str
    status: Literal["draft", "published", "closed"]
    version: int = Field(description="The newest published one; 0: none.")
    address: str
    wording: str
    missing: list[str] = Field(description="What has to be there before a person can publish it.")
    asked: int = Field(description="Sign-ups by it in the last 30 days.")
    confirmed: int = Field(description="Those of them that are a yes.")
    changed_at: datetime


class FormList(BaseModel):
    """A page of forms, open ones first."""

    model_config = shape({"data": [SHOWN], "next_cursor": None})
    data: list[FormOut]
    next_cursor: str | None


class VersionOut(BaseModel):
    """What a form said, word for word."""

    version: int
    wording: str
    call: str
    published_by: str
    published_at: datetime


class VersionList(BaseModel):
    """Every version of a form, newest first."""

    model_config = shape({"data": [{**VERSION, "published_at": "2026-03-10T15:00:00Z"}]})
    data: list[VersionOut]


class KeywordWrite(Asked):
    """A word and what a program does when somebody texts it: "auto" answers, "join" asks whether they want in."""

    model_config = shape(KEYWORD, strict=True)
    program: Slug
    kind: Literal["auto", "join"] = "auto"
    keyword: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=NO_CONTROLS)]
    text: Annotated[str, StringConstraints(max_length=1600, pattern=r"^[^\u0000]*$")] = Field(
        default="", description="The answer; join asks in the program's own words."
    )


class KeywordOut(BaseModel):
    """A keyword that is answered."""

    model_config = shape({**KEYWORD, "id": "kw_5"})
    id: str
    program: str
    kind: Literal["auto", "join"]
    keyword: str
    text: str


class KeywordList(BaseModel):
    """The keywords of the key's programs; those of published forms stand with the forms."""

    model_config = shape({"data": [{**KEYWORD, "id": "kw_5"}]})
    data: list[KeywordOut]


@door.operation("GET", "/forms", scope="forms:read", query=Page, answer=FormList)
def list_forms(call: Call, query: Page) -> FormList:
    """The sign-up forms of this key's programs."""
    start = query.after or 0
    found = opt_in_forms.listing(call.session, call.key.programs or None, query.limit + 1, start)
    more = cursor_of(start + query.limit) if len(found) > query.limit else None
    return FormList(data=[_told(call, form) for form in found[: query.limit]], next_cursor=more)


@door.operation(
    "POST", "/forms", scope="forms:write", body=FormWrite, answer=FormOut, status=201, transaction="own",
    problems=("unknown_program", "invalid_form"),
)  # fmt: skip
def create_form(call: Call, body: FormWrite) -> FormOut:
    """Keep a draft at a free address; so a repeated request makes no second one. Only a person publishes it."""
    return _kept(call, body, None)


@door.operation("GET", "/forms/<form_id>", scope="forms:read", answer=FormOut, problems=("not_found",))
def show_form(call: Call, form_id: str) -> FormOut:
    """One form, and what it still lacks."""
    return _told(call, _found(call, form_id))


@door.operation(
    "PUT", "/forms/<form_id>", scope="forms:write", body=FormWrite, answer=FormOut, transaction="own",
    problems=("not_found", "unknown_program", "invalid_form"),
)  # fmt: skip
def change_form(call: Call, form_id: str, body: FormWrite) -> FormOut:
    """Keep it as a draft with other words. What people see stays the newest published version."""
    with call.runtime.db.read() as call.within:
        known = _found(call, form_id).id
    return _kept(call, body, known)


@door.operation(
    "POST", "/forms/<form_id>/close", scope="forms:write", answer=FormOut, transaction="own", problems=("not_found",)
)
def close_form(call: Call, form_id: str) -> FormOut:
    """Take it off the net. Whoever signed up by it stays in."""
    with call.runtime.db.read() as call.within:
        known = _found(call, form_id).id or 0
    opt_in_forms.close(call.runtime, known, call.key.actor)
    with call.runtime.db.read() as call.within:
        return _told(call, _found(call, form_id))


@door.operation("GET", "/forms/<form_id>/versions", scope="forms:read", answer=VersionList, problems=("not_found",))
def list_versions(call: Call, form_id: str) -> VersionList:
    """What people were shown since when, word for word."""
    same = ("version", "wording", "call", "published_by", "published_at")
    found = opt_in_forms.versions(call.session, _found(call, form_id).id or 0)
    return VersionList(data=[VersionOut(**{name: getattr(one, name) for name in same}) for one in found])


@door.operation("GET", "/keywords", scope="keywords:read", answer=KeywordList)
def list_keywords(call: Call) -> KeywordList:
    """The keywords that this key's programs answer."""
    found = prepared.keywords(call.session, call.key.programs or None)
    return KeywordList(data=[_keyword(row, slug) for row, slug in found])


@door.operation(
    "POST", "/keywords", scope="keywords:write", body=KeywordWrite, answer=KeywordOut, status=201, transaction="own",
    problems=("unknown_program", "invalid_keyword"),
)  # fmt: skip
def keep_keyword(call: Call, body: KeywordWrite) -> KeywordOut:
    """Let a word be answered, in place of what it did before. Words with a meaning for everybody are refused."""
    program_id = _program(call, body.program)
    try:
        made = prepared.keep(call.runtime, program_id, body.kind, body.keyword, body.text, call.key.actor)
    except PreparedError as error:
        raise ApiProblem("invalid_keyword", str(error)) from error
    with call.runtime.db.read() as session:
        return _keyword(session.get_one(PreparedAnswer, made), body.program)


@door.operation(
    "DELETE", "/keywords/<keyword_id>", scope="keywords:write", answer=KeywordOut, transaction="own",
    problems=("not_found",),
)  # fmt: skip
def retire_keyword(call: Call, keyword_id: str) -> KeywordOut:
    """Answer a word no more."""
    wanted = named("kw", keyword_id, "keyword")
    with call.runtime.db.read() as session:
        mine = prepared.keywords(session, call.key.programs or None)
        told = next((_keyword(row, slug) for row, slug in mine if row.id == wanted), None)
    if told is None:
        raise ApiProblem("not_found", "There is no such keyword that this key may see.")
    prepared.retire(call.runtime, wanted, call.key.actor)
    return told


def _kept(call: Call, body: FormWrite, form_id: int | None) -> FormOut:
    said = body.model_dump(exclude={"program"})
    try:
        made = opt_in_forms.keep(
            call.runtime, FormIn(program_id=_program(call, body.program), **said), call.key.actor, form_id
        )
    except FormError as error:
        raise ApiProblem("invalid_form", str(error)) from error
    with call.runtime.db.read() as call.within:
        return _told(call, call.session.get_one(OptInForm, made))


def _program(call: Call, slug: str) -> int:
    with call.runtime.db.read() as session:
        found = programs_named(session, call.key, [slug]).get(slug)
    if found is None:
        raise ApiProblem("unknown_program", f"There is no program {slug!r} that this key may use.")
    return found.id


def _found(call: Call, name: str) -> OptInForm:
    row = call.session.get(OptInForm, named("frm", name, "form"))
    if row is None or not call.may_use(row.program_id):
        raise ApiProblem("not_found", "There is no such form that this key may see.")
    return row


def _told(call: Call, form: OptInForm) -> FormOut:
    said = opt_in_forms.shown(call.session, form)
    asked, confirmed = opt_in_forms.figures(call.session, form, call.runtime.clock.now() - SPAN)
    names = (*FORM, "status", "version", "changed_at")
    same: dict[str, Any] = {name: getattr(form, name) for name in names if name != "program"}
    return FormOut(
        id=f"frm_{form.id}",
        program=call.session.get_one(Program, form.program_id).slug,
        address=f"{call.runtime.settings.address}/join/{form.slug}",
        wording=said.wording,
        missing=list(said.missing),
        asked=asked,
        confirmed=confirmed,
        **same,
    )


def _keyword(row: PreparedAnswer, slug: str) -> KeywordOut:
    return KeywordOut(id=f"kw_{row.id}", program=slug, kind=row.kind, keyword=row.keyword, text=row.text)  # type: ignore[arg-type]
