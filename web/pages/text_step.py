"""The third step: the words of each variant, with what real people of the audience would see, live beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sender.audience import crowds
from sender.campaigns import library, preview, rendering
from sender.campaigns.writing import VariantIn, WordsDoubted
from web.auth import Door, signed_in
from web.context import runtime, web
from web.pages import building
from web.pages.blocks import render_block
from web.pages.building import Building, Refused

OWN_FIELDS = ("language", "country", "region", "postal_code", "preferences_link")
DEFAULT = "default:"
FIELDS_SECONDS = 60.0
"""So long the fields that people have are remembered."""

door = Door("text_step", __name__, rule=signed_in)


@dataclass(frozen=True, slots=True)
class Words:
    """What stands in the editor: which variant, its text, and what to say where a field is empty."""

    place: int
    text: str
    defaults: Mapping[str, str | None]


@door.get("/campaigns/<int:campaign_id>/edit/text")
def show(campaign_id: int) -> ResponseReturnValue:
    """The words as they were saved, or a saved template's in their place where the address asks for one."""
    found = building.load(campaign_id)
    words = _words(found, request.args.get("v", 0, type=int))
    if saved := request.args.get("template", ""):
        with runtime().db.read() as session:
            text, defaults, _ = library.taken(session, saved, {})
        words = replace(words, text=text, defaults=defaults)
    return _page(found, words, "")


@door.post("/campaigns/<int:campaign_id>/edit/text")
def save(campaign_id: int) -> ResponseReturnValue:
    """Keep the words: 303 to the next variant or step; ``replace`` only swaps special characters in the editor."""
    found = building.load(campaign_id)
    words = _typed(found)
    if "replace" in request.form:
        return _page(found, replace(words, text=preview.replaced(words.text)), "")
    try:
        used = rendering.fields_used(words.text)
        fresh = replace(
            found.written.variants[words.place],
            template=words.text,
            defaults={name: words.defaults.get(name) or None for name in used},
        )
        before = found.written.variants
        fresh_ones = [*before[: words.place], fresh, *before[words.place + 1 :]]
        vouched = request.form.get("second_person", "")
        found.save(replace(found.written, variants=fresh_ones, second_person=vouched))
    except Refused as error:
        return _page(found, words, str(error), isinstance(error, WordsDoubted)), 422
    more = words.place + 1 < len(found.written.variants)
    here = building.address(found.id, "text")
    return redirect(f"{here}?v={words.place + 1}" if more else building.after(found, "text"), 303)


@door.post("/campaigns/<int:campaign_id>/edit/text/preview")
def look(campaign_id: int) -> ResponseReturnValue:
    """What the words in the editor would be on real phones, for htmx."""
    found = building.load(campaign_id)
    return render_block("builder/text.html", "look", **_looked(found, _typed(found)))


def _words(found: Building, place: int) -> Words:
    place = min(max(place, 0), len(found.written.variants) - 1)
    variant: VariantIn = found.written.variants[place]
    return Words(place, variant.template, variant.defaults)


def _typed(found: Building) -> Words:
    words = _words(found, request.form.get("v", 0, type=int))
    text = request.form.get("text", "").replace("\r\n", "\n")
    named = {name.removeprefix(DEFAULT): value for name, value in request.form.items() if name.startswith(DEFAULT)}
    return replace(words, text=text, defaults={**words.defaults, **named})


def _page(found: Building, words: Words, error: str, doubted: bool = False) -> str:
    with runtime().db.read() as session:
        known = web().remembered.get(
            "attributes", runtime().clock.elapsed(), FIELDS_SECONDS, lambda: crowds.known_attributes(session)
        )
        saved = library.templates(session, found.campaign.program_id)
    return render_template(
        "builder/text.html",
        error=error,
        doubted=doubted,
        vouchers=building.vouchers(found.campaign.program_id) if doubted else [],
        known=[*known, *OWN_FIELDS],
        saved=saved,
        **{**building.frame(found, "text"), **_looked(found, words)},
    )


def _looked(found: Building, words: Words) -> dict[str, Any]:
    values: dict[str, Any] = {
        "words": words,
        "seen": None,
        "mistake": "",
        "sent_fields": request.form.get("fields", "") if "HX-Request" in request.headers else None,
        "building": found,
    }
    try:
        with runtime().db.read() as session:
            now = runtime().clock.now()
            of_campaign = found.campaign, found.program, found.variants
            values["seen"] = preview.preview(
                runtime(), session, *of_campaign, words.place, words.text, words.defaults, now
            )
    except Refused as error:
        values["mistake"] = str(error)
    return values
