"""Templates: what may be saved, what is refused, and what people receive."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sender.campaigns.parts import count
from sender.campaigns.rendering import (
    FILTERS,
    MAX_SOURCE,
    REMEMBERED,
    RenderError,
    TemplateError,
    compile_template,
    fields_used,
    starter,
    starters,
    template_hash,
    worst_case,
)
from tests.campaigns.hostile_templates import HOSTILE

FIELDS = {"first_name": "friend", "city": None, "points": None, "due": None}


PIECES = [
    "{{", "}}", "{%", "%}", "{#", "#}", "if", "else", "elif", "endif", "for", "in", "set", "macro", "first_name",
    "contact", ".", "|", "(", ")", "[", "]", "'", '"', "9", "**", "*", "~", ",", "upper", "default", "range", "x",
    "__class__", "==", "not", "and", "or", "-", "\n", "{{ city }}", "{% if points %}", "{% endif %}", "| title }}",
]  # fmt: skip


def rendered(source: str, **contact: object) -> str:
    """The text that one contact would get."""
    return compile_template(source, FIELDS).render(contact)


@pytest.mark.parametrize(
    ("source", "contact", "text"),
    [
        ("Hello", {}, "Hello"),
        ("Hi {{ first_name }}!", {"first_name": "Anna"}, "Hi Anna!"),
        ("Hi {{ contact.first_name }}!", {"first_name": "Anna"}, "Hi Anna!"),
        ("Hi {{ first_name }}!", {"first_name": "  "}, "Hi friend!"),
        ("Hi {{ first_name }}!", {"first_name": None}, "Hi friend!"),
        ("Hi{% if city %} from {{ city }}{% endif %}!", {}, "Hi!"),
        ("{% if points | number >= 10 and not city %}many{% else %}few{% endif %}", {"points": "12"}, "many"),
        ("{% if city == 'Rome' or city == 'Bari' %}ciao{% elif city != 'x' %}hi{% endif %}", {"city": "Paris"}, "hi"),
        ("{{ city | default('town') | upper }}", {}, "TOWN"),
        ("{{ city | lower }} {{ city | capitalize }} {{ city | title }}", {"city": "NEW-york CITY"}, None),
        ("{{ first_name | first_word }}", {"first_name": "Anna Maria"}, "Anna"),
        ("{{ due | date('%d/%m') }}", {"due": "2026-11-27"}, "27/11"),
        ("{{ due | date('%d/%m') }}", {"due": date(2026, 11, 27)}, "27/11"),
        ("{{ due | date('%H:%M') }}", {"due": datetime(2026, 11, 27, 9, 5, tzinfo=UTC)}, "09:05"),
        ("{{ city | trim }}|", {"city": " Rome "}, "Rome|"),
        ("a\u00a0b\u202fc\td", {}, "a b c d"),
        ("e\u0301t\u00e9", {}, "été"),
        ("one\r\n\r\ntwo\n", {}, "one\n\ntwo"),
        ("A\n{% if city %}\nB\n{% endif %}\nC", {"city": "x"}, "A\nB\nC"),
        ("A\n{% if city %}\nB\n{% endif %}\nC", {}, "A\nC"),
        ("A{% if city %} B{% endif %}\nC", {"city": "x"}, "A B\nC"),
        ("{{ city }}", {"city": "{{ points }} {% if %}"}, "{{ points }} {% if %}"),
        ("{{ city }}", {"city": "Tom & <Co>"}, "Tom & <Co>"),
        ("{{ points }}", {"points": 7}, "7"),
        ("{# never seen #}x", {}, "x"),
    ],
)
def test_what_people_receive(source: str, contact: dict[str, object], text: str | None) -> None:
    """Fields, defaults, conditions, filters, spaces and lines come out as an author expects."""
    expected = "new-york city New-york city New-York City" if text is None else text
    assert rendered(source, **contact) == expected


@pytest.mark.parametrize(
    ("source", "contact", "named"),
    [
        ("Hi {{ city }}", {}, "city"),
        ("Hi {{ city | upper }}", {"city": ""}, "city"),
        ("{% if city == 'Rome' %}x{% endif %}y", {}, "city"),
        ("{% if points > 3 %}x{% endif %}y", {"points": "4"}, "points"),
        ("{{ points | number }}", {"points": "four"}, "points"),
        ("{{ due | date('%d') }}", {"due": "soon"}, "due"),
        ("{{ city }}", {"city": ["Rome"]}, "city"),
        ("{{ city }}", {"city": {"name": "Rome"}}, "city"),
        ("{{ city }}", {"city": "x" * 1601}, "city"),
        ("{{ city }}{{ city }}", {"city": "x" * 801}, "1602 characters"),
        ("{% if city %}x{% endif %}", {}, "empty"),
    ],
)
def test_a_text_that_cannot_be_made_says_which_field(source: str, contact: dict[str, object], named: str) -> None:
    """Each render error is one sentence that names the field, so that it can be a row in the rehearsal."""
    with pytest.raises(RenderError, match=named) as caught:
        rendered(source, **contact)
    assert str(caught.value).endswith(".")


def test_an_error_does_not_repeat_what_the_contact_holds() -> None:
    """Contents of fields are personal and stay out of error sentences."""
    with pytest.raises(RenderError) as caught:
        rendered("{{ points | number }}", points="secret-illness")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_templates_are_refused_when_saved(source: str) -> None:
    """Every hostile template is refused in one sentence, in well under a second of work (best of three)."""
    spent = []
    for _ in range(3):
        start = time.process_time()
        with pytest.raises(TemplateError, match=r"\.$") as caught:
            compile_template(source, FIELDS)
        spent.append(time.process_time() - start)
    assert min(spent) <= 0.5
    assert len(str(caught.value)) < 300


def test_the_hostile_corpus_is_large() -> None:
    """The corpus has over two hundred different templates."""
    assert len(set(HOSTILE)) >= 200


@settings(max_examples=400)
@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=40,
    )
)
def test_any_jumble_is_refused_or_rendered(pieces: list[str]) -> None:
    """Whatever is saved renders to a string or a named error, and nothing else is ever raised."""
    try:
        template = compile_template(" ".join(pieces), FIELDS)
        assert len(template.render({"first_name": "Anna", "city": "Rome", "points": 3})) <= 1600
    except (TemplateError, RenderError):
        return


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("a\nb {{ nick }}", "Line 2: the field nick is not declared"),
        ("a\n{% if city %}\n\n{{ nick }}{% endif %}", "Line 4: the field nick"),
        ("{{ city | shout }}", "there is no filter 'shout'; use one of capitalize, date"),
        ("{{ city", "Line 1: this cannot be read"),
        ("a\n{% if city %}b", "Line 2: this cannot be read"),
        ("{% for x in city %}{% endfor %}", "a loop cannot be used"),
        ("{{ city }}" * 400, "too many fields"),
        (" \n ", "is empty"),
        ("x" * (MAX_SOURCE + 1), "shorten it to 4000"),
    ],
)
def test_errors_say_where_and_what_to_do(source: str, sentence: str) -> None:
    """An author reads the line and the way out."""
    with pytest.raises(TemplateError, match=r"\.$") as caught:
        compile_template(source, FIELDS)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", ["contact", "self", "loop", "First", "a-b", "__class__", "", "x" * 65])
def test_field_names_that_mean_something_else_are_refused(name: str) -> None:
    """A field cannot be declared under a name of the language."""
    with pytest.raises(TemplateError, match="field name"):
        compile_template("Hello", {name: None})


def test_fields_that_look_like_methods_are_only_data() -> None:
    """A field called items or keys prints the contact's value, never a method of the dict."""
    template = compile_template("{{ contact.items }} {{ contact.get }}", {"items": None, "get": "none"})
    assert template.render({"items": 3}) == "3 none"


def test_the_same_source_is_compiled_once() -> None:
    """A template is compiled once per source and fields, fifty times cheaper than each time."""
    assert compile_template("Hi {{ city }}", FIELDS) is compile_template("Hi {{ city }}", dict(FIELDS))


def test_the_hash_covers_words_and_defaults() -> None:
    """Another word or another default is another text, so an approval does not carry over."""
    template = compile_template("Hi {{ first_name }}", FIELDS)
    assert template.hash == template_hash("Hi {{ first_name }}", FIELDS)
    assert len({template.hash, template_hash("Hi {{ first_name }}", {"first_name": "you"}), template_hash("Hi")}) == 3


def test_the_fields_of_a_template_can_be_listed() -> None:
    """The names a template reads are known before any field is declared."""
    assert fields_used("{{ b }}{% if contact.a == 'x' %}{{ c | upper }}{% endif %}") == ("a", "b", "c")


def test_the_worst_case_is_the_dearest_text_with_its_footer() -> None:
    """One accented name among many decides the price that is shown, footer included."""
    template = compile_template("Hi {{ first_name }}, " + "sale! " * 20, FIELDS)
    samples = [{"first_name": "Bartholomew"}, {"first_name": "José"}, {"first_name": "Joana "}, {"first_name": "Łucja"}]
    worst = worst_case(template, samples, lambda text: f"{text}\nReply STOP to opt out")
    assert worst.sample == 3
    assert worst.text.endswith("sale!\nReply STOP to opt out")
    assert (worst.parts.parts, worst.parts.culprits) == (3, ("Ł",))
    with pytest.raises(ValueError, match="at least one sample"):
        worst_case(template, [])


SAMPLE = {
    "brand": "Acme Books",
    "first_name": "Anna Maria",
    "monthly_limit": 4,
    "offer": "20% off all books",
    "ends_on": "30/11",
    "link": "https://acme.example/s/7k2",
    "when": "Fri 27 Nov at 10:30",
    "where": "12 High Street",
    "support_contact": "call 415-555-0123",
    "order_number": "A-1021",
    "arrives_on": "27/11",
    "code": "402913",
    "minutes": 10,
}


def test_all_starter_texts_are_there() -> None:
    """The texts that the product itself needs ship with it, and no other name is readable."""
    assert {"welcome", "promo", "reminder", "code", "double_opt_in", "stop_confirmation", "help"} <= set(starters())
    with pytest.raises(TemplateError, match="choose one of"):
        starter("../__init__")


@pytest.mark.parametrize("name", starters())
def test_each_starter_text_is_one_plain_part(name: str) -> None:
    """A starter text compiles, uses known fields, names the brand and costs one GSM-7 part."""
    template = compile_template(starter(name), dict.fromkeys(fields_used(starter(name))))
    text = template.render(SAMPLE)
    assert "Acme Books" in text
    assert count(text)[:2] == ("GSM-7", 1)


@pytest.mark.parametrize("name", ["stop_confirmation", "start_confirmation", "help", "double_opt_in", "welcome"])
def test_answers_say_what_the_field_requires(name: str) -> None:
    """Confirmations name the way out or back; sign-up texts also give frequency, rates and help (CTIA handbook)."""
    text = starter(name)
    assert ("START" if name == "stop_confirmation" else "STOP") in text
    if name in {"welcome", "double_opt_in", "start_confirmation"}:
        assert all(words in text for words in ("Msg & data rates may apply", "HELP", "{{ monthly_limit }}"))


def test_every_filter_is_documented() -> None:
    """There are at most ten filters, all of them plain functions of one value."""
    assert len(FILTERS) <= 10


def test_a_text_that_is_remembered_is_nobody_elses() -> None:
    """What was filled in before changes no text: like values of another type, empty ones and thousands between."""
    source, fields = "Hi {{ name }} of {{ town }}{% if vip %}!{% endif %}", {"name": "you", "town": "here", "vip": None}
    shared = compile_template(source, fields)
    values: list[object] = ["1", 1, 1.0, True, "True", None, "", " ", "Ada"]
    people = [{"name": one, "town": other, "vip": other} for one in values for other in values] * 2
    people[81:81] = [{"name": f"Bo {number}"} for number in range(REMEMBERED + 1)]
    for person in people:
        alone = replace(shared, _filled={})
        assert shared.render(person) == alone.render(person)
