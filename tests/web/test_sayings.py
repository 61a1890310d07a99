"""Sentences from guards and sender on pages in other languages: known again by their form, complete for the rooms."""

import ast
import configparser
import inspect
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from guards import content
from guards.base import Policy, Purpose
from sender.audience.phone import PhoneError, parse
from sender.audience.segment_language import describe as described
from sender.audience.segments import parse as parse_segment
from sender.campaigns.rendering import TemplateError, fields_used
from sender.models import Campaign
from sender.runtime import Runtime
from tests.project.trees import ROOT
from tests.web.conftest import submit
from tests.web.test_language import catalogue
from web import sayings
from web.language import BELOW
from web.pages.segment_words import describe
from web.sayings import forms, said

GERMAN = {"Accept-Language": "de"}
POLICY = Policy(
    program_id=1, brand="Lumen", footer="Reply STOP to opt out", domains=("lumen.example",), max_parts=1,
    countries=frozenset({"US"}),
)  # fmt: skip
# Fields, and what the marketer wrote, stand in German sentences as they are.
TEXTS = (
    "Lumen: 50% off, shop now at http://bit.ly/x",
    "Lumen: [NAME], see http://192.0.2.1/a",
    "Lumen: LOOK AT ALL THESE THINGS WE HAVE FOR YOU TODAY",
    "Lumen: caf\u2019s of casinos, vodka " + "and more " * 30,
    "Lumen: see https://lumen.example@evil.example/a",
    "Lumen: sh\u043ep at https://lum\u0435n.example",
)


# Who speaks, but to nobody who looks at a page in a language of their own.
SPEAK_ELSEWHERE = {
    "to terminals": "cli bench demo backup watching/doctor.py watching/golive.py settings.py archive/checking.py "
    "audience/verify_ledger.py audience/erased_list.py campaigns/price_list.py",
    "to logs and the audit": "processes providers db.py locks.py schema.py group_commit.py crypto.py sealing.py "
    "copying.py own_address.py audience/sealer.py allowances.py accounts/rights.py automations/aside.py "
    "delivery/recalling.py delivery/pipeline.py delivery/replies.py watching/measures.py watching/notices.py models "
    "migrations simulator campaigns/standstills.py reckoners.py",
    "to other software": "api/messages.py api/people.py api/reads.py api/wanted.py automations/entering.py "
    "audience/filters.py campaigns/single.py",
    "on paper, in mails and in texts, which are English": "rules_paper.py audience/dossier.py audience/evidence.py "
    "audience/evidence_pdf.py watching/telling.py delivery/answers.py",
    "not at all: tables of letters and names": "campaigns/parts.py audience/intent.py audience/likeness.py "
    "audience/lookups.py audience/phrases.py audience/timeline.py audience/importing/countries.py "
    "audience/importing/values.py",
}
QUIET = (
    *(f"sender/{name}" for names in SPEAK_ELSEWHERE.values() for name in names.split()),
    *("guards/conformance", "guards/rules/__init__.py", "guards/rules/reading.py", "guards/rules/days.py"),
    *("guards/sizes.py", "guards/ways_out.py"),
)


def rooms() -> dict[str, str]:
    """The files whose sentences are in the catalogues, each with the pattern of what nobody is told."""
    read = configparser.RawConfigParser(strict=False)
    read.read(ROOT / "babel.cfg")
    found = {name.removeprefix("below: "): read[name] for name in read.sections() if name.startswith("below: ")}
    return {name: options.get("but", "") for name, options in found.items()}


def told_in_tables() -> set[str]:
    """What recognised exports tell, which lies in a table."""
    with (ROOT / "sender" / "audience" / "importing" / "exports.toml").open("rb") as table:
        return {form for _, _, form, _ in sayings.extract_told(table)}


def test_whoever_speaks_is_translated_or_speaks_elsewhere() -> None:
    """Each file of guards and sender that may say a sentence is a room of the catalogues, or is known to speak to
    terminals, logs, other software or phones.
    """
    files = {str(file.relative_to(ROOT)): file for room in ("guards", "sender") for file in (ROOT / room).rglob("*.py")}
    others = sorted(files.keys() - rooms().keys())
    unheard = [name for name in others if not name.startswith(QUIET) and any(forms(files[name].read_text("utf-8")))]
    assert unheard == []
    assert [name for name in QUIET if not any(one.startswith(name) for one in others)] == []


def test_each_sentence_of_the_rooms_is_translated() -> None:
    """Whatever guards, builder, rehearsal, profile and notices may say has a German form; a new sentence fails here."""
    known = {str(one.id): one for one in catalogue("de") if one.id and BELOW in one.auto_comments}
    said_there = {form for room, but in rooms().items() for _, form in forms((ROOT / room).read_text("utf-8"), but)}
    said_there |= told_in_tables()
    assert len(said_there) > 600
    assert sorted(said_there ^ known.keys()) == []
    assert [form for form in said_there if not known[form].string] == []


def test_every_refusal_of_a_room_is_a_sentence_that_is_found() -> None:
    """What a room raises with words of its own is among its forms, so that nothing slips past the catalogue."""
    missed = []
    for room in rooms():
        source = (ROOT / room).read_text("utf-8")
        lines = {line for line, _ in forms(source)}
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                first = node.exc.args[0]
                code = isinstance(first, ast.Constant) and " " not in str(first.value)
                if isinstance(first, ast.JoinedStr | ast.Constant) and not code and first.lineno not in lines:
                    missed.append(f"{room}:{first.lineno}")
    assert missed == []


def in_german(app: Flask, sentence: str) -> str:
    """What a reader of German is told."""
    with app.test_request_context(headers=GERMAN):
        return said(sentence)


@pytest.mark.parametrize("text", TEXTS)
def test_findings_about_a_text_are_german(app: Flask, text: str) -> None:
    """Sentence and remedy of each finding are in German, with the words they are about as they stand."""
    found = content.findings(text, Purpose.MARKETING, POLICY)
    assert found
    for one in found:
        for sentence in (one.sentence, one.mend):
            german = in_german(app, sentence)
            assert german != sentence
            quoted = re.findall(r"'[^']*'|[\w.]+\.example|\d+", sentence)
            assert [word for word in quoted if word not in german] == []


def test_refusals_are_german_with_their_values(app: Flask) -> None:
    """A refused template and a mistyped number."""
    with pytest.raises(TemplateError) as refused:
        fields_used("Hi {{ first_name | frobnicate }}")
    german = in_german(app, str(refused.value))
    assert german.startswith("Zeile 1: es gibt keinen Filter 'frobnicate'; nehmen Sie einen von")
    with pytest.raises(PhoneError) as wrong:
        parse("12", "US")
    assert in_german(app, wrong.value.sentence) != wrong.value.sentence


def test_several_sentences_in_a_row_are_known_each(app: Flask) -> None:
    """What was put together of known sentences is taken apart; what nobody knows stays as it came."""
    german = in_german(app, "Leave it out. Nobody ever wrote this before. Leave it out.")
    assert german == "Lassen Sie es weg. Nobody ever wrote this before. Lassen Sie es weg."
    assert in_german(app, "Leave it out. Leave it out.") == "Lassen Sie es weg. Lassen Sie es weg."
    assert in_german(app, "Übrigens: 100 % Rabatt") == "Übrigens: 100 % Rabatt"
    with app.test_request_context():
        assert said("Leave it out.") == "Leave it out."


def test_a_name_is_never_translated(app: Flask) -> None:
    """A campaign may be called like one of our sentences: what stands in quotes is a value."""
    told = "There is a campaign 'they said yes' already; give this one another name."
    assert "'they said yes'" in in_german(app, told)


def test_what_a_stored_campaign_says_is_german(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """Why a campaign stands still lies in the database in English and is German on the page and at home."""
    why = "12.0 % of 250 texts were not delivered, more than 5 %; look at the reasons, then resume"
    with runtime.db.write() as session:
        row = session.get_one(Campaign, campaign)
        row.status, row.paused_why = "paused", why
    for page in ("/", f"/campaigns/{campaign}"):
        told = signed_in.get(page, headers=GERMAN).text
        assert "von 250 SMS wurden nicht zugestellt" in told
        assert "look at the reasons" not in told
    assert why in signed_in.get(f"/campaigns/{campaign}").text


def test_a_refused_form_is_german(signed_in: FlaskClient, campaign: int) -> None:
    """The page of a form that sender refuses names what to mend in the reader's language."""
    del campaign
    answer = submit(signed_in, "/contacts", "/contacts/find", number="call me", region="US")
    assert "This is not one phone number" in answer.text
    submit(signed_in, "/account", "/language", language="de", back="/account")
    answer = submit(signed_in, "/contacts", "/contacts/find", number="call me", region="US")
    assert "Das ist keine einzelne Telefonnummer" in answer.text


def test_segments_are_said_in_both_languages(app: Flask) -> None:
    """Joined, turned round and nested conditions; the English phrase is built as sender builds it."""
    definition = {
        "all": [
            {"field": "attributes.tier", "is": "gold"},
            {"any": [{"field": "attributes.city", "in": ["Waco", "Austin"]}, {"not": {"field": "region", "is": "CA"}}]},
            {"field": "attributes.seen", "within_days": 30},
            {"field": "attributes.plan", "exists": False},
        ]
    }
    segment = parse_segment(definition)
    with app.test_request_context():
        assert describe(segment) == described(segment).replace("region", "State or region")
    with app.test_request_context(headers=GERMAN):
        german = describe(segment)
    assert german.startswith("tier ist „gold“ und (city ist eines von „Waco“, „Austin“ oder (nicht")
    assert german.endswith("seen liegt in den letzten 30 Tagen und plan ist nicht bekannt")


def test_the_forms_of_a_file_are_what_it_may_say() -> None:
    """F-strings with their values named, format strings, and no docstrings, patterns or lines for logs."""
    source = inspect.cleandoc('''
        """A docstring says nothing."""
        log.info("nothing of this is seen")
        def refuse(name, count):
            raise Wrong(f"There is no {name!r}; {'one' if count else 'none at all'} of {count:,} and {count}.")
        LATER = "The hook said {why} twice: {why}."
    ''')
    assert [form for _, form in forms(source)] == [
        "There is no %(name)s; %(count)s of %(count_2)s and %(count_3)s.",
        "none at all",
        "The hook said %(why)s twice: %(why_2)s.",
    ]
    assert sayings.said("As it is.") == "As it is."


@pytest.mark.parametrize(
    ("sentence", "german"),
    [
        (
            "Not now: a marketing text has to wait; the first allowed moment is Mon 2026-11-23 08:00 in Berlin.",
            "Nicht jetzt: eine SMS (Marketing) muss warten; der erste erlaubte Zeitpunkt ist "
            "Mo. 2026-11-23 08:00 in Berlin.",
        ),
        (
            "It is Sun 12:00 in Miami: US-FL (Fla. Stat. 501.616(6) (hours and cap)) is closed on Sundays.",
            "Es ist So. 12:00 in Miami: US-FL (Fla. Stat. 501.616(6) (hours and cap)) "
            "ist an diesem Wochentag zu (Sonntag).",
        ),
        (
            "Consent on record: they said yes, express written, since 2026-03-01, ledger event 17.",
            "Verzeichnete Einwilligung: hat Ja gesagt, ausdrücklich schriftlich, seit 2026-03-01, "
            "Eintrag 17 im Register.",
        ),
        (
            "Places that count: US-NY (area code 212 says US-NY America/New York).",
            "Orte, die zählen: US-NY (Ortsvorwahl 212 sagt US-NY America/New York).",
        ),
    ],
)
def test_a_verdict_is_german_down_to_its_parts(app: Flask, sentence: str, german: str) -> None:
    """Phrases inside a sentence are translated too; days, laws and places stay what they are."""
    assert in_german(app, sentence) == german
