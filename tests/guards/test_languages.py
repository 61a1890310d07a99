"""The language of a text by its letters and words, and which wording of the way out stands for a program's own."""

import pytest

from guards.vocabulary import blanked, marketing, shaft, unfilled
from guards.ways_out import candidates, language, language_of, tables


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("コーヒーがとどきました", "ja"),
        ("新豆入荷本日発売です", "ja"),
        ("新豆到货今日发售", "zh"),
        ("새 원두가 왔습니다", "ko"),
        ("Νέοι κόκκοι καφέ", "el"),
        ("קפה חדש הגיע", "he"),
        ("नई कॉफ़ी आ गई", "hi"),
        ("กาแฟใหม่มาแล้ว", "th"),
        ("Новый кофе уже здесь", "ru"),
        ("Нова кава вже тут, її так чекали", "uk"),
        ("Кафето пристигна, съвсем ново", "bg"),
        ("Съезд: вы где", "ru"),
        ("قهوة جديدة وصلت", "ar"),
        ("قهوه جدید گرم رسید", ""),
        ("Coffee Кофеек", ""),
        ("Coffee Кофейку", "ru"),
    ],
)
def test_a_script_tells_the_language(text: str, language: str) -> None:
    """More than half of the letters in one script tell it; what several languages write tells the likeliest or none."""
    assert language_of(text) == language


def test_common_words_of_two_languages_tell_nothing() -> None:
    """Two words of one language are enough, unless another has as many."""
    words = {tag: sorted(row.common - others(tag))[:3] for tag, row in tables().items() if tag in ("es", "de")}
    assert language_of(" ".join(words["es"][:2])) == "es"
    assert language_of(" ".join((*words["es"][:2], *words["de"][:2]))) == ""
    assert language_of(" ".join((*words["es"][:3], *words["de"][:2]))) == "es"
    assert language_of(words["es"][0]) == ""


def others(tag: str) -> set[str]:
    """The common words of every other language."""
    return {word for other, row in tables().items() if other != tag for word in row.common}


def test_a_dot_behind_a_wording_of_ours_changes_nothing() -> None:
    """The program's footer stays first, and shorter ones of its language may stand in for it."""
    plain = tables()["en"].footers[0]
    assert candidates(f"{plain}.", "en") == (f"{plain}.", *tables()["en"].footers[1:])
    assert candidates(f"{plain}!", "es") == tables()["es"].footers


def test_words_that_are_no_way_out_are_left_as_they_are() -> None:
    """What a program wrote without saying how to stop is in no language we could leave."""
    assert candidates("Come and see us", "es") == ("Come and see us",)


def test_a_word_after_a_harmless_one_is_found_where_it_stands() -> None:
    """Food with the word in its name is passed over, and places behind it do not shift."""
    text = "Penne alla vodka with wine"
    assert [text[slice(*span)] for _, _, span in shaft(text)] == ["wine"]


@pytest.mark.parametrize(
    ("text", "heavy"), [("In our shop 20%", True), ("In our house 20%", False), ("20% shop", True)]
)
def test_what_weighs_just_enough_is_marketing(text: str, heavy: bool) -> None:
    """A percentage anywhere and a word that alone says little are enough together, and neither alone."""
    assert bool(marketing(text)) is heavy


def test_the_longest_name_is_blanked_first() -> None:
    """A brand that begins like another name is taken out whole."""
    names = ("ACME", "ACME BEANS", " ", "")
    assert blanked("ACME BEANS and acme", names) == " " * 10 + " and " + " " * 4


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("Hi [NAME], sale", "[NAME]"),
        ("An [OFFER] for you", "[OFFER]"),
        ("Hi {{ name", "{{ name"),
        ("name }} sale", "}}"),
        ("Total: NaN", "NaN"),
        ("Hi %NAME%", "%NAME%"),
        ("Hi <LINK>", "<LINK>"),
        ("Your code: None", "None"),
        ("undefined, your table", "undefined"),
        ("Pay $null", "null"),
    ],
)
def test_one_sign_of_an_open_field_is_enough(text: str, field: str) -> None:
    """A text that holds nothing but one brace, bracket, percent sign or empty value of a field is found out."""
    assert [text[slice(*span)] for span in unfilled(text)] == [field]


@pytest.mark.parametrize(
    ("tag", "row"),
    [
        ("no", "nb"), ("nn-NO", "nb"), ("tl-PH", "fil"), ("iw", "he"), ("in-ID", "id"), ("zh-Hant", "zh-hant"),
        ("zh-TW", "zh-hant"), ("zh_HK", "zh-hant"), ("zh-MO", "zh-hant"), ("zh-CN", "zh"), ("xx", ""),
    ],
)  # fmt: skip
def test_a_tag_leads_to_the_row_of_its_language(tag: str, row: str) -> None:
    """Older names, both Norwegians and the places of traditional letters are known; what has no row has none."""
    assert language(tag) == row
