"""The shared grammar has the words it needs in every language, and they are heard together."""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice
from re import findall

import pytest

from sender.audience.grammars import NOT_LANGUAGES, confidence, grammar, languages, spellings
from sender.audience.intent import read

# Every class a pattern names; those of the languages we know best lack none that the language can say otherwise.
NAMED = {
    name
    for part in ("patterns", "across_commas")
    for patterns in grammar()[part].values()
    for pattern in patterns
    for name in findall(r"\{(\w+)\}", pattern)
}
KNOWN_BEST = sorted(
    set(tomllib.loads((files("sender.audience") / "grammar.toml").read_text("utf-8"))) - NOT_LANGUAGES - {"en"}
)
# "Do not send" is two words in Spanish and one in Lithuanian: either will do.
OR_ELSE = {
    "nosend": {"neg", "send"},
    "nowrite": {"neg", "write"},
    "nowant": {"neg", "want"},
    "nostop": {"neg", "stop"},
    "nogot": {"neg", "got"},
    "getno": {"get"},
    "isnot": {"neg"},
    "noremove": {"neg"},
    "notafter": {"remove"},
    "send": {"nosend"},
    "write": {"nowrite"},
    "want": {"nowant"},
    "neg": {"nosend", "nowrite", "nowant"},
    "sendon": {"noneed"},
    "youwrite": {"you"},
    "erred": {"wrong"},
    "notme": {"wrong"},
}
BY_HAND = {name: words for name, words in languages() if name != "en"}
THIN = {name for name, words in confidence().items() if words.startswith("low")}
# What a person has to be able to say, and the classes any of which says it.
SLOTS = {
    "stop": [("stop",)],
    "texts": [("msgs",)],
    "do not send": [("nosend",), ("nowrite",), ("neg", "send"), ("neg", "write")],
    "want none": [("nowant",), ("neg", "want")],
    "remove": [("remove",)],
    "me, my number, the list": [("mine",)],
    "wrong number": [("wrong",)],
    "what is not about texts": [("dealings",)],
}
NEEDED_AT_LEAST = {"stop", "texts", "do not send"}


@pytest.mark.parametrize("name", KNOWN_BEST)
def test_no_family_of_wishes_is_unknown_to_a_language_we_know(name: str) -> None:
    """Each class of the patterns, of wishes and of their harmless twins, has words in each of 40 languages."""
    words = set(grammar()[name])
    assert not {kind for kind in NAMED - words if not OR_ELSE.get(kind, {""}) <= words}


def test_a_family_is_missed_where_it_is_missing() -> None:
    """At least 40 languages and 60 classes are compared, and a word said in two ways needs only one of them."""
    assert len(KNOWN_BEST) >= 40
    assert len(NAMED) >= 60
    assert OR_ELSE.keys() <= NAMED


def missing(words: dict[str, str]) -> set[str]:
    """The slots for which a language has no words."""
    return {slot for slot, ways in SLOTS.items() if not any(set(way) <= set(words) for way in ways)}


def said(words: dict[str, str], *classes: str) -> Iterator[str]:
    """Sentences of the first word of each class, in both orders, as languages differ in theirs."""
    firsts = [words[name].split()[0].strip("~").replace("_", " ") for name in classes]
    yield " ".join(firsts)
    yield " ".join(reversed(firsts))


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_every_language_can_say_what_matters(name: str) -> None:
    """No language lacks a slot; those known less well, and those in Latin letters, have the three that count."""
    words = BY_HAND[name]
    if name.endswith("-Latn") or name in THIN:
        assert not missing(words) & NEEDED_AT_LEAST
    else:
        assert not missing(words)


def test_what_we_know_less_well_says_so() -> None:
    """Every further language names how well it is known, and nothing else does."""
    assert set(confidence()) == {name for name, words in languages() if name in confidence()}
    assert all(words.partition(":")[0] in {"good", "fair", "low"} for words in confidence().values())


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_the_words_of_a_language_are_heard_together(name: str) -> None:
    """Stop and texts, remove and my number: a wish in every language, in whichever order it puts them."""
    words = BY_HAND[name]
    for classes in (("stop", "msgs"), ("remove", "mine")):
        if set(classes) <= set(words):
            assert "opt_out" in {read(text).intent for text in said(words, *classes)}, (name, classes)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ne pishite mne bolshe", "ru-Latn"),
        ("prekratite slat mne smski", "ru-Latn"),
        ("ne nadsylaite meni povidomlennya", "uk-Latn"),
        ("stamatiste na stelnete minimata", "el-Latn"),
        ("sprete da mi prashtate saobshtenia", "bg-Latn"),
        ("la terslo rasayel tani", "ar-Latn"),
        ("mujhe msg mat bhejo", "hi-Latn"),
        ("amake ar sms pathaben na", "bn-Latn"),
        ("dige payam nadid", "fa-Latn"),
    ],
)
def test_other_scripts_are_heard_in_latin_letters(text: str, language: str) -> None:
    """Russian, Greek, Arabic and others typed on a Latin keyboard are certain like in their own letters."""
    assert read(text)[:2] == ("opt_out", True)
    assert language in grammar()


@pytest.mark.parametrize(
    "text",
    [
        "ya v magazine, skoro budu",
        "na kakoi ostanovke vykhodit",
        "to kalathi mou einai adeio",
        "wein el ordar taba3i?",
        "kal milte hain",
    ],
)
def test_ordinary_words_in_latin_letters_stop_nobody(text: str) -> None:
    """Romanised small talk is not taken for a wish."""
    assert not (read(text).intent == "opt_out" and read(text).certain)


def test_a_word_is_spelt_in_the_usual_ways() -> None:
    """Each letter's ways are combined, the most usual first, and never more than twelve."""
    letters = {"ж": ["zh", "j"], "ш": ["sh"], "у": ["u"], "ь": [""]}
    assert spellings("жушь", letters) == ["zhush", "jush"]
    assert len(spellings("ж" * 8, letters)) == 12
    assert list(islice(spellings("stop_шу", letters), 1)) == ["stop_shu"]
