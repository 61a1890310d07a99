"""The form between an uploaded file and its dry run: what each column means, and where the consent comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from werkzeug.datastructures import MultiDict

from sender.audience.importing.columns import attribute_name
from sender.audience.importing.options import (
    COLLECTED,
    CONSENT_PURPOSES,
    NOT_OURS,
    FileRefused,
    ImportOptions,
    attest,
    read_purpose,
)
from sender.audience.importing.uploads import Glance
from sender.models import ImportRun, Program
from web.language import gettext, later
from web.sayings import begun

KEEP = "keep"
FIELD_WORDS: Mapping[str, str] = {
    "number": later("Phone number"),
    "number_2": later("Second phone number"),
    "number_3": later("Third phone number"),
    "number_4": later("Fourth phone number"),
    "language": later("Language"),
    "postal_code": later("Postal code"),
    "region": later("State or region"),
    "country": later("Country"),
    "zone": later("Time zone"),
    "consent": later("Consent to texts (yes or no)"),
    "consent_at": later("Consent: when"),
    "consent_wording": later("Consent: the words shown"),
    "consent_source": later("Consent: where"),
    "consent_purpose": later("Consent: to which purpose"),
    "opted_out": later("Opted out (yes or no)"),
    "opted_out_2": later("Opted out, second column"),
    "opted_out_at": later("Opted out: when"),
}
SOURCES = (
    (
        "none",
        later("Bring people in without consent"),
        later("Nobody in the file may be texted until they agree themselves."),
    ),
    ("file", later("The file says who agreed"), later("A column holds each person's yes; nobody else's is assumed.")),
    (
        "word",
        later("I vouch that everybody in it agreed to texts"),
        later("Your name and what you write is kept as evidence."),
    ),
)


def hows() -> list[tuple[str, str]]:
    """How numbers may have been collected, for a choice."""
    return [("", gettext("Choose…")), *((name, begun(words)) for name, words in {**COLLECTED, **NOT_OURS}.items())]


@dataclass
class Form:
    """What the person typed. ``columns`` is file column to field, "keep" (as an attribute) or "skip"."""

    columns: dict[str, str] = field(default_factory=dict)
    region: str = ""
    program: str = ""
    purpose: str = CONSENT_PURPOSES[0].value
    source: str = ""
    word: dict[str, str] = field(default_factory=dict)
    preset: str = ""


WORD = ("wording", "place", "at", "how", "collected_by")


def read(form: MultiDict[str, str], headers: tuple[str, ...]) -> Form:
    """The form as it was posted."""
    columns = {name: form.get(f"column-{at}", KEEP) for at, name in enumerate(headers) if name}
    return Form(
        columns=columns,
        region=form.get("region", "").strip().upper()[:2],
        program=form.get("program", ""),
        purpose=form.get("purpose", ""),
        source=form.get("source", ""),
        word={name: form.get(name, "").strip()[:1000] for name in WORD},
        preset=form.get("preset", "").strip(),
    )


def from_glance(seen: Glance, run: ImportRun) -> Form:
    """The form as it is first shown: what was understood, or what was chosen before."""
    said = run.options
    columns = {name: KEEP if meant.startswith("attributes.") else meant for name, meant in seen.meant.items()}
    word = said.get("attestation") or {}
    source = "word" if word else "file" if "consent" in seen.meant.values() else "none"
    told = {"wording": word.get("wording", ""), "place": word.get("source", ""), "at": word.get("at", "")[:10]}
    return Form(
        columns={name: columns.get(name, KEEP) for name in seen.headers if name},
        region=said.get("region") or "",
        program=str(said.get("program_id") or ""),
        purpose=said.get("purpose") or CONSENT_PURPOSES[0].value,
        source=source,
        word={**told, "how": word.get("how", ""), "collected_by": word.get("collected_by", "")},
    )


def mapping(form: Form) -> dict[str, str]:
    """File column to field as imports take it."""
    return {name: _field(name, meant) for name, meant in form.columns.items()}


def _field(name: str, meant: str) -> str:
    return f"attributes.{attribute_name(name)}" if meant == KEEP else meant


def options(form: Form, program: Program | None, actor: str, name: str, now: datetime) -> ImportOptions:
    """The options this form means. FileRefused says what to mend."""
    columns = mapping(form)
    if form.source not in {one for one, _, _ in SOURCES}:
        raise FileRefused(gettext("Say where the consent comes from."))
    if form.source == "none":
        columns = {name: "skip" if meant.startswith("consent") else meant for name, meant in columns.items()}
        return ImportOptions(program_id=program.id if program else None, region=form.region or None, mapping=columns)
    if program is None:
        raise FileRefused(gettext("Choose the program that people agreed to: consent is always to a program."))
    if form.source == "file" and "consent" not in columns.values():
        raise FileRefused(gettext("Say which column holds the consent to texts, or choose another source of consent."))
    word = None
    if form.source == "word":
        said = form.word
        word, _ = attest(
            said["place"], said["wording"], actor, said["at"], form.purpose, now, said["how"], said["collected_by"]
        )
    return ImportOptions(
        program_id=program.id,
        region=form.region or None,
        mapping=columns,
        purpose=read_purpose(form.purpose),
        attestation=word,
        name=name,
    )
