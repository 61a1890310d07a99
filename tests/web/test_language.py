"""The pages in other languages: complete, with the same values in each sentence, and nothing left out of them."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask.testing import FlaskClient
from jinja2 import Environment, nodes

from tests.project.trees import ROOT
from tests.web.conftest import submit
from web.language import BELOW, CATALOGUES, LANGUAGES

TEMPLATES = sorted((ROOT / "web" / "templates").rglob("*.html"))
VALUES = re.compile(r"%\(\w+\)s|</?\w+>|\{\w+\}|%%")
WORD = re.compile(r"[A-Za-z]{2,}")
# Names, and what a machine reads.
NO_ENGLISH = re.compile(
    r"\b(Tactful|API|UTC|SHA-256|openapi\.json|US Letter|CSV|join|tactful_\w+)\b"
    # A tag with a part in a block is no tag to the parser.
    r"|[\w-]+=\"[^\"]*\">?|iframe|width=.*"
)
SEEN = {"aria-label", "title", "placeholder", "alt", "label"}
# Which arguments of a macro a person reads.
READ = {
    "page_head": (0, 1, 3), "card": (0, 1), "empty": (1, 2), "badge": (0,), "row": (0, 1), "field": (1,),
    "area": (1,), "choice": (1,), "radios": (1,), "tick": (1, 3), "progress": (2,), "sort_head": (2,),
}  # fmt: skip
READ_BY_NAME = {"hint", "error", "label", "title", "subtitle", "back_name", "sentence"}
OTHERS = sorted(set(LANGUAGES) - {"en"})
Said = dict[str | tuple[str, ...], Any]


class Bare(HTMLParser):
    """Collects the words of a template that stand outside of every expression."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.machine = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Attributes that people see or hear count as words."""
        self.machine += tag in ("code", "script", "pre")
        for name, value in attrs:
            if name in SEEN:
                self._judge(value or "")

    def handle_endtag(self, tag: str) -> None:
        """Out of what only machines read."""
        self.machine -= tag in ("code", "script", "pre")

    def handle_data(self, data: str) -> None:
        """What stands between tags."""
        if not self.machine:
            self._judge(data)

    def _judge(self, text: str) -> None:
        if WORD.search(NO_ENGLISH.sub("", text)):
            self.found.append(text.strip())


def bare_words(source: str) -> list[str]:
    """English between tags, in attributes that are seen, and in what macros are handed."""
    env = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    page = Bare()
    page.feed("".join(value for _, kind, value in env.lex(source) if kind == "data"))
    return page.found + [one for call in env.parse(source).find_all(nodes.Call) for one in handed(call)]


def handed(call: nodes.Call) -> Iterator[str]:
    """The plain strings a macro is handed to show to people."""
    places = READ.get(call.node.name, ()) if isinstance(call.node, nodes.Name) else ()
    some = [call.args[place] for place in places if place < len(call.args)]
    some += [one.value for one in call.kwargs if places and one.key in READ_BY_NAME]
    for one in some:
        if isinstance(one, nodes.Const) and isinstance(one.value, str) and WORD.search(NO_ENGLISH.sub("", one.value)):
            yield one.value


@pytest.fixture(scope="module")
def asked() -> set[str | tuple[str, ...]]:
    """Every message that templates and views ask for."""
    methods, options = parse_mapping_cfg((ROOT / "babel.cfg").open())
    keywords = {**DEFAULT_KEYWORDS, "later": None}
    found = extract_from_dir(ROOT / "web", methods_of_web(methods), methods_options(options), keywords)
    return {message for _, _, message, _, _ in found}


def methods_of_web(methods: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The patterns of babel.cfg, which are of the whole project, as they are below web/."""
    return [(pattern.removeprefix("web/"), method) for pattern, method in methods]


def methods_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of babel.cfg by the same patterns."""
    return {pattern.removeprefix("web/"): value for pattern, value in options.items()}


def catalogue(language: str) -> Catalog:
    """The messages of a language."""
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_says_everything(language: str, asked: set[str | tuple[str, ...]]) -> None:
    """No sentence is missing, empty, fuzzy or no longer asked for; `make words` brings new ones."""
    known = {one.id: one for one in catalogue(language) if one.id}
    assert sorted(map(str, asked - known.keys())) == []
    own = {key for key, one in known.items() if BELOW not in one.auto_comments}
    assert sorted(map(str, own - asked)) == []
    strings = {key: (one.string,) if isinstance(one.string, str) else one.string for key, one in known.items()}
    assert [key for key, said in strings.items() if not all(said) or known[key].fuzzy] == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_keeps_its_values(language: str) -> None:
    """A sentence has the same values and tags in each language, and no mark that would end an attribute."""
    for one in catalogue(language):
        if not one.id:
            continue
        pairs = [(one.id, one.string)] if isinstance(one.id, str) else [(one.id[-1], said) for said in one.string]
        for english, said in pairs:
            assert sorted(VALUES.findall(said)) == sorted(VALUES.findall(english)), said
            assert '"' not in said or '"' in english, said


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: str(file.name))
def test_no_template_says_anything_by_itself(template: Path) -> None:
    """Whatever a person reads in a template goes through a catalogue."""
    assert bare_words(template.read_text()) == []


def test_english_in_a_template_is_found() -> None:
    """Words between tags, in attributes and handed to a macro are found; code and wrapped words are not."""
    source = '<p title="Hear">Say {{ _("nothing") }}</p><code>tactful up</code>{{ card("Head", _("hint")) }}'
    assert bare_words(source) == ["Hear", "Say", "Head"]


def test_pages_follow_the_reader(signed_in: FlaskClient, campaign: int) -> None:
    """The browser's language counts until the reader chooses one, and then the choice does; English is the default."""
    german = {"Accept-Language": "de-AT, en;q=0.5"}
    page = signed_in.get(f"/campaigns/{campaign}", headers=german).text
    assert '<html lang="de"' in page
    assert "Kampagnen" in page
    assert '<html lang="en"' in signed_in.get("/").text
    assert '<html lang="en"' in signed_in.get("/", headers={"Accept-Language": "eo"}).text
    assert submit(signed_in, "/account", "/language", language="de", back="/account").headers["Location"] == "/account"
    assert "Ihr Konto" in signed_in.get("/account").text
    submit(signed_in, "/account", "/language", language="", back="/account")
    assert "Your account" in signed_in.get("/account").text
    assert submit(signed_in, "/account", "/language", language="xx", back="//evil.example").headers["Location"] == "/"


def test_strangers_are_spoken_to_in_their_language(client: FlaskClient) -> None:
    """Pages without a session, and those about mistakes, follow the browser."""
    german = {"Accept-Language": "de"}
    assert "Passwort" in client.get("/login", headers=german).text
    assert "Dieser Link ist unvollständig" in client.get("/l/nothing", headers=german).text
