"""Sign-up forms: complete or not published, versions word for word, throttled, asked back, and no oracle."""

import base64
import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from guards.base import Purpose
from sender.audience import opt_in_forms
from sender.audience.disclosure import Disclosure, welcome
from sender.audience.ledger import Act, load_standings, record, standing
from sender.audience.links import read_own_page_token
from sender.audience.opt_in_forms import FormError, FormIn
from sender.campaigns.wordings import add_wording
from sender.crypto import unseal
from sender.delivery.replies import InboundText, receive
from sender.delivery.signing_up import SignUp, SignUpError, network, sign_up, sign_up_in_person
from sender.models import ConsentEvent, Message, Notice, Number, OptInForm, OptInRequest, Program
from sender.watching.notices import standing as open_notices
from tests.installation import Installation, line

ANA = "ana@example.org"
NEW_YORK = "+12125550123"
ADDRESS = "203.0.113.77"
SAID = Disclosure("up to 4 texts a month", "https://acme.example/terms", "https://acme.example/privacy")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: the statements are plain ones, and the ledger's own tests run on both."""
    return sqlite_url


def a_form(installation: Installation, **more: Any) -> int:
    """A complete form of Acme for the United States and Canada, not yet published."""
    opt_in_forms.set_disclosure(installation.runtime, installation.program_id, SAID, ANA)
    return opt_in_forms.keep(installation.runtime, wanted(installation, **more), ANA)


def wanted(installation: Installation, **more: Any) -> FormIn:
    """The form as it is written."""
    fields: dict[str, Any] = {"slug": "club", "headline": "Join the club", "about": "offers", "countries": ["US", "CA"]}
    return FormIn(program_id=installation.program_id, **{**fields, **more})


def published(installation: Installation, **more: Any) -> int:
    """The same, published."""
    form_id = a_form(installation, **more)
    opt_in_forms.publish(installation.runtime, form_id, ANA)
    return form_id


def join(installation: Installation, number: str = NEW_YORK, **more: Any) -> None:
    """Somebody sends the form, each time from another page."""
    with installation.runtime.db.read() as session:
        known = session.execute(select(func.count()).select_from(OptInRequest)).scalar_one()
    fields: dict[str, Any] = {"version": 1, "region": "US", "ticked": True, "reference": f"visit-{known}-{number}"}
    sign_up(installation.runtime, "club", SignUp(number=number, **{"address": ADDRESS, **fields, **more}))


def rows(installation: Installation, table: Any) -> list[Any]:
    """Every row of a table, oldest first."""
    with installation.runtime.db.read() as session:
        return list(session.execute(select(table).order_by(table.id)).scalars())


def state(installation: Installation, number: str = NEW_YORK) -> tuple[str, str]:
    """State and level of a number that has a row."""
    with installation.runtime.db.read() as session:
        number_id = session.execute(
            select(col(Number.id)).where(col(Number.key).in_(installation.runtime.keys.number_keys(number)))
        ).scalar_one()
        found = standing(
            load_standings(session, [number_id]).get(number_id, []), installation.program_id, Purpose.MARKETING
        )
    return found.state, found.level


def say(installation: Installation, body: str, number: int) -> None:
    """A text from New York to the program's number."""
    installation.clock.move(timedelta(minutes=1))
    receive(installation.runtime, InboundText(f"SM{number:032x}", NEW_YORK, "+12125550100", body))


def test_a_form_without_a_part_is_not_published_and_one_sentence_says_which(installation: Installation) -> None:
    """Frequency, terms and privacy policy are missing at first; a program that asks for an age wants that too."""
    form_id = opt_in_forms.keep(installation.runtime, wanted(installation, countries=["US", "GB"]), ANA)
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).age_gate = True
    with pytest.raises(
        FormError, match="cannot be published: it lacks how often they come, the link to the terms, the"
    ):
        opt_in_forms.publish(installation.runtime, form_id, ANA)
    opt_in_forms.set_disclosure(installation.runtime, installation.program_id, SAID, ANA)
    with pytest.raises(FormError, match="it lacks the age that this program has to ask for"):
        opt_in_forms.publish(installation.runtime, form_id, ANA)
    assert rows(installation, OptInForm)[0].status == "draft"


def test_what_people_see_changes_by_publishing_alone_and_old_words_stay(installation: Installation) -> None:
    """Publishing the same words twice is one version; other words are another, and the first stays as it was."""
    form_id = published(installation)
    assert opt_in_forms.publish(installation.runtime, form_id, ANA) == 1
    opt_in_forms.keep(installation.runtime, wanted(installation, about="offers and news"), ANA, form_id)
    with installation.runtime.db.read() as session:
        seen = opt_in_forms.published(session, "club")
        assert seen
        assert "(offers)" in seen.version.wording
    assert opt_in_forms.publish(installation.runtime, form_id, ANA) == 2
    with installation.runtime.db.read() as session:
        two, one = opt_in_forms.versions(session, form_id)
    assert ("(offers and news)" in two.wording, "(offers)" in one.wording) == (True, True)
    for part in ("Acme", "up to 4 texts a month", "not a condition", "rates may apply", "STOP", "HELP", SAID.terms_url):
        assert part in one.wording


NONSENSE: tuple[tuple[str, Any], ...] = (
    ("slug", "Summer Club"),
    ("headline", " "),
    ("age_limit", 17),
    ("hourly_limit", 0),
    ("countries", ["BR"]),
    ("sites", ["http://shop.example.com"]),
    ("sites", ["https://shop.example.com; script-src *"]),
    ("keyword", "stop"),
    ("keyword", "yes"),
    ("keyword", "two words"),
)


def test_what_makes_no_sense_is_refused_at_its_field(installation: Installation) -> None:
    """One sentence, the field it is about, and nothing kept."""
    for field, value in NONSENSE:
        with pytest.raises(FormError) as refused:
            opt_in_forms.keep(installation.runtime, wanted(installation, **{field: value}), ANA)
        assert refused.value.field == field
    assert rows(installation, OptInForm) == []


def test_a_sign_up_is_asked_back_and_a_yes_is_written_consent_with_its_evidence(installation: Installation) -> None:
    """Nothing stands before the yes; then the wording, the version, the network, and sealed who it was."""
    published(installation)
    join(installation, "(212) 555-0123", user_agent="Mozilla/5.0")
    assert state(installation) == ("none", "none")
    assert "up to 4 texts a month" in rows(installation, OptInRequest)[0].evidence["asked_with"].lower()
    say(installation, "Yes", 1)
    assert state(installation) == ("in", "express_written")
    event = rows(installation, ConsentEvent)[-1]
    assert event.source == "form"
    assert "not a condition" in event.wording
    assert (event.evidence["form"], event.evidence["version"]) == ("club", 1)
    assert event.evidence["network"] == "203.0.113.0/24"
    assert ADDRESS not in json.dumps(event.evidence)
    key = installation.runtime.keys.unwrap(rows(installation, Number)[0].data_key)
    visit = json.loads(unseal(key, base64.b64decode(event.evidence["visit_sealed"])))
    assert visit == {"address": ADDRESS, "user_agent": "Mozilla/5.0"}


def test_a_form_that_does_not_ask_back_records_at_once_and_confirms(installation: Installation) -> None:
    """The yes stands, and the confirmation with its five parts waits for the gate; a second visit changes nothing."""
    published(installation, double_opt_in=False)
    for _ in range(2):
        join(installation)
    assert state(installation) == ("in", "express_written")
    assert [one.answers for one in rows(installation, Message)] == ["welcome"]
    with installation.runtime.db.read() as session:
        words = welcome(session.get_one(Program, installation.program_id))
    for part in ("Acme", "recurring", "up to 4 texts a month", "rates may apply", "help@acme.example", "STOP"):
        assert part in words


@pytest.mark.parametrize("double_opt_in", [True, False])
def test_whoever_said_stop_is_not_asked_and_not_revived(installation: Installation, double_opt_in: bool) -> None:
    """Anybody can type a number into a form: after a STOP it answers as always and does nothing."""
    published(installation, double_opt_in=double_opt_in)
    number_id = installation.contact(NEW_YORK)
    act = Act(number_id, installation.program_id, "opt_out", Purpose.MARKETING, installation.clock.now(), "keyword")
    with installation.runtime.db.write() as session:
        record(session, [act], installation.clock.now())
    installation.clock.move(timedelta(days=30))
    join(installation)
    assert state(installation)[0] == "out"
    assert (rows(installation, OptInRequest), rows(installation, Message)) == ([], [])


REFUSED = (
    ("+442079460123", "Only numbers of CA, US"),
    ("+881612345678", "Only numbers of CA, US"),
    ("+18005550123", "not the number of a mobile"),
    ("+19005550123", "not the number of a mobile"),
    ("0123", "too few digits"),
)


def test_numbers_that_cost_or_are_elsewhere_never_sign_up(installation: Installation) -> None:
    """Other countries, satellites, premium and freephone ranges are refused by their digits alone."""
    published(installation)
    for number, sentence in REFUSED:
        with pytest.raises(SignUpError, match=sentence) as refused:
            join(installation, number)
        assert refused.value.field == "number"
    assert rows(installation, Number) == []


def test_the_box_and_the_age_are_asked_for(installation: Installation) -> None:
    """Without the tick nobody is in; the day before the birthday is too young; the date itself is not kept."""
    published(installation, age_limit=21)
    with pytest.raises(SignUpError, match="Tick the box"):
        join(installation, ticked=False, born=date(1990, 1, 1))
    with pytest.raises(SignUpError, match="date of birth"):
        join(installation)
    with pytest.raises(SignUpError, match="21 or older"):
        join(installation, born=date(2005, 3, 11))
    join(installation, born=date(2005, 3, 10))
    asked = rows(installation, OptInRequest)[0]
    assert asked.evidence["age_checked"] == 21
    assert "2005" not in json.dumps(asked.evidence)


def test_one_number_is_asked_three_times_a_day_at_most(installation: Installation) -> None:
    """However often somebody types it in; the fourth gets the same answer and no text."""
    published(installation)
    for turn in range(5):
        join(installation, reference=f"visit {turn}")
    assert len(rows(installation, OptInRequest)) == 3
    assert len(rows(installation, Message)) == 3


def test_one_page_sent_twice_is_one_sign_up(installation: Installation) -> None:
    """A double click is one question."""
    published(installation)
    for _ in range(2):
        join(installation, reference="visit")
    assert len(rows(installation, OptInRequest)) == len(rows(installation, Message)) == 1


def test_one_address_and_one_form_have_an_hour_that_is_full(installation: Installation) -> None:
    """Ten from one address; the form's own limit stops all, raises a notice once, and the next hour goes on."""
    published(installation, hourly_limit=11)
    for turn in range(10):
        join(installation, f"+1212555010{turn}")
    with pytest.raises(SignUpError) as refused:
        join(installation, "+12125550110")
    assert refused.value.status == 429
    join(installation, "+12125550110", address="198.51.100.1")
    for _ in range(2):
        with pytest.raises(SignUpError) as refused:
            join(installation, "+12125550111", address="198.51.100.2")
        assert refused.value.status == 503
    with installation.runtime.db.read() as session:
        notices: list[Notice] = open_notices(session)
    assert ["pauses until the next" in one.sentence for one in notices] == [True]
    installation.clock.move(timedelta(hours=1))
    join(installation, "+12125550111")
    with installation.runtime.db.read() as session:
        assert open_notices(session) == []


def test_a_keyword_of_a_form_asks_back_with_the_words_of_the_poster(installation: Installation) -> None:
    """CLUB to the program's number, then YES; the poster's words and version are the evidence."""
    with installation.runtime.db.write() as session:
        line(session, installation.program_id, country="US", address="25555", kind="short_code")
    published(installation, keyword="Club!")
    receive(installation.runtime, InboundText("SM1", NEW_YORK, "25555", "club"))
    receive(installation.runtime, InboundText("SM2", NEW_YORK, "25555", "yes"))
    assert state(installation) == ("in", "express_written")
    event = rows(installation, ConsentEvent)[-1]
    assert event.wording.startswith("Text CLUB to 25555 to get recurring automated marketing texts (offers) from Acme")
    assert (event.source, event.evidence["form"], event.evidence["version"]) == ("keyword", "club", 1)


def test_two_forms_of_a_program_cannot_share_a_keyword(installation: Installation) -> None:
    """The second is told at its field."""
    a_form(installation, keyword="club")
    with pytest.raises(FormError, match="answers this keyword already"):
        opt_in_forms.keep(installation.runtime, wanted(installation, slug="other", keyword="CLUB"), ANA)


def test_a_colleague_signs_somebody_up_who_then_says_yes(installation: Installation) -> None:
    """Who took it, how they were told, and a sealed note are the evidence; the yes is the person's own."""
    form_id = published(installation)
    sign_up_in_person(installation.runtime, form_id, "212 555 0123", "US", "spoken", "Till 3, Bridge St", ANA, "one")
    say(installation, "yes", 1)
    event = rows(installation, ConsentEvent)[-1]
    assert (event.source, event.attested_by, event.evidence["how"]) == ("operator", ANA, "spoken")
    key = installation.runtime.keys.unwrap(rows(installation, Number)[0].data_key)
    assert unseal(key, base64.b64decode(event.evidence["note_sealed"])) == b"Till 3, Bridge St"
    with pytest.raises(SignUpError, match="gets these texts already"):
        sign_up_in_person(installation.runtime, form_id, NEW_YORK, "US", "spoken", "Till 3", ANA, "two")
    say(installation, "STOP", 2)
    with pytest.raises(SignUpError, match="has said stop"):
        sign_up_in_person(installation.runtime, form_id, NEW_YORK, "US", "spoken", "Till 3", ANA, "three")


def test_a_network_is_a_place_and_no_person() -> None:
    """The last part of an address goes; what is no address is nothing."""
    assert network("203.0.113.77") == "203.0.113.0/24"
    assert network("2001:db8:1:2::3") == "2001:db8:1::/48"
    assert network("nobody") == ""


def test_an_answer_may_hold_the_link_to_the_persons_own_page(installation: Installation) -> None:
    """HELP brings the person's own link, good for that number alone; the words kept for all hold a placeholder."""
    number_id = installation.contact(NEW_YORK)
    with installation.runtime.db.write() as session:
        line(session, installation.program_id, country="US", address="25555", kind="short_code")
    add_wording(installation.runtime, "acme", "help", "Acme: help@acme.example. Your choices: {preferences}", ANA)
    receive(installation.runtime, InboundText("SM1", NEW_YORK, "25555", "HELP"))
    row, keys = rows(installation, Message)[0], installation.runtime.keys
    words = unseal(keys.unwrap(rows(installation, Number)[0].data_key), row.text_cipher).decode()
    token = words.rpartition("/p/")[2]
    assert read_own_page_token(keys, token, installation.clock.now()) == number_id
