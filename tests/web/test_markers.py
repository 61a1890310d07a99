"""Whatever people, files and phones write: it stands on the pages as they wrote it, and never as part of the page."""

from collections.abc import Iterator

import pytest
from sqlalchemy import String, Table, text, update
from sqlmodel import AutoString, Session, SQLModel

from sender.models import Contact
from sender.models.accounts import ALL_PROGRAMS
from sender.watching import notices
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


def test_nothing_that_was_written_becomes_part_of_a_page(routes: Routes) -> None:
    """Every page of the owner with the marker in every field: it is shown, and nowhere unescaped."""
    owner = routes.visitor("owner", ALL_PROGRAMS)
    paths = {path for _, method, path in routes.all if method == "GET"} | SEEN
    pages = {path: owner.get(path, query_string={"program": "lumen"}) for path in sorted(paths)}
    assert {path: page.status_code for path, page in pages.items() if page.status_code != 200} == REFUSED
    html = {path: page for path, page in pages.items() if page.mimetype == "text/html"}
    assert [path for path, page in html.items() if OPENING in page.text] == []
    assert SEEN - {path for path, page in pages.items() if SHOWN in page.text} == set()
    with routes.house.db.write() as session:
        notices.begin(session, "spend", "warning", MARK, routes.house.clock.real())
    front = owner.get("/").text
    assert (OPENING in front, front.count(SHOWN) > pages["/"].text.count(SHOWN)) == (False, True)
