"""The campaign builder, step by step, through the pages alone."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from guards.base import Purpose
from sender.audience.ledger import Act, record
from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.campaigns import preview, writing
from sender.models import Audit, Campaign, Contact, FromNumber, Installation, Message, Program, Segment
from sender.runtime import Runtime
from tests.waiting import eventually
from tests.web.conftest import EMAIL, FIELD, START, TestClock, browser, log_in, submit
from web.pages.audience_step import Group, read_groups, variants_of

GOLD = {"field": "attributes.tier", "is": "gold"}
WEST = {"field": "region", "is": "CA"}


@pytest.fixture
def house(runtime: Runtime) -> int:
    """A program with a from_number, two saved segments and twelve contacts, nine of whom said yes; returns its id."""
    with runtime.db.write() as session:
        session.add(Installation(epoch="one", created_at=START))
        program = Program(slug="lumen", brand="Lumen", help_contact="h@lumen.example", created_at=START)
        program.purposes, program.countries, program.domains = ["marketing"], ["US"], ["lumen.example"]
        session.add(program)
        session.flush()
        program_id = program.id or 0
        session.add(FromNumber(program_id=program_id, country="*", address="+12125550100", kind="toll_free", rate=3.0))
        session.add_all(Segment(name=n, definition=d, created_at=START) for n, d in (("Gold", GOLD), ("West", WEST)))
        phones = [parse(f"+1212555011{n}" if n < 10 else f"+1212555012{n - 10}", None) for n in range(12)]
        found = find_or_make(session, runtime.keys, phones, START)
        acts = []
        for n, phone in enumerate(phones):
            row = Contact(number_id=found[phone.e164], region="NY", created_at=START, changed_at=START)
            row.attributes = {"first_name": f"Person{n}", "tier": "gold" if n < 4 else "basic"}
            session.add(row)
            if n < 9:
                who = (found[phone.e164], program_id)
                acts.append(Act(*who, "opt_in", Purpose.MARKETING, START, "form", None, "express_written", "Yes."))
        record(session, acts, START)
        return program_id


def send(client: FlaskClient, path: str, **fields: Any) -> Any:
    """Send a form of the builder with the token of its page."""
    found = FIELD.search(client.get("/campaigns/new").text)
    assert found
    return client.post(path, data={"csrf_token": found[1], **fields})


def made(client: FlaskClient) -> str:
    """A fresh draft; returns the address its steps begin with."""
    answer = send(client, "/campaigns/new", name="Spring", program="lumen", purpose="marketing", starter="")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"]).removesuffix("/audience")


def campaign(runtime: Runtime) -> tuple[Campaign, writing.CampaignIn]:
    """The only campaign, as a row and as it is written."""
    with runtime.db.read() as session:
        row = session.execute(select(Campaign)).scalar_one()
        return row, writing.written(session, row.id or 0)


def test_a_campaign_is_written_rehearsed_approved_and_started(
    signed_in: FlaskClient, runtime: Runtime, house: int
) -> None:
    """Five steps with three variants, then submit, approve and start; every page leads to the next."""
    del house
    edit = made(signed_in)
    groups = {"segment": ["1", "everyone"], "split": ["50/50", "100"], "was": ["0", ""], "out": ["2"]}
    groups["audience_at"] = ["submission"]
    answer = send(signed_in, f"{edit}/audience", **groups)
    assert answer.headers["Location"] == f"{edit}/text"
    row, written = campaign(runtime)
    assert [(one.name, one.share) for one in written.variants] == [
        ("Gold · A", 50),
        ("Gold · B", 50),
        ("Everyone", None),
    ]
    assert written.variants[2].segment == {"all": [{}, {"not": WEST}]}
    review = signed_in.get(f"{edit}/review").text
    assert "fixed when handed in" in review
    assert "Not rehearsed yet" in review
    for place in range(3):
        text = f"Lumen: Hi {{{{ first_name }}}}, sale {place} is on. lumen.example/sale"
        answer = send(signed_in, f"{edit}/text", v=str(place), text=text, **{"default:first_name": "there"})
        assert answer.status_code == 303, answer.text
    assert answer.headers["Location"] == f"{edit}/timing"
    typed = {"when": "now", "zone": "America/New_York", "end": "2026-03-05T18:00", "budget": "25.00"}
    assert send(signed_in, f"{edit}/timing", **typed).headers["Location"] == f"{edit}/review"
    _, written = campaign(runtime)
    assert (written.budget, str(written.end_at)) == (250_000, "2026-03-05 23:00:00+00:00")
    send(signed_in, f"/campaigns/{row.id}/rehearse")
    page = eventually(lambda: _rehearsed(signed_in, edit))
    assert "nobody has looked at who gets it" not in page
    assert "Get it at once: 9" in page
    assert "Never get it: 3" in page
    assert "They did not say yes to this program" in page
    assert "Person11" in page
    for action in ("submit", "approve"):
        assert send(signed_in, f"/campaigns/{row.id}/{action}").headers["Location"] == f"{edit}/review"
    assert "9 people may get a text at its start" in signed_in.get(f"/campaigns/{row.id}/start").text
    assert send(signed_in, f"/campaigns/{row.id}/start").status_code == 303
    assert campaign(runtime)[0].status == "scheduled"
    with runtime.db.read() as session:
        assert session.execute(select(Message)).first() is None
        actions = [one.action for one in session.execute(select(Audit)).scalars()]
    assert actions[-3:] == ["campaign.submit", "campaign.approve", "campaign.schedule"]


def _rehearsed(client: FlaskClient, edit: str) -> str:
    page = client.get(f"{edit}/review").text
    return page if "Get it at once" in page else ""


def test_an_edit_voids_the_approval_and_says_so_before(signed_in: FlaskClient, runtime: Runtime, house: int) -> None:
    """The step warns, and saving makes it a draft again."""
    del house
    edit = made(signed_in)
    row, _ = campaign(runtime)
    for action in ("submit", "approve"):
        assert send(signed_in, f"/campaigns/{row.id}/{action}").status_code == 303
    assert "makes it a draft again" in signed_in.get(f"{edit}/timing").text
    send(signed_in, f"{edit}/timing", when="now", zone="UTC", budget="9")
    assert campaign(runtime)[0].status == "draft"
    late = send(signed_in, f"/campaigns/{row.id}/start")
    assert late.status_code in (303, 409)


def test_the_editor_previews_real_people_and_saves_nothing(
    signed_in: FlaskClient, runtime: Runtime, house: int
) -> None:
    """Names, footer, parts, what costs double with its replacement, and faults of the template in one sentence."""
    del house
    edit = made(signed_in)
    before = campaign(runtime)[1]
    text = "Lumen: Hi {{ first_name }} – sale today. lumen.example/x"
    page = send(signed_in, f"{edit}/text/preview", v="0", text=text, fields="").text
    assert "Hi Person0 <mark>–</mark> sale today" in page
    assert "Reply STOP to opt out" in page
    assert 'data-char="–" data-instead="-"' in page
    assert page.count("<article") == 12
    broken = send(signed_in, f"{edit}/text/preview", v="0", text="Hi {{ first_name }", fields="").text
    assert "cannot be read" in broken
    swapped = send(signed_in, f"{edit}/text", v="0", text=text, replace="yes").text
    assert "Hi {{ first_name }} - sale today" in swapped
    assert campaign(runtime)[1] == before


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("begins", {"when": "at", "begins": ""}, "Give a day and a time"),
        ("local", {"when": "local", "local": "soon"}, "on the clock of each person"),
        ("end", {"when": "now", "end": "2026-13-01T00:00"}, "Give a day and a time"),
        ("budget", {"when": "now", "budget": "-1"}, "Give an amount above 0"),
        ("daily_budget", {"when": "now", "daily_budget": "lots"}, "Give an amount above 0"),
        ("rate", {"when": "now", "rate": "0"}, "Give a number above 0, such as 0.5"),
        ("rate", {"when": "now", "rate": "nan"}, "Give a number above 0, such as 0.5"),
        ("budget", {"when": "now", "budget": "12,50"}, "Give an amount above 0, such as 250.00"),
    ],
)
def test_a_wrong_time_or_sum_is_said_beside_its_field(
    signed_in: FlaskClient, house: int, field: str, typed: dict[str, str], sentence: str
) -> None:
    """422, what was typed is still there, and nothing is kept."""
    del house
    answer = send(signed_in, f"{made(signed_in)}/timing", zone="UTC", **typed)
    assert answer.status_code == 422
    assert re.search(f'id="{field}-error".*{sentence}', answer.text)


def test_amounts_are_typed_and_shown_as_the_reader_writes_them(
    signed_in: FlaskClient, runtime: Runtime, house: int
) -> None:
    """In German "1.250,50" is a thousand and a half and comes back so; "12.50" is refused, and no 1,250."""
    del house
    edit = made(signed_in)
    submit(signed_in, "/account", "/language", language="de", back="/account")
    typed = {"when": "now", "zone": "UTC", "budget": "1.250,50", "rate": "0,5"}
    assert send(signed_in, f"{edit}/timing", **typed).status_code == 303
    written = campaign(runtime)[1]
    assert (written.budget, written.rate) == (12_505_000, 0.5)
    step = signed_in.get(f"{edit}/timing").text
    assert 'value="1250,50"' in step
    assert 'value="0,5"' in step
    refused = send(signed_in, f"{edit}/timing", **typed | {"budget": "12.50"})
    assert (refused.status_code, "etwa 250,00" in refused.text) == (422, True)
    assert re.search(r"· 0,\d{4} USD", signed_in.get(f"{edit}/text").text)


def rehearsed(client: FlaskClient, edit: str) -> str:
    """The review after a rehearsal of what the campaign is now."""
    send(client, f"{edit.removesuffix('/edit')}/rehearse")
    return eventually(lambda: _rehearsed(client, edit))


def test_what_cannot_go_at_once_waits_or_is_dropped_as_the_step_says(
    signed_in: FlaskClient, runtime: Runtime, clock: TestClock, house: int
) -> None:
    """At night the rehearsal defers all who said yes; once the campaign does not wait, they never get it."""
    del house
    edit = made(signed_in)
    clock.move(timedelta(hours=-8))
    page = rehearsed(signed_in, edit)
    assert "07:00 UTC</time> (Mon 2:00 AM there)" in page.replace("\u202f", " ")
    assert "US · Mon 2:00 AM there</small>" in page.replace("\u202f", " ")
    assert "Get it later: 9" in page
    assert "Quiet hours where they are<" in page
    typed = {"when": "now", "zone": "UTC", "outside_hours": "drop", "over_cap": "drop", "rate": "0.5"}
    assert send(signed_in, f"{edit}/timing", **typed).headers["Location"] == f"{edit}/review"
    page = rehearsed(signed_in, edit)
    assert "Never get it: 12" in page
    assert "Nobody would get this text" in page
    assert "nobody has looked at who gets it" not in page
    assert "Quiet hours where they are, and the campaign does not wait" in page
    assert "0.5 parts a second at most" in page
    send(signed_in, f"{edit}/timing", **typed | {"when": "at", "begins": "2026-03-03T17:00"})
    asked = signed_in.get(f"{edit.removesuffix('/edit')}/start").text.replace("\u202f", " ")
    assert "17:00 UTC (Tue 7:00 AM – Tue 12:00 PM there)" in asked
    send(signed_in, f"{edit}/timing", **typed)
    row, written = campaign(runtime)
    assert (row.outside_hours, row.over_cap, row.rate) == ("drop", "drop", 0.5)
    step = signed_in.get(f"{edit}/timing").text
    assert step.count('value="drop" checked') == 2
    assert 'value="0.5"' in step
    answer = send(signed_in, f"{edit}/timing", **{**typed, "outside_hours": "perhaps"})
    assert answer.status_code == 422
    assert campaign(runtime)[1] == written


def test_a_subject_is_written_in_the_first_step(signed_in: FlaskClient, runtime: Runtime, house: int) -> None:
    """It is kept, shown again, can be taken away, and the subjects of the program's caps stand beside it."""
    with runtime.db.write() as session:
        session.get_one(Program, house).caps = [{"limit": 2, "hours": 24, "subject": "sale"}]
    basics = {"name": "Spring", "program": "lumen", "purpose": "marketing"}
    edit = made(signed_in)
    assert send(signed_in, f"{edit}/basics", **basics, subject="sale").status_code == 303
    assert campaign(runtime)[0].subject == "sale"
    page = signed_in.get(f"{edit}/basics").text
    assert 'value="sale"' in page
    assert "Optional: sale. Rules and programs may cap" in page
    long = send(signed_in, f"{edit}/basics", **basics, subject="x" * 81)
    assert (long.status_code, "at most 80 letters" in long.text) == (422, True)
    assert send(signed_in, f"{edit}/basics", **basics, subject="").status_code == 303
    assert campaign(runtime)[0].subject is None


def test_words_of_marketing_under_another_purpose_want_a_colleague(
    signed_in: FlaskClient, runtime: Runtime, add_user: Callable[..., int], house: int
) -> None:
    """Text and purpose are kept only with one who has an account; later steps do not ask again, the review says who."""
    with runtime.db.write() as session:
        session.get_one(Program, house).purposes = ["marketing", "informational"]
    edit = made(signed_in)
    basics = {"name": "Spring", "program": "lumen", "subject": ""}
    assert send(signed_in, f"{edit}/basics", **basics, purpose="informational").status_code == 303
    words = {"v": "0", "text": "Lumen: Flash sale, shop now. lumen.example/sale"}
    alone = send(signed_in, f"{edit}/text", **words)
    assert alone.status_code == 422
    assert "Nobody else has an account" in alone.text
    add_user(email="bea@example.org", role="viewer", program_id=house)
    add_user(email="cem@example.org", role="owner", program_id=house + 1)
    asked = send(signed_in, f"{edit}/text", **words).text
    assert '<option value="bea@example.org">' in asked
    assert "cem@example.org" not in asked
    for wrong in ("", EMAIL, "cem@example.org"):
        assert send(signed_in, f"{edit}/text", **words, second_person=wrong).status_code == 422
    assert "Flash" not in campaign(runtime)[1].variants[0].template
    assert send(signed_in, f"{edit}/text", **words, second_person="bea@example.org").status_code == 303
    assert send(signed_in, f"{edit}/timing", when="now", zone="UTC", budget="9").status_code == 303
    assert "says bea@example.org, named by ana@example.org" in signed_in.get(f"{edit}/review").text
    assert send(signed_in, f"{edit}/basics", **basics, purpose="marketing").status_code == 303
    back = send(signed_in, f"{edit}/basics", **basics, purpose="informational")
    assert (back.status_code, 'id="second_person-error"' in back.text) == (422, True)
    assert send(signed_in, f"{edit}/basics", **basics, purpose="informational", second_person="bea@example.org")
    assert campaign(runtime)[0].purpose == "informational"


def test_how_late_it_may_start_is_chosen_when_it_is_scheduled(
    signed_in: FlaskClient, runtime: Runtime, house: int
) -> None:
    """A start by itself asks for it; an hour is kept as an hour, a made-up length is refused."""
    del house
    edit = made(signed_in)
    row, _ = campaign(runtime)
    assert "may still start" not in signed_in.get(f"/campaigns/{row.id}/start").text
    send(signed_in, f"{edit}/timing", when="at", begins="2026-03-03T10:00", zone="America/New_York")
    for action in ("submit", "approve"):
        send(signed_in, f"/campaigns/{row.id}/{action}")
    assert "up to an hour late" in signed_in.get(f"/campaigns/{row.id}/start").text
    assert send(signed_in, f"/campaigns/{row.id}/start", late="9999").status_code == 400
    assert send(signed_in, f"/campaigns/{row.id}/start", late="60").status_code == 303
    row, _ = campaign(runtime)
    assert (str(row.start_at), str(row.latest_start)) == ("2026-03-03 15:00:00+00:00", "2026-03-03 16:00:00+00:00")


def test_groups_go_through_the_form_and_back(runtime: Runtime, house: int) -> None:
    """What the form makes of variants, it reads from them again: splits, exclusions, segments nobody saved."""
    del house
    with runtime.db.read() as session:
        saved = list(session.execute(select(Segment)).scalars())
    before = [writing.VariantIn("Old", {"field": "language", "is": "es"}, "Hola"), writing.VariantIn("All", {}, "Hi")]
    groups = [
        Group("kept", "100", "0", {"field": "language", "is": "es"}, "Old"),
        Group("1", "34/33/33", "", GOLD, "Gold"),
        Group("everyone", "100", "1", {}, "Everyone"),
    ]
    variants = variants_of(before, groups, {2}, saved)
    assert [(one.template, one.share) for one in variants] == [
        ("Hola", None), ("Hola", 34), ("Hola", 33), ("Hola", 33), ("Hi", None)
    ]  # fmt: skip
    again, left_out = read_groups(variants, saved)
    assert left_out == {2}
    assert [(one.segment, one.split, one.definition) for one in again] == [
        (one.segment, one.split, one.definition) for one in groups
    ]


def test_every_replacement_is_one_the_provider_would_make() -> None:
    """Typographic marks have a twin; an emoji has none and stays."""
    assert preview.replaced("“Sale” – it’s on… 🎉") == '"Sale" - it\'s on... 🎉'
    assert [one.instead for one in preview.culprits("– 🎉")] == ["-", None]


def test_a_viewer_reviews_but_does_not_write(
    app: Flask, signed_in: FlaskClient, add_user: Callable[..., int], house: int
) -> None:
    """The rehearsal can be looked at; no step, no button."""
    del house
    edit = made(signed_in)
    add_user(email="vic@example.org", role="viewer")
    viewer = browser(app)
    log_in(viewer, "vic@example.org")
    assert "Submit for approval" not in viewer.get(f"{edit}/review").text
    for step in ("basics", "audience", "text", "timing"):
        assert viewer.get(f"{edit}/{step}").status_code == 403


def test_a_test_text_goes_to_a_proven_phone_alone(signed_in: FlaskClient, runtime: Runtime, house: int) -> None:
    """A number that cannot be one is refused with a sentence; a registered one waits for its code; nothing leaves."""
    del house
    edit = made(signed_in)
    wrong = send(signed_in, f"{edit}/test/phones", number="12", label="")
    assert wrong.status_code == 422
    assert 'role="alert"' in wrong.text
    assert send(signed_in, f"{edit}/test/phones", number="+1 212 555 0142", label="work").status_code == 303
    page = signed_in.get(f"{edit}/test").text
    assert "Prove +1•••••0142" in page
    assert "Send me the text" not in page
    assert send(signed_in, f"{edit}/test/code", phone="1", code="000000").status_code == 422
    assert send(signed_in, f"{edit}/test", phone="1", variant="Everyone").status_code == 422
    with runtime.db.read() as session:
        assert len(session.execute(select(Message)).scalars().all()) == 1, "the code alone"
