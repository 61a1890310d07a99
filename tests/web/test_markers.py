"""Whatever people, files and phones write: it stands on the pages as they wrote it, and never as part of the page."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from sqlalchemy import String, Table, text, update
from sqlmodel import AutoString, Session, SQLModel
from werkzeug.test import TestResponse

from guards.rules import showing
from sender.models import Contact
from sender.models.accounts import ALL_PROGRAMS
from sender.watching import notices
from tests.web.conftest import START
from tests.web.full_house import furnished
from tests.web.test_matrix import Routes

MARK = """<img src=x alt="m'&m">"""
OPENING, SHOWN = "<img src=x", "&lt;img src=x"
# Columns whose words are ours: states, kinds, codes, names that are looked up. All others are free text.
OURS = (
    "status kind purpose state reason severity key epoch token sid token_hash code_hash public_id secret_hash outcome "
    "password_hash guard verdict door level source answers language region zone country line_type intent decision "
    "opt_out_scope outside_hours over_cap day holder local_start told approved_as review file_hash place area_code "
    "audience_at drawn "
    "address slug email source_ref action idempotency_key came_by owner actor reviewed matched"
)
# Where the marker must be seen, so that the walk is known to have met it: a page for each kind of writer.
SEEN = {
    "/", "/campaigns", "/campaigns/1", "/campaigns/6/edit/text", "/campaigns/6/edit/basics", "/segments", "/segments/1",
    "/contacts/1", "/contacts/1/edit", "/inbox", "/inbox/1", "/inbox/review", "/inbox/answers", "/imports",
    "/imports/4", "/campaigns/6/edit/test", "/campaigns/3", "/audit", "/users",
}  # fmt: skip
# A file that was not taken in has nothing to undo; everything else has a page.
REFUSED = {"/imports/3/undo": 409}


def mark(session: Session) -> None:
    """Put the marker behind a number of its own into every column of free text that is filled, ledgers included."""
    for trigger in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        session.execute(text(f"DROP TRIGGER {trigger}"))
    for table in SQLModel.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, AutoString) and column.name not in OURS.split() and not column.foreign_keys:
                session.execute(update(table).where(column != "").values({column.name: _own(table) + MARK}))
    session.execute(update(Contact).values(attributes={"first_name": MARK, MARK: MARK, "tier": f"{MARK}gold"}))


def _own(table: Table) -> object:
    return next(iter(table.primary_key.columns)).cast(String)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routes]:
    """A furnished house where everybody has written the marker, wherever they could."""
    with furnished(tmp_path_factory.mktemp("marked"), MARK) as made:
        with made.db.write() as session:
            mark(session)
        yield Routes(made)


@pytest.fixture(scope="module")
def owner(routes: Routes) -> FlaskClient:
    """The owner's browser."""
    return routes.visitor("owner", ALL_PROGRAMS)


@pytest.fixture(scope="module")
def pages(routes: Routes, owner: FlaskClient) -> dict[str, TestResponse]:
    """Every page as the owner sees it, in English."""
    paths = {path for _, method, path in routes.all if method == "GET"} | SEEN
    return {path: owner.get(path, query_string={"program": "lumen"}) for path in sorted(paths)}


def test_nothing_that_was_written_becomes_part_of_a_page(
    routes: Routes, owner: FlaskClient, pages: dict[str, TestResponse]
) -> None:
    """Every page of the owner with the marker in every field: it is shown, and nowhere unescaped."""
    assert {path: page.status_code for path, page in pages.items() if page.status_code != 200} == REFUSED
    html = {path: page for path, page in pages.items() if page.mimetype == "text/html"}
    assert [path for path, page in html.items() if OPENING in page.text] == []
    assert SEEN - {path for path, page in pages.items() if SHOWN in page.text} == set()
    with routes.house.db.write() as session:
        notices.begin(session, "spend", "warning", MARK, routes.house.clock.real())
    front = owner.get("/").text
    assert (OPENING in front, front.count(SHOWN) > pages["/"].text.count(SHOWN)) == (False, True)


class Seen(HTMLParser):
    """Collects what a page says, line by line; what stands in ``code`` is for machines."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: set[str] = set()
        self._silent = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """What is read aloud, or shown while a field is empty, counts as well."""
        self._silent += tag in SILENT
        self.said |= {value for name, value in attrs if value and name in ("aria-label", "title", "placeholder", "alt")}

    def handle_endtag(self, tag: str) -> None:
        """Out of what is silent."""
        self._silent -= tag in SILENT

    def handle_data(self, data: str) -> None:
        """Whatever stands between two tags."""
        if not self._silent:
            self.said.add(" ".join(data.split()))


# Codes, what a machine is handed, what people wrote, and the fields and names among which somebody chooses.
SILENT = ("code", "pre", "script", "style", "textarea", "option", "blockquote")
SAME = {
    "the same word in both languages": r"Automation|Browser|Budget|Code|CSV|Installation|Marketing|Name|Passkeys|"
    r"Simulator|Start|Status|Text|Webhooks?|Tactful|US Letter|[A-Z]+|phone",
    "names of people, places, programs, forms, and attributes of people": r"Alameda|Oakland|Join the summer club|lumen|"
    r"Tier|tier|city:|(<img|1<IMG SRC=X).*|[\w.@]+\.example(\.org)?",
    "addresses, codes and hashes": r"/join/[a-z-]+|http://\S+|[a-z]+[._][a-z0-9]+|SHA-256 \w+|owner0@example\.org",
    "what people receive or read on paper": r": .*|Lumen & Co: .*|Text SUMMER .*",
    "the law, which is quoted": r"47 CFR .*|eCFR .*|FCC rule .*|Local time .*|as soon as .*|none in federal .*|"
    r"prior express .*",
    "the audit, which is kept as it was written": r"(by|kind|name|slug): .*",
    "pieces of the marker, where a text is cut to compare it": r"\d?<?img( src=x .*)?|src=x .*|alt=.*",
}


def test_no_page_speaks_english_to_germans(owner: FlaskClient, pages: dict[str, TestResponse]) -> None:
    """What a page says in German differs from what it says in English, but for data and words that are the same."""
    alike: dict[str, str] = {}
    for path, page in pages.items():
        if page.mimetype == "text/html":
            german = owner.get(path, query_string={"program": "lumen"}, headers={"Accept-Language": "de"})
            both = Seen(page.text).said & Seen(german.text).said
            alike |= {words: path for words in both if re.search("[A-Za-z]{3}", words) and OPENING not in words}
    places = (re.escape(place["name"]) for place in showing.listed(START.date()))
    same = re.compile("|".join((*SAME.values(), *places)))
    english = {words: path for words, path in alike.items() if not same.fullmatch(words.removesuffix(" · Tactful"))}
    assert english == {}
