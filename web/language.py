"""The language of a page: what the reader chose, else what the browser asks for, else English.

Messages live in ``web/translations/<language>.po`` and are read from there as they are: nothing is compiled beforehand,
so that a wheel, a fresh clone and an edited file all say the same.
"""

from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale, negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, parse_decimal
from babel.support import LazyProxy, NullTranslations, Translations
from flask import Flask, g, has_request_context, request

from web import choices

CATALOGUES = Path(__file__).with_name("translations")
LANGUAGES = {"en": "English", "de": "Deutsch"}
DEFAULT = "en"
COOKIE = "language"
BELOW = "below"
"""The comment in a catalogue of what is said below the pages."""


def language() -> str:
    """The language of this request; English outside of one."""
    if not has_request_context():
        return DEFAULT
    if "language" not in g:
        chosen = choices.chosen(COOKIE)
        asked = negotiate_locale(list(request.accept_languages.values()), list(LANGUAGES), sep="-")
        g.language = chosen if chosen in LANGUAGES else asked or DEFAULT
    known: str = g.language
    return known


def message(wanted: str, text: str) -> str:
    """A sentence in a language; values are not put in."""
    said: str = _messages(wanted).gettext(text)
    return said


def gettext(text: str, **values: Any) -> str:
    """A sentence in the reader's language; ``%(name)s`` in it becomes a value where there are values."""
    said: str = _messages(language()).gettext(text)
    return said % values if values else said


def ngettext(one: str, many: str, num: int, **values: Any) -> str:
    """A sentence about ``num`` things; ``%(num)s`` is the figure with thousands apart."""
    said: str = _messages(language()).ngettext(one, many, num)
    return said % {"num": figure(num), **values}


def later(text: str) -> str:
    """A sentence of a table made before anybody asks: it finds its language each time it is shown."""
    said: Any = LazyProxy(gettext, text, enable_cache=False)
    told: str = said
    return told


def figure(number: int) -> str:
    """A figure with thousands apart, as the reader's language writes it."""
    written: str = format_decimal(number, locale=language())
    return written


def number(value: float | Decimal, pattern: str = "#,##0.####") -> str:
    """A number with its fraction, as the reader's language writes it."""
    written: str = format_decimal(value, pattern, locale=language())
    return written


def typed_number(text: str) -> Decimal:
    """What somebody typed as a number in their language; ValueError where that could be read in two ways, or none.

    "12,50" is twelve and a half in German; in English, where a comma parts thousands, it is a slip and no 1250.
    """
    typed: Decimal = parse_decimal(text, locale=language(), strict=True)
    if not typed.is_finite():
        raise ValueError(text)
    return typed


def country(code: str) -> str:
    """The name of a country in the reader's language; its code where it has none."""
    name: str = Locale(language()).territories.get(code, code)
    return name


def tongue(code: str) -> str:
    """The name of a language in the reader's own; its code where it has none."""
    name: str = Locale(language()).languages.get(code.replace("_", "-").partition("-")[0].lower(), code)
    return name


def translate_pages(app: Flask) -> None:
    """Give templates ``_`` and ``ngettext``; values are put in and escaped by Jinja, so "%" is written twice."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    i18n: Any = app.jinja_env
    i18n.install_gettext_callables(
        lambda text: _messages(language()).gettext(text),
        lambda one, many, num: _messages(language()).ngettext(one, many, num),
        newstyle=True,
    )
    app.jinja_env.globals.update(language=language, languages=LANGUAGES)


@cache
def below(wanted: str) -> frozenset[str]:
    """The messages of a language that are said below the pages (web/sayings.py)."""
    return frozenset(str(one.id) for one in _catalogue(wanted) if BELOW in one.auto_comments)


@cache
def _messages(wanted: str) -> NullTranslations:
    """The messages of a language; English speaks for itself."""
    if wanted == DEFAULT:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, _catalogue(wanted))
    compiled.seek(0)
    return Translations(compiled)


@cache
def _catalogue(wanted: str) -> Catalog:
    with (CATALOGUES / f"{wanted}.po").open("rb") as lines:
        return read_po(lines, locale=wanted)
