"""What looking at a page costs: no page asks the database more than fifteen times, however much there is to show."""

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.links import opt_out_token
from sender.audience.opt_in_forms import FormIn, keep
from sender.crypto import seal
from sender.models import Campaign, Conversation, Number, Reply, Segment
from sender.runtime import Runtime
from tests.browser.uploaded import bring_files
from tests.browser.world import fill, keep_texts
from tests.web.conftest import START, log_in
from tests.web.walking import MOST_QUERIES, addresses, counted

BUSIEST = "Spring sale"
FINE = frozenset({200, 303, 404, 409})
"""Pages, ways to others, and what is not there or not possible now, each with its own sentence."""
FURTHER = (
    "/contacts?number=%2B12125550100",
    "/contacts?standing=in&sort=-added",
    "/contacts?place=US-NY&language=en&sort=id",
    "/campaigns?status=running&sort=name",
    "/imports?sort=name",
    "/inbox?show=all",
    "/reports?by=campaign",
    "/audit?action=campaign",
)
"""Lists as people filter and sort them."""


def test_no_page_asks_more_than_fifteen_times(
    app: Flask, runtime: Runtime, client: FlaskClient, add_user: Callable[..., int]
) -> None:
    """Every page there is, with hundreds of rows behind it; one that is added is walked as well."""
    known = seeded(runtime)
    add_user()
    assert log_in(client).status_code == 303
    asked, failed = {}, {}
    for name, path in [*addresses(app, known).items(), *((path, path) for path in FURTHER)]:
        with counted(runtime) as statements:
            answer = client.get(path)
        if len(statements) > MOST_QUERIES:
            asked[name] = len(statements)
        if answer.status_code not in FINE:
            failed[name] = answer.status_code
    assert asked == {}
    assert failed == {}


def seeded(runtime: Runtime) -> dict[str, object]:
    """People, campaigns, imports and a conversation; a value for every argument of an address."""
    with runtime.db.write() as session:
        fill(session, runtime)
        campaign_id = session.execute(select(col(Campaign.id)).where(col(Campaign.name) == BUSIEST)).scalar_one()
        segment_id = session.execute(select(col(Segment.id)).limit(1)).scalar_one()
        for number_id in range(1, 31):
            session.add(Conversation(number_id=number_id, program_id=1, unread=2, last_at=START))
        for place in range(30):
            session.add(_reply(runtime, session, place))
    keep_texts(runtime)
    bring_files(runtime, 1)
    form_id = keep(runtime, FormIn("spring", 1, "Be the first to know", "offers", countries=("US",)), "ana")
    token = opt_out_token(runtime.keys, 1, 1)
    return {
        "campaign_id": campaign_id,
        "number_id": 1,
        "segment_id": segment_id,
        "import_id": 3,
        "form_id": form_id,
        "program_id": 1,
        "template_id": 1,
        "slug": "spring",
        "code": "US-NY",
        "switch": "close",
        "change": "loosen",
        "country": "US",
        "which": "suppressed",
        "token": token,
    }


def _reply(runtime: Runtime, session: Session, place: int) -> Reply:
    """One of many replies, every third of which waits for a judgement."""
    number = session.get_one(Number, 1 + place)
    cipher = seal(runtime.keys.unwrap(number.data_key), b"is this shop open")
    state = "review" if place % 3 else "done"
    at = START + timedelta(minutes=place)
    return Reply(
        sid=f"SM{place:032}", number_id=number.id or 0, program_id=1, body_cipher=cipher, intent="none", certain=True,
        language="en", matched_cipher=cipher, state=state, received_at=at, review_by=at,
    )  # fmt: skip
