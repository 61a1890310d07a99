"""Keywords: the same word in every costume is the same word, in every language at once."""

import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.audience.keywords import folded, lexicon, match, normal, provider_reaction

OPT_OUTS = [
    (language, word)
    for language, table in lexicon()["language"].items()
    for word in [*table.get("opt_out", ()), *table.get("opt_out_unverified", ())]
]
LATIN = sorted({word for _, word in OPT_OUTS if word.isascii() and len(word) > 2})
DRESS = ["", " ", "!", ".", "“", "”", "'", "…", "🛑", " 👍🏽", "\n", "\u200b", "\ufe0f", "*", "#", "-", "¡"]
GAPS = ["", " ", "-", "_", ".", "\u200b", "\u00ad", "  ", "\u00a0"]
FULL_WIDTH = {ord("A") + n: chr(0xFF21 + n) for n in range(26)}


@pytest.mark.parametrize(("language", "word"), OPT_OUTS)
def test_every_listed_opt_out_is_understood(language: str, word: str) -> None:
    """Each word of the list opts out, certain unless it is listed as unsure, whatever language it comes from."""
    found = match(word)
    assert found is not None
    assert found.meaning == "opt_out"
    if word in lexicon()["language"][language].get("unsure", ()) and found.language == language:
        assert not found.certain


@pytest.mark.parametrize("word", lexicon()["fcc"]["opt_out"])
def test_the_seven_words_of_the_fcc_are_certain(word: str) -> None:
    """The words that are revocation per se under 47 CFR 64.1200(a)(10) are never held for review."""
    found = match(word)
    assert found is not None
    assert (found.meaning, found.certain, found.language) == ("opt_out", True, "en")


@given(
    st.sampled_from(LATIN),
    st.lists(st.sampled_from(GAPS), min_size=30, max_size=30),
    st.sampled_from(DRESS),
    st.sampled_from(DRESS),
    st.sampled_from([str.upper, str.lower, str.title, lambda word: word.upper().translate(FULL_WIDTH)]),
)
def test_no_costume_hides_a_keyword(word: str, gaps: list[str], before: str, after: str, case: object) -> None:
    """Case, punctuation, emoji, invisible characters, spacing and full-width letters change nothing."""
    assert callable(case)
    spaced = "".join(letter + gap for letter, gap in zip(case(word), gaps, strict=False))
    plain, disguised = match(word), match(f"{before}{spaced}{after}")
    assert plain is not None
    assert disguised is not None
    assert (disguised.meaning, disguised.language) == (plain.meaning, plain.language)


@pytest.mark.parametrize("text", ["STОP", "ЅТОР", "SΤΟΡ", "ST0P", "5TOP", "UNSUBSCR1BE", "САNCEL"])
def test_letters_of_other_scripts_and_digits_are_seen_through(text: str) -> None:
    """Cyrillic and Greek look-alikes and digits in place of letters still make the word."""
    found = match(text)
    assert found is not None
    assert found.meaning == "opt_out"


@pytest.mark.parametrize(
    ("text", "meaning", "language"),
    [
        ("ARRÊT", "opt_out", "fr"),
        ("arret", "opt_out", "fr"),
        ("Löschen!", "opt_out", "de"),
        ("iptal", "opt_out", "tr"),
        ("İPTAL", "opt_out", "tr"),
        ("إيقاف", "opt_out", "ar"),
        ("ايقاف", "opt_out", "ar"),
        ("수신 거부", "opt_out", "ko"),
        ("退订", "opt_out", "zh-Hans"),
        ("बंद करो", "opt_out", "hi"),
        ("please stop", "opt_out", "en"),
        ("STOP, s'il vous plaît", "opt_out", "en"),
        ("stop stop STOP", "opt_out", "en"),
        ("help me please", None, None),
        ("Help, please", "help", "en"),
        ("AIDE", "help", "fr"),
        ("START", "opt_in", "en"),
        ("un-stop!", "opt_in", "en"),
        ("start please", None, None),
        ("start?", None, None),
        ("yes", None, None),
        ("OK", None, None),
        ("sí", None, None),
        ("no", None, None),
        ("stop by at five", None, None),
        ("", None, None),
        ("!?", None, None),
        ("stop" * 20, None, None),
    ],
)
def test_what_a_message_is(text: str, meaning: str | None, language: str | None) -> None:
    """A keyword counts as the whole message, with courtesies for opt-out and help; a yes is never an opt-in."""
    found = match(text)
    assert (found and found.meaning, found and found.language) == (meaning, language)


@pytest.mark.parametrize("language", lexicon()["language"])
def test_every_language_names_its_source(language: str) -> None:
    """A word can be traced: each table has a source and a confidence, and unverified opt-ins are never used."""
    table = lexicon()["language"][language]
    assert table["source"]
    assert table["confidence"] in {"high", "medium", "low"}
    for word in table.get("opt_in_unverified", ()):
        found = match(word)
        assert found is None or found.meaning != "opt_in" or found.language != language


@pytest.mark.parametrize(
    ("text", "reaction"),
    [("stop", "stop"), (" Yes ", "start"), ("INFO", "help"), ("STOP PLEASE", None), ("stop.", None), ("arret", None)],
)
def test_what_the_provider_answers_by_itself(text: str, reaction: str | None) -> None:
    """Only one exact word moves the provider, so that everything else is ours to answer."""
    assert provider_reaction(text) == reaction


@given(st.text(max_size=60))
def test_normalising_settles(text: str) -> None:
    """Normalising or folding twice changes nothing more."""
    assert normal(normal(text)) == normal(text)
    assert folded(folded(text)) == folded(text)


def test_the_list_travels_with_the_package() -> None:
    """The words are data beside the code and readable from an installed package."""
    text = (resources.files("sender.audience") / "keywords.toml").read_text("utf-8")
    assert tomllib.loads(text) == lexicon()
