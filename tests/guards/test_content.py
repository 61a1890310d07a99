"""Content: what filters would stop, what law wants gated, and what looks like a mistake or a trick."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards import content, content_links, vocabulary
from guards.base import ALLOW, Block, Draft, Kind, Purpose
from guards.content import findings, looks_like_marketing
from guards.finding import Finding
from sender.campaigns import parts
from tests.guards.people import POLICY, facts

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=160)


def found(text: str, purpose: Purpose = Purpose.MARKETING, **policy: Any) -> list[tuple[str, str, str]]:
    """Code, severity and words of every finding."""
    every = findings(text, purpose, replace(POLICY, **policy))
    return [(one.code, one.severity, text[slice(*one.span)]) for one in every]


def test_what_stops_a_text_is_told_first_and_what_only_informs_last() -> None:
    """Wherever in the text it stands."""
    assert [severity for _, severity, _ in found("“WHAT A GREAT SALE FOR YOU AND YOUR FRIENDS TODAY, {{ name }}")] == [
        "stop",
        "warning",
        "info",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi {{ first_name }}, sale", "{{ first_name }}"),
        ("Hi {% if x %}", "{%"),
        ("Hi {name}, sale", "{name}"),
        ("Hi ${name}, sale", "${name}"),
        ("Hi [FIRST_NAME], sale", "[FIRST_NAME]"),
        ("Hi [INSERT NAME], sale", "[INSERT NAME]"),
        ("Visit <LINK> now", "<LINK>"),
        ("Hi %FIRST_NAME%", "%FIRST_NAME%"),
        ("Hi %(name)s", "%(name)s"),
        ("Hi None, sale", "None"),
        ("None, your order is here", "None"),
        ("Dear nan, sale", "nan"),
        ("Hola null, rebajas", "null"),
        ("Hi undefined!", "undefined"),
        ("You have nan points", "nan"),
        ("Pay $nan by Friday", "nan"),
    ],
)
def test_a_field_that_was_not_filled_in_stops_the_text(text: str, words: str) -> None:
    """Braces of every template language, placeholders, and what empty values print."""
    assert ("unfilled", "stop", words) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "None of our beans are roasted twice",
        "Second to none!",
        "Treat your nan this Sunday",
        "[VIP] Sale on Saturday",
        "[QC] Beans",
        "The offer is null and void after Friday",
        "20% off :) today",
        "Save 5 < 10",
    ],
)
def test_ordinary_words_are_not_taken_for_fields(text: str) -> None:
    """Nothing in these texts was left open."""
    assert all(code != "unfilled" for code, _, _ in found(text))


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("Sale: https://bit.ly/x1", "https://bit.ly/x1"),
        ("Sale: bit.ly/x1.", "bit.ly/x1"),
        ("Sale (TinyURL.com/x1)", "TinyURL.com/x1"),
        ("Sale: acme.bit.ly/x", "acme.bit.ly/x"),
        ("Sale https://t.co", "https://t.co"),
    ],
)
def test_public_shorteners_stop_marketing_and_are_noted_elsewhere(text: str, link: str) -> None:
    """Carriers filter them; in a code or transactional text a person is only told."""
    assert ("shortener", "stop", link) in found(text)
    assert ("shortener", "warning", link) in found(text, Purpose.TRANSACTIONAL)


@pytest.mark.parametrize("text", ["https://orbit.ly.example/x", "rabbit.ly2", "https://acme.example/bit.ly"])
def test_names_that_only_hold_a_shorteners_name_do_not_count(text: str) -> None:
    """Only the host itself, or a name under it, is a shortener."""
    assert all(code != "shortener" for code, _, _ in found(text))


@pytest.mark.parametrize(
    ("topic", "text", "gated"),
    [
        ("alcohol", "Free wine tonight", True),
        ("tobacco", "New vapes in store", True),
        ("firearms", "Ammo back in stock", True),
        ("sex", "Sex toys half price", True),
        ("cannabis", "CBD gummies", False),
        ("hate", "White power night", False),
    ],
)
def test_shaft_words_need_an_age_gate_or_never_go(topic: str, text: str, gated: bool) -> None:
    """Without an age gate they stop a text; with one alcohol and its like pass, hate and cannabis never."""
    assert [(code, severity) for code, severity, _ in found(text)] == [(f"shaft_{topic}", "stop")]
    with_gate = [severity for _, severity, _ in found(text, age_gate=True)]
    assert with_gate == ["info" if gated else "stop"]
    assert [severity for _, severity, _ in found(text, countries=frozenset({"DE"}))] == ["warning"]


@pytest.mark.parametrize("text", ["Penne alla vodka today", "Root beer floats", "Wine vinegar", "A winery-free begin"])
def test_harmless_uses_of_these_words_pass(text: str) -> None:
    """Food that has the word in its name is no alcohol."""
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        ("https://acme.com@evil.example/x", "link_user", "stop"),
        ("http://192.0.2.7/x", "link_number", "stop"),
        ("http://3221226219/x", "link_number", "stop"),
        ("https://аcme.com/x", "link_letters", "stop"),
        ("https://münchen.example/x", "link_letters", "warning"),
        ("https://acrne.com/x", "brand_imitated", "stop"),
        ("https://4cme.com/x", "brand_imitated", "stop"),
        ("https://xn--cme-5cd.com/x", "brand_imitated", "stop"),
    ],
)
def test_links_that_look_like_phishing(text: str, code: str, severity: str) -> None:
    """Hidden addresses, bare numbers, mixed alphabets and imitations of the brand are told from the letters alone."""
    assert (code, severity) in [one[:2] for one in found(text)]


def test_a_misspelt_brand_is_for_a_person_to_see() -> None:
    """One wrong or swapped letter in a longer brand name is a warning; the right name is nothing."""
    misspelt = [found(f"https://{name}.com/x", brand="Harbour")[0][:2] for name in ("harbuor", "hardour")]
    assert misspelt == [("brand_misspelt", "warning")] * 2
    assert found("https://harbour.com/x", brand="Harbour") == []


@pytest.mark.parametrize(
    ("link", "goes"),
    [
        ("https://acme.example/x", True),
        ("https://shop.acme.example", True),
        ("www.acme.example", True),
        ("https://acme.example.evil.test/x", False),
        ("https://notacme.example/x", False),
        ("evil.test/acme.example", False),
    ],
)
def test_links_stay_on_the_programs_domains(link: str, goes: bool) -> None:
    """Where a program lists its domains, only they and names under them may be linked."""
    codes = [code for code, _, _ in found(f"Sale: {link}", domains=("acme.example",))]
    assert ("link_elsewhere" not in codes) is goes
    assert "link_elsewhere" not in [code for code, _, _ in found(f"Sale: {link}")]


def test_the_programs_own_footer_link_is_not_judged() -> None:
    """The opt-out link that we add ourselves may lead to the installation, whatever the program's domains are."""
    footer = "Stop: http://127.0.0.1:8000/o/abc"
    assert found(f"Acme: sale\n{footer}", footer=footer, domains=("acme.example",)) == []


def test_look_alikes_are_named_with_what_to_write() -> None:
    """A curly quote that makes two parts of one is a warning with its replacement; one that costs nothing is noted."""
    long = "Acme: it’s here " + "x" * 60
    assert found(long) == [("look_alike", "warning", "’")]
    assert findings(long, Purpose.MARKETING, POLICY)[0].mend == 'Write "\'" for it.'
    assert found("It’s here") == [("look_alike", "info", "’")]
    assert found("It’s here, всем привет") == []


def test_every_replacement_is_in_the_sms_alphabet() -> None:
    """What is offered for a look-alike never forces UCS-2 again."""
    for char, plain in vocabulary.look_alikes().items():
        assert parts.count(plain).encoding == "GSM-7", f"U+{ord(char):04X}"


def test_letters_of_two_alphabets_in_one_word() -> None:
    """A Cyrillic letter in a Latin word is shown with the word as it was meant."""
    assert found("Acme сlub") == [("mixed_letters", "warning", "сlub")]
    assert found("Клуб Acme") == []


def test_capitals() -> None:
    """A text in capitals is a warning; a brand in capitals, or STOP, is not shouting."""
    assert found("BEST BEANS OF THE WHOLE TOWN")[0][:2] == ("all_capitals", "warning")
    assert found("ACME BEANS ROASTERS: New. Reply STOP", brand="ACME BEANS ROASTERS") == []


def test_the_part_limit_of_the_program() -> None:
    """One part more than the program allows stops the text; no limit, no finding."""
    assert found("x" * 161, max_parts=1)[0][:2] == ("too_long", "stop")
    assert found("x" * 160, max_parts=1) == found("x" * 161) == []


@pytest.mark.parametrize(
    "text",
    [
        "Your order shipped. Get 20% off your next, shop now!",
        "Flash sale today",
        "Ofertas y descuentos en tu tienda",
        "Les soldes: -50% et livraison gratuite",
        "Jetzt kaufen: Rabatt auf alles",
        "Promoção: cupom de desconto",
        "Saldi: sconti fino al 50%",
        "Uitverkoop met korting",
        "Wyprzedaż i rabaty",
    ],
)
def test_marketing_is_known_by_its_words(text: str) -> None:
    """In each language a few words give a marketing text away, and only a laxer purpose makes a finding of it."""
    assert looks_like_marketing(text) is not None
    assert "looks_like_marketing" in [code for code, _, _ in found(text, Purpose.TRANSACTIONAL)]
    assert "looks_like_marketing" not in [code for code, _, _ in found(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Your code is 493021. Give it to nobody.",
        "Your order 1234 has shipped and arrives on Friday",
        "Your table for two is booked for 19:00. Free parking behind the shop",
        "Su cita es mañana a las 10",
        "Ihr Paket kommt heute",
        "Your battery is at 20%",
    ],
)
def test_ordinary_service_texts_are_no_marketing(text: str) -> None:
    """Codes, parcels and appointments stay what they are."""
    assert looks_like_marketing(text) is None


def test_as_a_guard_only_a_stop_counts() -> None:
    """A stop blocks with its code and how to mend it, a warning passes, answers are never judged."""
    blocked = content.check(Draft("Hi {name}", Purpose.CODE), facts())
    assert isinstance(blocked, Block)
    assert blocked.reason == "content_unfilled"
    assert "default" in blocked.note
    assert content.check(Draft("BEST BEANS OF THE WHOLE TOWN", Purpose.MARKETING), facts()) is ALLOW
    assert content.check(Draft("Hi {name}", Purpose.MARKETING, Kind.ANSWER), facts()) is ALLOW


@given(TEXTS, st.sampled_from(list(Purpose)), st.booleans())
def test_any_text_can_be_judged(text: str, purpose: Purpose, gate: bool) -> None:
    """Whatever the text, every finding points into it, and the guard blocks exactly where one of them says stop."""
    policy = replace(POLICY, age_gate=gate, max_parts=2, domains=("acme.example",))
    every: tuple[Finding, ...] = findings(text, purpose, policy)
    assert all(0 <= one.span[0] <= one.span[1] <= len(text) and one.sentence and one.mend for one in every)
    blocks = isinstance(content.check(Draft(text, purpose), facts(policy=policy)), Block)
    assert blocks == any(one.severity == "stop" for one in every)


def test_the_gravest_is_said_first() -> None:
    """What stops a text comes before what a person should see, and that before what is good to know."""
    said = [severity for _, severity, _ in found("Beer in the c\u0430fe, for [NAME]", age_gate=True)]
    assert said == sorted(said, key=("stop", "warning", "info").index)
    assert set(said) == {"stop", "warning", "info"}


def test_a_link_keeps_its_last_letter() -> None:
    """Only what a sentence puts behind a link is taken off."""
    assert [one.text for one in content_links.links("See ACME.EXAMPLE/SALEX.")] == ["ACME.EXAMPLE/SALEX"]
