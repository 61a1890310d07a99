"""The checker: an innocent day passes, and each check notices the one thing it is there for."""

import sqlite3
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sender.demo import checker
from sender.demo.checker import Person, Seen

START = datetime(2027, 5, 11, 16, 0, tzinfo=UTC)
"""Noon in New York."""
ADA, BEN, CLOE, FINN = "+12125550101", "+13105550102", "+33612340001", "+442079460000"
TEXT = "Harbour Coffee: 20% off. Show WAVE20.\nReply STOP to opt out"
LINKED = "Harbour Coffee: 20% off. Show WAVE20.\nStop: http://127.0.0.1:8025/o/AAAAAQAAAAE"
AGAIN = TEXT.replace("WAVE20", "LASTCUP")
TABLES = """
CREATE TABLE message (id INTEGER PRIMARY KEY, campaign_id, number_id, reply_id);
CREATE UNIQUE INDEX one ON message (campaign_id, number_id);
CREATE TABLE attempt (id INTEGER PRIMARY KEY, message_id, token UNIQUE, sid UNIQUE, outcome);
CREATE UNIQUE INDEX live ON attempt (message_id) WHERE outcome <> 'refuted';
INSERT INTO message (campaign_id, number_id, reply_id) VALUES (1, 1, NULL);
INSERT INTO attempt (message_id, token, sid, outcome) VALUES (1, 't', 's', 'accepted');
"""


@dataclass
class Story:
    """A day of three people and a landline, told event by event."""

    seen: Seen
    sids: int = field(default=0)

    def text(self, to: str, body: str = TEXT, at: datetime = START, sender: str = "+18455550100", **fault: str) -> str:
        """A create request that the provider accepts, and its way to the phone."""
        self.sids += 1
        sid, real = f"SM{self.sids:032x}", at.timestamp()
        about = {"to": to, "body": body, "now": at.isoformat(), "real": real}
        self.add("request", request_id=sid, method="POST", arrived=real, **about)
        self.add("accepted", sid=sid, **{"from": sender}, **about)
        if fault:
            self.add("fault", sid=sid, **fault)
        self.add("status", sid=sid, status="delivered", now=at.isoformat())
        self.add("callback", sid=sid, status="delivered", http=204)
        self.add("handset", sid=sid, **{"from": sender}, **about)
        self.seen.report["messages"][sid] = "delivered"
        return sid

    def add(self, event: str, **fields: Any) -> None:
        """One line of the log."""
        self.seen.events[event].append({"event": event, **fields})

    def stop(self, person: str, at: datetime = START, body: str = "STOP") -> None:
        """A person says stop and the webhook answers at once."""
        self.add("inbound", **{"from": person}, body=body, http=200, sent_at=at.timestamp(), answered_at=at.timestamp())
        self.seen.report["opted_out_by_reply"] += 1

    def said(self, name: str) -> tuple[bool, str]:
        """The outcome of one check."""
        return {own: check for own, _, check in checker.CHECKS}[name](self.seen)


def person(number: str, city: str, **more: Any) -> Person:
    """Somebody who agreed with proof, unless told otherwise."""
    known = {"cities": {city}, "groups": {"silver"}, "said_yes": True, "proved_yes": True}
    return Person(number, **{**known, **more})


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """Ada, Ben and Chloé got the first campaign; the landline did not."""
    base = sqlite3.connect(tmp_path / "tactful.db")
    base.executescript(TABLES)
    base.close()
    everybody = [person(ADA, "New York", groups={"gold"}), person(BEN, "Los Angeles"), person(CLOE, "Paris")]
    people = {one.number: one for one in (*everybody, person(FINN, "London"))}
    states = {"delivered": 3, "blocked": 1}
    first = {"name": "First", "code": "WAVE20", "planned": 4, "states": states, "blocked": {"landline": 1}}
    made_at = (START + timedelta(days=1)).timestamp()
    report = {"campaigns": [first], "messages": {}, "opted_out_by_reply": 0, "made_at": made_at}
    seen = Seen(people, defaultdict(list), frozenset({"STOP", "spam"}), report, tmp_path / "tactful.db", [])
    made = Story(seen)
    made.add("started", speed=1440.0)
    made.text(ADA)
    made.text(BEN, fault="500_after")
    made.text(CLOE, LINKED, sender="HARBOUR")
    return made


@pytest.mark.parametrize("name", ["twice", "hours", "standing", "footer", "counts", "constraints"])
def test_an_innocent_day_passes(story: Story, name: str) -> None:
    """Three lawful texts, one of them with a lost answer, are nobody's fault."""
    assert story.said(name)[0], story.said(name)[1]


def test_a_second_text_of_one_campaign_is_noticed(story: Story) -> None:
    """An answer lost after acceptance and asked for again is two texts to one person."""
    story.text(BEN)
    assert story.said("twice") == (False, "3 texts accepted, 1 of them without an answer; 1 sent twice")


@pytest.mark.parametrize(
    ("to", "hour"),
    [(ADA, 11), (BEN, 14), (CLOE, 18), (CLOE, 5)],
    ids=["07:00 in New York", "07:00 in Los Angeles", "20:00 in Paris", "07:00 in Paris"],
)
def test_a_text_outside_the_hours_is_noticed(story: Story, to: str, hour: int) -> None:
    """The end of a window belongs to the night, and each place has its own clock."""
    story.text(to, AGAIN, at=START.replace(hour=hour))
    assert not story.said("hours")[0]


def test_a_late_arrival_is_noticed(story: Story) -> None:
    """A text handed over in time but on the phone at night counts as well."""
    story.add("handset", to=ADA, body=TEXT, now=START.replace(day=12, hour=3).isoformat())
    assert not story.said("hours")[0]


def test_who_moved_is_safe_in_both_places(story: Story) -> None:
    """Somebody with a number of New York who lives in Los Angeles is not texted before eight there."""
    story.seen.people[ADA].cities = {"Los Angeles"}
    story.text(ADA, AGAIN, at=START.replace(hour=14))
    assert not story.said("hours")[0]


@pytest.mark.parametrize(("hours", "holds"), [(7, False), (8, True), (9, True)])
def test_a_second_text_within_a_day_is_noticed(story: Story, hours: int, holds: bool) -> None:
    """One text in eight hours, whatever campaign it is of."""
    story.text(ADA, AGAIN, at=START + timedelta(hours=hours))
    assert story.said("cap")[0] is holds


@pytest.mark.parametrize("word", ["STOP", "spam"])
def test_a_request_after_a_stop_is_noticed(story: Story, word: str) -> None:
    """Two seconds after the webhook's answer nothing more is asked of the provider for this person."""
    story.stop(ADA, body=word)
    story.text(BEN, AGAIN, at=START + timedelta(seconds=9))
    assert story.said("stop")[0]
    story.text(ADA, AGAIN, at=START + timedelta(seconds=2.1))
    assert not story.said("stop")[0]


def test_what_was_on_its_way_and_who_comes_back_is_fine(story: Story) -> None:
    """A request within two seconds, and one after the person's own START, are no fault."""
    story.stop(ADA)
    story.text(ADA, AGAIN, at=START + timedelta(seconds=1.9))
    story.add("heard", **{"from": ADA}, word="START", real=START.timestamp() + 5)
    story.text(ADA, AGAIN, at=START + timedelta(seconds=9))
    assert story.said("stop")[0]


@pytest.mark.parametrize("why", [{"said_stop": True}, {"said_yes": False}, {"proved_yes": False}])
def test_a_text_without_standing_is_noticed(story: Story, why: dict[str, bool]) -> None:
    """Not to people who said stop, never said yes, or cannot be shown to have."""
    for name, value in why.items():
        setattr(story.seen.people[ADA], name, value)
    assert not story.said("standing")[0]


def test_a_stranger_has_no_standing(story: Story) -> None:
    """A number that is not in the file at all may get nothing."""
    story.text("+12125550199")
    assert not story.said("standing")[0]


@pytest.mark.parametrize(
    ("body", "sender"),
    [
        ("Harbour Coffee: WAVE20", "+18455550100"),
        ("20% off. WAVE20\nReply STOP to opt out", "+18455550100"),
        (TEXT, "HARBOUR"),
    ],
    ids=["no way out", "no brand", "no link"],
)
def test_a_text_without_brand_or_way_out_is_noticed(story: Story, body: str, sender: str) -> None:
    """Each text needs both, and from a name that cannot receive, a link."""
    story.text(ADA, body, sender=sender)
    assert not story.said("footer")[0]


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("planned",), 5, "5 planned, 4 in the file"),
        (("states", "delivered"), 2, "add up to 3 of 4"),
        (("states", "sending"), 1, "still sending"),
        (("blocked", "no_consent"), 1, "1 blocked for no_consent, 0 in the file"),
    ],
)
def test_figures_that_do_not_fit_are_noticed(story: Story, path: tuple[str, ...], value: int, complaint: str) -> None:
    """A wrong number planned, delivered or blocked, and a text without a final state."""
    table = story.seen.report["campaigns"][0]
    for step in path[:-1]:
        table = table[step]
    table[path[-1]] = value
    holds, said = story.said("counts")
    assert not holds
    assert complaint in said


def test_a_lost_stop_is_noticed(story: Story) -> None:
    """A stop that was answered before the report was made and is missing there; a later one need not be in it."""
    story.stop(ADA)
    story.stop(BEN, at=START + timedelta(days=2))
    story.seen.report["opted_out_by_reply"] = 1
    assert story.said("counts")[0]
    story.seen.report["opted_out_by_reply"] = 0
    assert "0 opt-outs reported, 1 people wrote one" in story.said("counts")[1]


def test_a_lost_receipt_is_noticed(story: Story) -> None:
    """A receipt that got 2xx and does not show in the report is a broken promise."""
    sid = story.text(ADA, AGAIN)
    story.seen.report["messages"][sid] = "sent"
    assert "1 texts whose receipt says something else" in story.said("counts")[1]


def test_an_invented_text_is_noticed(story: Story) -> None:
    """The report may not know texts that the provider never took."""
    story.seen.report["messages"]["SM" + "f" * 32] = "delivered"
    assert "1 invented" in story.said("counts")[1]


@pytest.mark.parametrize("index", ["one", "live"])
def test_a_missing_index_is_noticed(story: Story, index: str) -> None:
    """Without either unique index the database would take a double."""
    base = sqlite3.connect(story.seen.database)
    base.execute(f"DROP INDEX {index}")
    base.close()
    assert not story.said("constraints")[0]


@pytest.mark.parametrize("spelled", [ADA, "212 555 0101".replace(" ", "")])
def test_a_number_in_plain_sight_is_noticed(story: Story, tmp_path: Path, spelled: str) -> None:
    """With or without its country code, a number in a file that was left is found."""
    story.seen.left.append(tmp_path)
    (tmp_path / "left.txt").write_text("nothing to see")
    assert story.said("private")[0]
    (tmp_path / "left.txt").write_text(f"sent to {spelled}")
    assert not story.said("private")[0]


def test_the_checker_stands_alone() -> None:
    """It starts in a Python that sees neither our packages nor the current folder."""
    asked = [sys.executable, "-I", str(Path(checker.__file__)), "--help"]
    assert "Judge a run" in subprocess.run(asked, capture_output=True, text=True, check=True, cwd="/").stdout
