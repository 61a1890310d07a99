"""How people get in: sign-up forms with a live preview, their versions and embed code, keywords with posters."""

import io
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import segno
from flask import Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from sender.audience import opt_in_forms
from sender.audience.disclosure import Disclosure, invitation
from sender.audience.opt_in_forms import AGES, FormError, FormIn
from sender.campaigns import programs
from sender.delivery.signing_up import HOW, SignUpError, sign_up_in_person
from sender.models import OptInForm, Program
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.frame import may_anywhere
from web.language import gettext
from web.pages import confirm
from web.pages.blocks import render_block
from web.pages.listing import read_listing
from web.sayings import begun

PAPERS = ("a4", "letter")
FIGURES_OF = timedelta(days=30)

door = Door("opt_in", __name__, rule=signed_in)


@door.get("/opt-in")
def listing() -> ResponseReturnValue:
    """The forms of one's programs, and what each program still has to say of itself."""
    view = read_listing(("open", "headline"), ("find",))
    with runtime().db.read() as session:
        forms = opt_in_forms.listing(
            session, person().programs, view.limit, view.offset, view.filters["find"], view.order
        )
        known = programs.listing(session, person().programs)
    return render_template("opt_in.html", forms=forms, listing=view, programs={one.id: one for one in known}, **_may())


@door.get("/opt-in/new")
def new() -> ResponseReturnValue:
    """The editor with an empty form and its preview."""
    with runtime().db.read() as session:
        known = _writable(session)
        return render_template("opt_in_edit.html", **_editor(session, _blank(known), known), errors={})


@door.get("/opt-in/<int:form_id>/edit")
def edit(form_id: int) -> ResponseReturnValue:
    """The editor with its preview."""
    with runtime().db.read() as session:
        form = _form(session, form_id, "write")
        return render_template("opt_in_edit.html", **_editor(session, form, _writable(session)), errors={})


@door.post("/opt-in/new")
def create() -> ResponseReturnValue:
    """Keep a new draft: 303 to its page, 422 with what to mend."""
    wanted = _typed()
    require("write", wanted.program_id)
    return _kept(wanted, 0)


@door.post("/opt-in/<int:form_id>/edit")
def save(form_id: int) -> ResponseReturnValue:
    """Keep the draft: 303 to its page, 422 with what to mend."""
    form = _require_form(form_id)
    return _kept(replace(_typed(), program_id=form.program_id), form_id)


def _kept(wanted: FormIn, form_id: int) -> ResponseReturnValue:
    try:
        return redirect(f"/opt-in/{opt_in_forms.keep(runtime(), wanted, person().actor, form_id or None)}", 303)
    except FormError as error:
        with runtime().db.read() as session:
            page = _editor(session, _draft(wanted, form_id), _writable(session))
            errors = {error.field or "slug": str(error)}
            return render_template("opt_in_edit.html", **page, errors=errors), 422


@door.post("/opt-in/preview")
def preview() -> ResponseReturnValue:
    """The form as it would look, for htmx."""
    wanted = _typed()
    require("look", wanted.program_id)
    with runtime().db.read() as session:
        return render_block("opt_in_edit.html", "preview", said=opt_in_forms.shown(session, _draft(wanted, 0)))


@door.get("/opt-in/<int:form_id>")
def show(form_id: int) -> ResponseReturnValue:
    """One form: what is missing, its address and embed code, its keyword, its versions and how many came by it."""
    return _show(form_id, "")


@door.post("/opt-in/<int:form_id>/publish")
def publish(form_id: int) -> ResponseReturnValue:
    """Let people see it: 303 to its page, 422 with what is missing."""
    _require_form(form_id)
    try:
        opt_in_forms.publish(runtime(), form_id, person().actor)
    except FormError as error:
        return _show(form_id, str(error)), 422
    return redirect(f"/opt-in/{form_id}", 303)


@door.get("/opt-in/<int:form_id>/close")
def ask_close(form_id: int) -> ResponseReturnValue:
    """What closing means."""
    form = _require_form(form_id)
    said = [
        gettext("Its address and every frame with it say that it is closed, and its keyword is no longer understood."),
        gettext("Whoever signed up stays signed up; the versions and their evidence stay."),
    ]
    action, back = f"/opt-in/{form_id}/close", f"/opt-in/{form_id}"
    return confirm.ask(
        gettext("Close the form “%(slug)s”?", slug=form.slug), said, gettext("Close the form"), action, back
    )


@door.post("/opt-in/<int:form_id>/close")
def close(form_id: int) -> ResponseReturnValue:
    """Take it off the net: 303 to its page."""
    _require_form(form_id)
    opt_in_forms.close(runtime(), form_id, person().actor)
    return redirect(f"/opt-in/{form_id}", 303)


@door.get("/opt-in/<int:form_id>/qr.svg")
def qr(form_id: int) -> ResponseReturnValue:
    """A code that opens the phone's own texts with number and keyword; 404 without a published keyword."""
    page = _published_page(form_id)
    drawn = io.BytesIO()
    segno.make(_sms(page), error="m").save(drawn, kind="svg", xmldecl=False, border=2, svgclass=None, lineclass=None)
    return Response(drawn.getvalue(), mimetype="image/svg+xml")


@door.get("/opt-in/<int:form_id>/poster")
def poster(form_id: int) -> ResponseReturnValue:
    """A sheet to print: the keyword, the code and every word of the disclosure."""
    page = _published_page(form_id)
    paper = request.args.get("paper", PAPERS[0])
    with runtime().db.read() as session:
        form = _form(session, form_id, "look")
        version = opt_in_forms.version_of(session, form_id, form.version)
        call = version.call if version else ""
    paper = paper if paper in PAPERS else PAPERS[0]
    text_us = invitation(page["keyword"], page["address"])
    return render_template("opt_in_poster.html", form_id=form_id, said=page, call=call, paper=paper, text_us=text_us)


@door.get("/opt-in/programs/<int:program_id>")
def disclosure(program_id: int) -> ResponseReturnValue:
    """What a program tells people before a yes."""
    require("write", program_id)
    return _disclosure(program_id, {})


@door.post("/opt-in/programs/<int:program_id>")
def say(program_id: int) -> ResponseReturnValue:
    """Keep it: 303 to the list, 422 with what to mend."""
    require("write", program_id)
    wanted = _said()
    try:
        opt_in_forms.set_disclosure(runtime(), program_id, wanted, person().actor)
    except FormError as error:
        return _disclosure(program_id, {error.field: str(error)}), 422
    return redirect("/opt-in", 303)


@door.get("/opt-in/in-person")
def in_person() -> ResponseReturnValue:
    """Somebody stands at the counter: their number, and how they were told what they agree to."""
    _require_answer()
    return _in_person()


@door.post("/opt-in/in-person")
def take_in_person() -> ResponseReturnValue:
    """Ask the person back by text: 200 with what happens next, 422 with what to mend."""
    _require_answer()
    typed = request.form
    form_id = int(typed.get("form", "")) if typed.get("form", "").isdecimal() else 0
    with runtime().db.read() as session:
        form = _form(session, form_id, "answer")
        page = opt_in_forms.shown(session, form).page
    number, region = typed.get("number", "")[:64], typed.get("region", "") or page["countries"][0]
    how, told, press = typed.get("how", ""), typed.get("note", ""), typed.get("press", "")
    try:
        sign_up_in_person(runtime(), form_id, number, region, how, told, person().actor, press)
    except SignUpError as error:
        return _in_person({error.field or "number": str(error)}), error.status
    return render_template("opt_in_person_done.html", form=form)


def _show(form_id: int, error: str) -> str:
    with runtime().db.read() as session:
        form = _form(session, form_id, "look")
        said = opt_in_forms.shown(session, form)
        versions = opt_in_forms.versions(session, form_id)
        counts = opt_in_forms.figures(session, form, runtime().clock.now() - FIGURES_OF)
        program = session.get_one(Program, form.program_id)
        address = f"{runtime().settings.address}/join/{form.slug}"
        return render_template(
            "opt_in_form.html",
            form=form,
            program=program,
            said=said,
            versions=versions,
            counts=counts,
            address=address,
            error=error,
            is_current=bool(versions) and versions[0].hash == said.hash,
            may_write=person().may("write", form.program_id),
        )


def _editor(session: Session, form: OptInForm, known: list[Program]) -> dict[str, Any]:
    chosen = next((one for one in known if one.id == form.program_id), None)
    if chosen is None:
        abort(403, gettext("You may look at opt-in forms but not write them; ask the owner for the role."))
    countries = sorted({code for one in known for code in one.countries})
    said = opt_in_forms.shown(session, form)
    return {"form": form, "known": known, "countries": countries, "ages": AGES, "said": said}


def _writable(session: Session) -> list[Program]:
    return [one for one in programs.listing(session, person().programs) if person().may("write", one.id or 0)]


def _blank(known: list[Program]) -> OptInForm:
    if not known:
        abort(403, gettext("Nobody can sign up yet: there is no program for which you may write a form."))
    first = known[0]
    wanted = FormIn(
        "",
        first.id or 0,
        gettext("Texts from %(brand)s", brand=first.brand),
        gettext("offers and news"),
        countries=first.countries[:1],
    )
    return _draft(wanted, 0)


def _draft(wanted: FormIn, form_id: int) -> OptInForm:
    """A form as it is typed, which no session keeps."""
    now = runtime().clock.now()
    fields = {name: getattr(wanted, name) for name in FormIn.__slots__}
    fields |= {"countries": sorted(wanted.countries), "sites": list(wanted.sites)}
    return OptInForm(**fields, id=form_id or None, created_by="", created_at=now, changed_at=now)


def _typed() -> FormIn:
    typed = request.form
    limit, age = typed.get("hourly_limit", ""), typed.get("age_limit", "0")
    program_id = typed.get("program_id", "")
    return FormIn(
        typed.get("slug", "").strip().lower(),
        int(program_id) if program_id.isdecimal() else 0,
        typed.get("headline", ""),
        typed.get("about", ""),
        typed.get("double_opt_in") == "yes",
        int(age) if age.isdecimal() else -1,
        typed.getlist("countries"),
        typed.get("sites", "").split(),
        int(limit) if limit.isdecimal() else 0,
        typed.get("keyword", ""),
    )


def _form(session: Session, form_id: int, right: str) -> OptInForm:
    form = session.get(OptInForm, form_id)
    if form is None:
        abort(404)
    require(right, form.program_id)
    return form


def _require_form(form_id: int) -> OptInForm:
    with runtime().db.read() as session:
        return _form(session, form_id, "write")


def _published_page(form_id: int) -> dict[str, Any]:
    with runtime().db.read() as session:
        _form(session, form_id, "look")
        found = opt_in_forms.by_id(session, form_id)
        if found is None or not found.version.call:
            abort(404, gettext("This form has no published keyword, so there is nothing to print."))
        return found.version.page


def _sms(page: dict[str, Any]) -> str:
    """RFC 5724, in the spelling that both iPhones and Android phones understand."""
    return f"sms:{page['address']}?&body={page['keyword'].upper()}"


def _disclosure(program_id: int, errors: dict[str, str]) -> str:
    with runtime().db.read() as session:
        program = session.get_one(Program, program_id)
        typed = _said() if request.method == "POST" else None
        return render_template("opt_in_disclosure.html", program=program, typed=typed, errors=errors)


def _said() -> Disclosure:
    """What was typed; a field that was not sent is empty, and refused like an empty one."""
    return Disclosure(*(request.form.get(name, "") for name in ("frequency", "terms_url", "privacy_url")))


def _require_answer() -> None:
    if not may_anywhere(person(), "answer"):
        abort(403, gettext("You may look at opt-in forms but not sign people up; ask the owner for the role."))


def _in_person(errors: dict[str, str] | None = None) -> str:
    press = secrets.token_urlsafe(12)
    with runtime().db.read() as session:
        forms = opt_in_forms.open_forms(session, person().programs)
        told = [(value, begun(words), "") for value, words in HOW.items()]
        return render_template(
            "opt_in_person.html", forms=forms, errors=errors or {}, typed=request.form, how_shown=told, press=press
        )


def _may() -> dict[str, bool]:
    return {"may_write": may_anywhere(person(), "write"), "may_answer": may_anywhere(person(), "answer")}
