"""Short links: one for each recipient, true in length, leading only to what stood in the text, and counted honestly."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from sender.audience.segments import count_contacts, parse, where
from sender.campaigns import control
from sender.campaigns.control import CampaignIn, ControlError, VariantIn
from sender.campaigns.figures import Asked, figures
from sender.campaigns.parts import count
from sender.campaigns.planner import plan_slice
from sender.campaigns.rehearsal import rehearse
from sender.campaigns.short_links import LinkRefused, switch_off, switch_on
from sender.clicks import EARLY, MOST_KEPT, Gone, Visit, follow
from sender.crypto import unseal
from sender.models import Click, Message, Number, Program, ShortLink
from tests.installation import TUESDAY, Installation, install

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"
DAY = timedelta(days=1)
SHORT = re.compile(r"https://sms\.example\.org/l/([A-Za-z0-9]{9})")


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation with a public name, whose program counts clicks on its own domain."""
    made = install(tmp_path / "home", database_url, public_url="https://sms.example.org")
    with made.runtime.db.write() as session:
        program = session.get_one(Program, made.program_id)
        program.privacy_url, program.domains = "https://acme.example/privacy", ["acme.example"]
    switch_on(made.runtime, "acme", 30, True, "ann")
    yield made
    made.runtime.db.close()


def planned(installation: Installation, template: str, people: int = 2) -> list[str]:
    """The texts of a running campaign with this template, planned."""
    for place in range(people):
        installation.contact(f"+1212555{100 + place:04}")
    defaults = {"place": None} if "{{ place }}" in template else {}
    wanted = CampaignIn("Spring sale", "acme", [VariantIn("all", {}, template, defaults)])
    campaign_id = control.create(installation.runtime, wanted, "ann")
    found = rehearse(installation.runtime, campaign_id)
    control.schedule(installation.runtime, campaign_id, None, "ann")
    control.start_due(installation.runtime)
    while plan_slice(installation.runtime, campaign_id):
        pass
    texts = [text for text, row in messages(installation) if row.status == "pending"]
    if texts:
        assert found.parts == sum(count(text).parts for text in texts)
        assert len(found.worst_text) == max(map(len, texts))
    return texts


def messages(installation: Installation) -> list[tuple[str, Message]]:
    """Every text with its row."""
    with installation.runtime.db.read() as session:
        rows = session.execute(select(Message, Number.data_key).join(Number)).all()
        keys = installation.runtime.keys
        return [(unseal(keys.unwrap(key), row.text_cipher).decode(), row) for row, key in rows if row.text_cipher]


def handed_over(installation: Installation) -> None:
    """Say of every text that it left now."""
    with installation.runtime.db.write() as session:
        for row in session.execute(select(Message)).scalars():
            row.status, row.sent_at = "delivered", installation.clock.now()


def visit(token: str, agent: str = PHONE, method: str = "GET", ahead: bool = False) -> Visit:
    """One request for a link."""
    return Visit(token, method, agent, ahead)


def test_each_recipient_has_a_link_of_their_own(installation: Installation) -> None:
    """The words are shortened with the length that was rehearsed, and each link leads to what the text said."""
    texts = planned(installation, "Sale: acme.example/spring?from=text until Sunday, https://acme.example/map.")
    tokens = [SHORT.findall(text) for text in texts]
    assert [len(found) for found in tokens] == [2, 2]
    assert len({token for found in tokens for token in found}) == 4
    assert "acme.example/spring" not in texts[0]
    assert texts[0].endswith("until Sunday, https://sms.example.org/l/" + tokens[0][1] + ".\nReply STOP to opt out")
    utm = "utm_source=tactful&utm_medium=sms&utm_campaign=Spring%20sale"
    for first, second in tokens:
        assert follow(installation.runtime, visit(first)) == f"https://acme.example/spring?from=text&{utm}"
        assert follow(installation.runtime, visit(second)) == f"https://acme.example/map?{utm}"


def test_a_target_off_the_domains_is_refused_by_its_own_name(installation: Installation) -> None:
    """A short link does not hide where it leads: the guard sees the true address, and no link row is made."""
    with pytest.raises(ControlError, match=r"evil\.example"):
        planned(installation, "Sale: evil.example/spring", people=1)
    installation.contact("+13105550123", attributes={"place": "evil.example/spring"})
    planned(installation, "Sale: {{ place }}", people=0)
    with installation.runtime.db.read() as session:
        reasons = session.execute(select(Message.reason)).scalars().all()
        assert sorted(map(str, reasons)) == ["content_link_elsewhere", "render_error"]
        assert session.execute(select(ShortLink)).all() == []


@pytest.mark.parametrize(("agent", "method", "ahead", "why"), [
    (PHONE, "GET", False, ""),
    (PHONE, "HEAD", False, "head"),
    (PHONE, "GET", True, "agent"),
    ("", "GET", False, "agent"),
    ("facebookexternalhit/1.1 Facebot Twitterbot/1.0", "GET", False, "agent"),
    ("WhatsApp/2.23.20 A", "GET", False, "agent"),
    ("curl/8.5.0", "GET", False, "agent"),
    ("Mozilla/5.0 (compatible; bingbot/2.0)", "GET", False, "agent"),
    ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "GET", False, ""),
])  # fmt: skip
def test_only_people_are_counted(
    tmp_path: Path, sqlite_url: str, agent: str, method: str, ahead: bool, why: str
) -> None:
    """Previews and programs are led on like everybody, and noted with the reason why they count for nothing."""
    installation = install(tmp_path / "home", sqlite_url, public_url="https://sms.example.org")
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).privacy_url = "https://acme.example/privacy"
    switch_on(installation.runtime, "acme", 30, False, "ann")
    (token,) = SHORT.findall(planned(installation, "Sale: acme.example/x", people=1)[0])
    handed_over(installation)
    installation.clock.move(EARLY - timedelta(seconds=1))
    assert follow(installation.runtime, visit(token, agent, method, ahead)) == "https://acme.example/x"
    installation.clock.move(timedelta(seconds=2))
    assert follow(installation.runtime, visit(token, agent, method, ahead)) == "https://acme.example/x"
    with installation.runtime.db.read() as session:
        noted = session.execute(select(Click.not_counted).order_by(Click.id)).scalars().all()
    assert noted == [why or "early", why]
    installation.runtime.db.close()


def test_clicks_stand_in_reports_and_segments(installation: Installation) -> None:
    """Two clicks of one person are one clicked text; who clicked within days is found, and who did not."""
    tokens = [SHORT.findall(text)[0] for text in planned(installation, "Sale: acme.example/x", people=3)]
    handed_over(installation)
    installation.clock.move(timedelta(hours=1))
    for token in (tokens[0], tokens[0], tokens[1]):
        follow(installation.runtime, visit(token))
    follow(installation.runtime, visit(tokens[2], "curl/8"))
    with installation.runtime.db.read() as session:
        (line,) = figures(session, Asked("variant", TUESDAY - DAY, TUESDAY + DAY))
        assert (line.clicked, line.left) == (2, 3)
        dialect = session.get_bind().dialect.name

        def found(definition: dict[str, object], after: timedelta) -> int:
            return count_contacts(session, where(parse(definition), installation.clock.now() + after, dialect))

        clicked = {"field": "last_click_at", "within_days": 7}
        assert [found(clicked, DAY), found({"not": clicked}, DAY), found(clicked, 8 * DAY)] == [2, 1, 0]


def test_a_link_ends_and_leads_nowhere_else(installation: Installation) -> None:
    """Unknown tokens are nothing, old ones and those of erased people are over, and visits are not kept for ever."""
    (token,) = SHORT.findall(planned(installation, "Sale: acme.example/x", people=1)[0])
    assert follow(installation.runtime, visit("https://evil.example")) is None
    assert follow(installation.runtime, visit(token.swapcase())) is None
    for _ in range(MOST_KEPT + 2):
        follow(installation.runtime, visit(token, "curl/8"))
    with installation.runtime.db.read() as session:
        assert len(session.execute(select(Click.id)).all()) == MOST_KEPT
    installation.clock.move(31 * DAY)
    with pytest.raises(Gone):
        follow(installation.runtime, visit(token))
    installation.clock.move(-2 * DAY)
    with installation.runtime.db.write() as session:
        session.execute(select(Number)).scalar_one().data_key = b""
    with pytest.raises(Gone):
        follow(installation.runtime, visit(token))


def test_it_is_off_until_it_is_disclosed(installation: Installation, tmp_path: Path) -> None:
    """Switched off, words stay as they are; without a privacy notice or a public name it cannot be switched on."""
    switch_off(installation.runtime, "acme", "ann")
    assert planned(installation, "Sale: acme.example/x", people=1)[0].startswith("Sale: acme.example/x")
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).privacy_url = ""
    with pytest.raises(LinkRefused, match="privacy_url"):
        switch_on(installation.runtime, "acme", 30, False, "ann")
    nameless = install(tmp_path / "other", f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(LinkRefused, match="TACTFUL_PUBLIC_URL"):
        switch_on(nameless.runtime, "acme", 30, False, "ann")
    nameless.runtime.db.close()
