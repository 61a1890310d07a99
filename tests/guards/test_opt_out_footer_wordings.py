"""Footer: in the text's language, no longer than it must be, never twice, and with words that we read as a stop."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards import opt_out_footer, sizes, ways_out
from guards.base import Allow, Draft, Purpose
from guards.ways_out import tables
from sender.audience import intent
from sender.campaigns import parts
from tests.guards.people import MONDAY_NOON, POLICY, facts

OWN = "Reply STOP to opt out"
LINK = "https://t.acme.example/o/abc"
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=200)
EVERY_FOOTER = [(tag, one) for tag, row in tables().items() for one in row.footers]


def sent(text: str, language: str = "", known: dict[str, Any] | None = None, **policy: Any) -> str:
    """The text as it leaves, with this program and these facts."""
    policy = {"footer": OWN, **policy}
    asked = facts(policy=replace(POLICY, **policy), **(known or {}))
    verdict = opt_out_footer.check(Draft(text, Purpose.MARKETING, language=language), asked)
    assert isinstance(verdict, Allow)
    return verdict.draft.text if verdict.draft else text


@pytest.mark.parametrize(("tag", "footer"), EVERY_FOOTER)
def test_every_word_we_ask_for_is_read_as_a_sure_stop(tag: str, footer: str) -> None:
    """Whoever sends back the capital or native word that a footer names is opted out without a second look."""
    words = [word.strip(".,:") for word in footer.replace("退订请回复", "").replace("退订回", "").split()]
    words += [found for found in ("STOP", "TD") if found in footer]
    said = [word for word in words if intent.read(word).intent == "opt_out" and intent.read(word).certain]
    assert said, f"{tag}: {footer}"


@pytest.mark.parametrize(("tag", "footer"), EVERY_FOOTER)
def test_every_wording_is_recognised(tag: str, footer: str) -> None:
    """A text that carries any of our wordings gets no second footer, whatever the program's own is."""
    del tag
    assert sent(f"Acme: beans.\n{footer}") == f"Acme: beans.\n{footer}"


@pytest.mark.parametrize(
    "said",
    [
        "reply stop to end",
        "Text STOP to 12345",
        "text stop to quit",
        "Envoyez STOP au 36123",
        "STOP au 36xxx",
        "STOPSMS 36123",
        "Para parar envía STOP",
        "Para no recibir más SMS envía BAJA",
        "Reply HELP for help, STOP to stop.",
        "Txt STOP 2 end",
        "STOP=end",
        "Opt-out: STOP",
        "To opt out, reply 'STOP'",
        "Zum Abmelden STOP senden",
        "Antworte mit STOPP",
        "Rispondi STOP per annullare",
        "Odpisz STOP, aby zrezygnować",
        "END to quit",
        "Reply CANCEL to unsubscribe",
        "REVOKE: no recibir",
        "QUIT to optout",
        "STOP to optout",
        "STOP for at afmelde",
        "Reply with STOP.",
        "Répondez : STOP.",
        "Svara STOPP så slutar vi",
        "Optout: reply TD",
        "Відписка: СТОП",
        "TD for at afmelde",
        "svar stopp å avslutte",
        "Svara stopp.",
        "Send TD så stopper vi",
        "Optout: TD",
        "Optout: QUIT",
        "Leiratkozás: STOP",
        "Відписатися: STOP",
        "Отписаться: STOP",
        "Reply QUIT to quit.",
    ],
)
def test_other_peoples_words_count_too(said: str) -> None:
    """A text that tells its way out in its own words gets no second one."""
    assert sent(f"Acme: beans. {said}") == f"Acme: beans. {said}"


@pytest.mark.parametrize(
    "unsaid",
    [
        "Stop by our shop today",
        "Text your friends to stop by",
        "Our buses text stop times",
        "Reply CANCEL to cancel your table",
        "Don't reply STOP",
        "Unsubscribe from boredom",
        "BAJA fresh tacos, 2 for 1",
        "STOP scrolling! Sale",
        "STOP! 20% off",
        "Reply YES to confirm",
    ],
)
def test_a_stop_that_is_no_way_out_does_not_count(unsaid: str) -> None:
    """The word alone, or with another meaning, leaves the footer due."""
    assert sent(f"Acme: {unsaid}") == f"Acme: {unsaid}\n{OWN}"


@pytest.mark.parametrize(
    ("text", "language", "leaves"),
    [
        ("Acme: Rebajas hoy en tu tienda", "", "Responde BAJA para cancelar"),
        ("Acme: Hola Eva", "es-MX", "Responde BAJA para cancelar"),
        ("Acme: les soldes et vos remises", "", "Répondez STOP pour vous désinscrire"),
        ("Acme: 20% auf alles, nur heute bei uns", "", "Antworten Sie STOP zum Abmelden"),
        ("Acme: promoções hoje em sua loja", "pt-BR", "Responda SAIR para cancelar"),
        ("Acme: скидки сегодня", "", "Отписаться: ответьте СТОП"),
        ("Acme 特卖今天开始", "zh-CN", "退订请回复TD"),
        ("Acme 特賣今天開始", "zh-TW", "退訂請回覆STOP"),
        ("Acme: New beans are in.", "", OWN),
        ("Acme: qo' vIvan", "tlh", OWN),
        ("Acme: Hola", "", OWN),
    ],
)
def test_the_way_out_is_in_the_language_of_the_text(text: str, language: str, leaves: str) -> None:
    """Declared or told by its words, the text's language decides; where that is not clear the program's own serves."""
    assert sent(text, language) == f"{text}\n{leaves}"


def test_the_programs_own_footer_wins_in_its_own_language() -> None:
    """What the program wrote itself is never replaced in its language, not even to save a part."""
    own = "Responde STOP para salir de Acme, Calle Mayor 1, Madrid"
    assert sent("Acme: Rebajas hoy en tu tienda", footer=own).endswith(own)
    assert sent("Acme: " + "rebajas hoy en tu tienda " * 6, footer=own).endswith(own)
    assert sent("Acme: The sale is on for you", footer=own).endswith(OWN)


def test_the_shortest_wording_that_keeps_the_part_count() -> None:
    """The full wording goes where it costs nothing, a shorter one where the full one would cost a part more."""
    assert sent("Acme: " + "x" * 130).endswith(OWN)
    assert sent("Acme: " + "x" * 134).endswith("\nReply STOP to end")
    assert sent("Acme: " + "x" * 140).endswith("\nSTOP to end")
    assert parts.count(sent("Acme: " + "x" * 140)).parts == 1
    assert sent("Acme: " + "x" * 160).endswith(OWN)


@pytest.mark.parametrize(("language", "leaves"), [("es", f"Baja: {LINK}"), ("en", f"Stop: {LINK}")])
def test_where_nobody_can_reply_only_a_link_or_a_number_counts(language: str, leaves: str) -> None:
    """A from_number that cannot receive adds its link, also behind "Reply STOP", in the language of the text."""
    text = "Acme: Reply STOP to opt out"
    assert sent(text, language, footer=f"Stop: {LINK}") == f"{text}\n{leaves}"
    assert sent(f"{text}\n{leaves}", language, footer=f"Stop: {LINK}") == f"{text}\n{leaves}"
    assert sent("Acme: STOP au 36123", language, footer=f"Stop: {LINK}") == "Acme: STOP au 36123"


def test_a_country_with_its_own_refusal_line_gets_that() -> None:
    """The line the program has for France stands in French texts for the footer, and elsewhere does not."""
    refusals = {"FR": "STOP au 36123"}
    assert sent("Acme: soldes", known={"country": "FR"}, refusals=refusals) == "Acme: soldes\nSTOP au 36123"
    both = "Acme: soldes. Reply STOP to opt out"
    assert sent(both, known={"country": "FR"}, refusals=refusals) == f"{both}\nSTOP au 36123"
    assert sent("Acme: sale", refusals=refusals) == f"Acme: sale\n{OWN}"


@pytest.mark.parametrize(
    ("country", "days_ago", "ends_in", "due"),
    [
        ("US", None, 0, True),
        ("US", 6, 0, False),
        ("US", 7, 0, True),
        ("US", 7, -1, True),
        ("US", 5, 2, True),
        ("US", 5, 1, False),
        ("US", 1, None, True),
        ("CA", 6, 0, True),
        ("FR", 1, 0, True),
    ],
)
def test_every_so_many_days_where_no_law_asks_for_more(
    country: str, days_ago: int | None, ends_in: int | None, due: bool
) -> None:
    """In the United States the way out is due every seven days, reckoned to the text's end, elsewhere always."""
    last = None if days_ago is None else MONDAY_NOON - timedelta(days=days_ago)
    ends_at = None if ends_in is None else MONDAY_NOON + timedelta(days=ends_in)
    known: dict[str, Any] = {"country": country, "last_footer_at": last, "ends_at": ends_at}
    text = sent("Beans.", known=known, footer_every_days=7)
    assert text == ("Acme: Beans." + (f"\n{OWN}" if due else ""))


def test_the_brand_goes_behind_a_label() -> None:
    """A country's label stays the very first thing in the text."""
    assert sent("[QC] Beans.") == f"[QC] Acme: Beans.\n{OWN}"
    assert sent("(광고) Beans.").startswith("(광고) Acme: Beans.")


@given(TEXTS, st.sampled_from([*tables(), "", "xx"]), st.sampled_from([OWN, f"Stop: {LINK}", "Acme. BAJA para salir"]))
def test_no_second_footer_in_any_language(text: str, language: str, footer: str) -> None:
    """Whatever text and language, the guard changes nothing in its own output, declared language or not."""
    once = sent(text, language, footer=footer)
    assert sent(once, language, footer=footer) == once
    assert sent(once, "", footer=footer) == once


@given(TEXTS, st.sampled_from(list(tables())))
def test_the_worst_case_counts_the_longest_footer(text: str, language: str) -> None:
    """No wording that may be chosen takes more parts than the worst case says."""
    worst = opt_out_footer.worst(text, "Acme", OWN, language)
    assert sizes.parts(worst) >= sizes.parts(sent(text, language))
    assert parts.count(worst).parts >= parts.count(sent(text, language)).parts - 1


@given(TEXTS)
def test_the_guards_count_is_never_below_the_bill(text: str) -> None:
    """For texts of GSM-7 the guards' own count of parts is the exact one or, with extension characters, above it."""
    exact = parts.count(text)
    if exact.encoding == "GSM-7":
        assert exact.parts <= sizes.parts(text) <= exact.parts + 1


def test_tags_are_read_as_people_write_them() -> None:
    """Regions, scripts, cases and old codes lead to one row; unknown tags to none."""
    tags = {"pt-BR": "pt", "zh_TW": "zh-hant", "zh-Hans": "zh", "NO": "nb", "iw": "he", "tlh": "", "": ""}
    assert {tag: ways_out.language(tag) for tag in tags} == tags


def test_every_single_day_is_not_every_text() -> None:
    """With one day in between, the second text of a day goes without the way out."""
    known = {"last_footer_at": MONDAY_NOON - timedelta(hours=12), "ends_at": MONDAY_NOON}
    assert sent("Beans.", known=known, footer_every_days=1) == "Acme: Beans."


def test_the_worst_case_is_the_fullest_wording_and_the_best_the_shortest_that_spares_a_part() -> None:
    """Where the full footer begins a second part the text leaves with a shorter one, and the worst case counts it."""
    text = f"Acme: {'x' * 135}"
    assert opt_out_footer.worst(text, "Acme", OWN) == f"{text}\n{OWN}"
    best = opt_out_footer.worded(text, "Acme", OWN)
    assert sizes.parts(best) == 1
    assert best.removeprefix(f"{text}\n") in tables()["en"].footers


def test_words_without_a_declared_language_tell_it() -> None:
    """Spanish words get the Spanish wording, in the best case and in the worst."""
    text = "Acme: hoy los zapatos para la familia y los amigos de la casa"
    footers = tables()["es"].footers
    assert opt_out_footer.worded(text, "Acme", OWN).removeprefix(f"{text}\n") in footers
    assert opt_out_footer.worst(text, "Acme", OWN).removeprefix(f"{text}\n") in footers


def test_a_footer_alone_has_no_empty_line_before_it() -> None:
    """A text without words is its footer, where that names the brand."""
    assert opt_out_footer.worded("", "Acme", "Acme. Txt STOP to end it") == "Acme. Txt STOP to end it"


def test_the_brand_takes_the_place_of_blanks_before_the_words() -> None:
    """One blank stands between the brand and the words, however many there were."""
    assert opt_out_footer.branded("   Beans. ", "Acme") == "Acme: Beans. "
