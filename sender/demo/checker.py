"""Judges the demo from outside: the file it was given, the simulator's log, the report it wrote, the bytes it left.

    python -I checker.py --contacts F --phones F --log F --report F --database F PATH…

Stands alone: it imports nothing of Tactful, so that a mistake there cannot hide here. Every check is one JSON line of
``name``, ``ok`` and ``said``; the exit status is 1 when one fails. The table of hours (hours.toml) is its own.
"""

import argparse
import csv
import json
import re
import sqlite3
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

BRAND = "Harbour Coffee"
AUDIENCES = {"WAVE20": {"gold", "silver", "es", "fr"}, "LASTCUP": {"gold"}}
"""The word that stands in each text of a campaign, and the tiers and languages of whom it is for."""

WORDS_OUT = {"STOP", "BAJA", "SAIR"}
LINK_OUT = re.compile(r"https?://\S+/o/[\w-]+$")
CAP_HOURS = 8
GRACE = 2.0
"""Real seconds a request that had passed the gate may be on its way when a STOP or the end of a cap's window comes."""

MOBILES = re.compile(
    r"\+(1[2-9]\d\d55501\d\d|4474001\d{5}|33612\d{6}|49151234\d{5}|9181234\d{5}|614123\d{5}|55\d\d961234\d{3})"
)
LANDLINES = re.compile(r"\+(442079460\d{3}|3319900\d{4}|493023125\d{3}|6125550\d{4}|55112345\d{4})")
YES = frozenset({"yes", "true", "1", "y", "opted in", "unsubscribed"})
FINAL = frozenset({"delivered", "undelivered", "failed"})

TABLES = tomllib.loads(Path(__file__).with_name("hours.toml").read_text(encoding="utf-8"))
CALLING_CODES: dict[str, str] = {name: words[0] for name, words in TABLES["countries"].items()}
COUNTRY_OF: dict[str, str] = {word: name for name, words in TABLES["countries"].items() for word in words[1:]}
OPEN = {place: tuple(map(float, span.split("-"))) for span, places in TABLES["hours"].items() for place in places}
WHERE = {city: (place, ZoneInfo(zone)) for city, (place, zone, *_) in TABLES["cities"].items()}
CITY_OF_AREA = {code: city for city, (_, _, *codes) in TABLES["cities"].items() for code in codes}

Verdict = tuple[bool, str]
"""Whether a check holds, and the figure it looked at."""


@dataclass
class Person:
    """What the file says of one number, over all its rows."""

    number: str
    cities: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    said_yes: bool = False
    proved_yes: bool = False
    said_stop: bool = False

    def why_not(self) -> str:
        """The reason for which this person may not get marketing, "" if they may."""
        if LANDLINES.fullmatch(self.number):
            return "landline"
        if self.said_stop:
            return "opted_out"
        if not self.said_yes:
            return "no_consent"
        return "" if self.proved_yes else "consent_too_weak"

    def is_open(self, at: datetime) -> bool:
        """Whether ``at`` is an allowed hour where they live and where their area code is."""
        return all(_open_in(city, at) for city in self.cities | _city_of_area(self.number))


def _city_of_area(number: str) -> set[str]:
    return {CITY_OF_AREA[number[2:5]]} if number.startswith("+1") else set()


def _open_in(city: str, at: datetime) -> bool:
    place, zone = WHERE[city]
    local = at.astimezone(zone)
    opens, closes = OPEN[place]
    return opens <= local.hour + local.minute / 60 + local.second / 3600 < closes


@dataclass
class Seen:
    """Everything the checks look at: the file, the simulator's log in order, the phones, the report, what was left."""

    people: dict[str, Person]
    events: dict[str, list[dict[str, Any]]]
    stop_texts: frozenset[str]
    report: dict[str, Any]
    database: Path
    left: list[Path]

    @property
    def texts(self) -> list[dict[str, Any]]:
        """Every campaign text that the provider accepted, answered or not."""
        return [one for one in self.events["accepted"] if code_of(one)]

    @property
    def speed(self) -> float:
        """Virtual seconds in a real one."""
        return float(self.events["started"][0]["speed"])


def code_of(text: dict[str, Any]) -> str:
    """Which campaign a text is of, by the word in it; "" for other texts."""
    return next((code for code in AUDIENCES if code in str(text["body"])), "")


def moment(entry: dict[str, Any]) -> datetime:
    """The virtual instant of a log line."""
    return datetime.fromisoformat(entry["now"])


def read_people(path: Path) -> dict[str, Person]:
    """The people of the file by number; rows that hold no number of the demo are left out."""
    people: dict[str, Person] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            number = dialled(row["phone"], row["country"])
            if number is None:
                continue
            person = people.setdefault(number, Person(number))
            person.cities.add(row["city"])
            person.groups |= {row["tier"], row["language"][:2].lower()}
            says = row["consent"].strip().lower() in YES
            person.said_yes |= says
            person.proved_yes |= says and bool(row["consent_at"]) and bool(row["consent_wording"])
            person.said_stop |= row["unsubscribed"].strip().lower() in YES
    return people


def dialled(text: str, country: str) -> str | None:
    """The number in E.164, or None where it is none of the demo's; an empty country is the United States."""
    if re.search(r"[A-Za-z]", text):
        return None
    digits = re.sub(r"[^0-9]", "", text)
    code = CALLING_CODES[COUNTRY_OF[country.strip().lower() or "us"]]
    if "+" in text:
        number = f"+{digits}"
    elif digits.startswith("00"):
        number = f"+{digits[2:]}"
    elif code == "1":
        number = f"+1{digits[-10:]}" if len(digits) in (10, 11) else ""
    else:
        number = f"+{code}{digits.removeprefix('0')}"
    return number if MOBILES.fullmatch(number) or LANDLINES.fullmatch(number) else None


def national(number: str) -> str:
    """The digits behind the calling code, which every spelling of a number shares."""
    code = next(code for code in CALLING_CODES.values() if number.startswith(f"+{code}"))
    return number.removeprefix(f"+{code}")


def check_twice(seen: Seen) -> Verdict:
    """Nobody gets two texts of one campaign, whatever was lost on the way."""
    counted = Counter((text["to"], code_of(text)) for text in seen.texts)
    doubled = sum(count > 1 for count in counted.values())
    lost = sum(fault["sid"] is not None for fault in seen.events["fault"])
    return not doubled, f"{len(counted):,} texts accepted, {lost} of them without an answer; {doubled} sent twice"


def check_hours(seen: Seen) -> Verdict:
    """Every text is taken over by the provider, and reaches the phone, at an allowed hour."""
    arrived = [one for one in seen.events["handset"] if code_of(one)]
    wrong = [one for one in (*seen.texts, *arrived) if not _person(seen, one).is_open(moment(one))]
    places = {place for text in seen.texts for place in _places(_person(seen, text))}
    events = f"{len(seen.texts):,} hand-overs and {len(arrived):,} arrivals in {len(places)} places"
    return not wrong, f"{events}; {len(wrong)} outside the hours there"


def _person(seen: Seen, text: dict[str, Any]) -> Person:
    """A number that is not in the file is a stranger who lives nowhere and never agreed."""
    return seen.people.get(text["to"]) or Person(text["to"])


def _places(person: Person) -> set[str]:
    return {WHERE[city][0] for city in person.cities}


def check_cap(seen: Seen) -> Verdict:
    """No more than one text in any eight hours, less the two seconds that a request may take."""
    window = timedelta(hours=CAP_HOURS, seconds=-GRACE * seen.speed)
    by_number: dict[str, list[datetime]] = defaultdict(list)
    for text in seen.texts:
        by_number[text["to"]].append(moment(text))
    pairs = [later - earlier for times in by_number.values() for earlier, later in pairwise(times)]
    over = sum(apart < window for apart in pairs)
    held = sum(campaign["blocked"].get("frequency_cap", 0) for campaign in seen.report["campaigns"])
    said = f"{len(pairs):,} people got a second text, {over} of them within {CAP_HOURS} hours; {held:,} were spared one"
    return not over and held + len(pairs) > 0, said


def check_stop(seen: Seen) -> Verdict:
    """No request arrives later than two seconds after the webhook of a STOP was answered, until a START."""
    stopped: dict[str, float] = {}
    for heard in seen.events["inbound"]:
        if heard["body"] in seen.stop_texts and heard["http"] in (200, 204):
            stopped.setdefault(heard["from"], heard["answered_at"])
    back = {heard["from"]: heard["real"] for heard in seen.events["heard"] if heard["word"] == "START"}
    asked = [one for one in seen.events["request"] if one["to"] in stopped and one["method"] == "POST"]
    after = [one for one in asked if one["arrived"] > stopped[one["to"]] + GRACE]
    late = [one for one in after if not stopped[one["to"]] < back.get(one["to"], 0.0) < one["arrived"]]
    said = f"{len(stopped):,} people said stop in {len(seen.stop_texts)} ways; {len(late)} requests for them afterwards"
    return bool(stopped) and not late, said


def check_standing(seen: Seen) -> Verdict:
    """Only people whose row says yes, when and to what, and no row of whom says stop."""
    wrong = Counter(_person(seen, text).why_not() or "ok" for text in seen.texts)
    allowed = wrong.pop("ok", 0)
    barred = sum(bool(person.why_not()) for person in seen.people.values())
    said = f"{allowed:,} texts to people who agreed; {sum(wrong.values())} to the {barred:,} who may get none"
    return not wrong, said


def check_footer(seen: Seen) -> Verdict:
    """Every text names the brand and ends with a way out: a word, or a link where the sender cannot receive one."""
    wrong = linked = 0
    for text in seen.texts:
        mute = bool(text["from"]) and not str(text["from"]).startswith("+")
        linked += mute
        last = str(text["body"]).splitlines()[-1]
        fits = LINK_OUT.search(last) if mute else WORDS_OUT & set(last.split())
        wrong += not (fits and BRAND in text["body"])
    return not wrong and linked > 0, f"{len(seen.texts):,} texts, {linked:,} of them with a link; {wrong} without"


def check_counts(seen: Seen) -> Verdict:
    """Planned is the audience of the file, every planned text has one state, and the log says the same."""
    faults = [fault for campaign in seen.report["campaigns"] for fault in _campaign_faults(seen, campaign)]
    faults += _receipt_faults(seen)
    stops = [heard for heard in seen.events["inbound"] if heard["body"] in seen.stop_texts]
    least, most = (len({one["from"] for one in stops if one[when] < seen.report["made_at"]})
                   for when in ("answered_at", "sent_at"))  # fmt: skip
    if not least <= seen.report["opted_out_by_reply"] <= most:
        faults.append(f"{seen.report['opted_out_by_reply']} opt-outs reported, {least} people wrote one")
    planned = sum(campaign["planned"] for campaign in seen.report["campaigns"])
    return not faults, "; ".join(faults[:4]) or f"{planned:,} planned, each in one final state, as in file and log"


def _campaign_faults(seen: Seen, campaign: dict[str, Any]) -> Iterator[str]:
    name, states, blocked = campaign["name"], campaign["states"], campaign["blocked"]
    audience = [one for one in seen.people.values() if one.groups & AUDIENCES[campaign["code"]]]
    if campaign["planned"] != len(audience):
        yield f"{name}: {campaign['planned']:,} planned, {len(audience):,} in the file"
    if sum(states.values()) != campaign["planned"]:
        yield f"{name}: states add up to {sum(states.values()):,} of {campaign['planned']:,}"
    if unsettled := {"pending", "queued", "sending", "unconfirmed"} & states.keys():
        yield f"{name}: still {', '.join(sorted(unsettled))}"
    expected = Counter(person.why_not() for person in audience)
    for reason in ("landline", "no_consent", "consent_too_weak"):
        if blocked.get(reason, 0) != expected[reason]:
            yield f"{name}: {blocked.get(reason, 0)} blocked for {reason}, {expected[reason]} in the file"
    if blocked.get("opted_out", 0) < expected["opted_out"]:
        yield f"{name}: {blocked.get('opted_out', 0)} blocked for opted_out, {expected['opted_out']} in the file"
    sent = [text for text in seen.texts if code_of(text) == campaign["code"]]
    reached = Counter(seen.report["messages"].get(text["sid"], "unknown") for text in sent)
    for state in ("sent", "delivered", "undelivered"):
        if states.get(state, 0) != reached[state]:
            yield f"{name}: {states.get(state, 0):,} {state}, {reached[state]:,} in the log"
    # A refusal whose answer was lost with a killed worker is unproven for ever.
    failed, most = states.get("failed", 0), reached["failed"] + _refusals(seen, campaign["code"])
    if not most - states.get("unproven", 0) <= failed <= most:
        yield f"{name}: {failed:,} failed, {most:,} in the log"


def _refusals(seen: Seen, code: str) -> int:
    """Creates that the provider refused outright."""
    asked = {one["request_id"] for one in seen.events["request"] if one["body"] and code_of(one) == code}
    refused = [one for one in seen.events["response"] if one["status"] == 400 and one["request_id"] in asked]
    return len(refused)


def _receipt_faults(seen: Seen) -> Iterator[str]:
    """A receipt that was answered with 2xx must stand in the report; without one, what really became of the text."""
    known: dict[str, str] = seen.report["messages"]
    texts = {text["sid"] for text in seen.texts}
    if texts != known.keys():
        yield f"{len(texts - known.keys())} accepted texts unknown to the report, {len(known.keys() - texts)} invented"
    really = {one["sid"]: one["status"] for one in seen.events["status"] if one["status"] in FINAL}
    taken = [one for one in seen.events["callback"] if one["http"] == 204]
    told = {one["sid"]: one["status"] for one in taken if one["status"] in FINAL}
    wrong = [sid for sid in texts & known.keys() if not _agrees(known[sid], told.get(sid), really.get(sid))]
    if wrong:
        yield f"{len(wrong)} texts whose receipt says something else than the report"


def _agrees(reported: str, told: str | None, really: str | None) -> bool:
    return reported == told if told else reported in ("sent", really)


def check_constraints(seen: Seen) -> Verdict:
    """The database itself refuses a second text to one person in one campaign, and a second live attempt."""
    base = sqlite3.connect(seen.database, isolation_level=None, timeout=10)
    try:
        base.execute("BEGIN IMMEDIATE")
        message = _refused(base, "message", "campaign_id IS NOT NULL", {})
        attempt = _refused(base, "attempt", "outcome = 'accepted'", {"token": "'second'", "sid": "NULL"})
        base.execute("ROLLBACK")
    finally:
        base.close()
    words = {True: "refused", False: "TAKEN"}
    return message and attempt, f"a second text is {words[message]}, a second live attempt is {words[attempt]}"


def _refused(base: sqlite3.Connection, name: str, which: str, instead: dict[str, str]) -> bool:
    columns = [row[1] for row in base.execute(f"PRAGMA table_info({name})") if row[1] != "id"]
    values = ", ".join(instead.get(column, column) for column in columns)
    copy = f"INSERT INTO {name} ({', '.join(columns)}) SELECT {values} FROM {name} WHERE {which} LIMIT 1"  # noqa: S608
    try:
        base.execute(copy)
    except sqlite3.IntegrityError:
        return True
    return False


def check_private(seen: Seen) -> Verdict:
    """A hundred of the numbers that were texted stand nowhere in plain sight."""
    texted = sorted({text["to"] for text in seen.texts})
    some = texted[:: max(1, len(texted) // 100)][:100]
    needles = [national(number).encode() for number in some]
    files = [file for path in seen.left for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    held = [file.read_bytes() for file in files]
    hits = sum(needle in content for content in held for needle in needles)
    where = f"{len(files)} files, {sum(map(len, held)) / 1e6:.0f} MB"
    return not hits and bool(some), f"{len(some)} numbers looked for in {where}: {hits} found"


def check_day(seen: Seen) -> Verdict:
    """The day put the promises to the test: New York first, lost answers of both kinds, stops, many places."""
    east, west = (_first_in(seen, place) for place in ("NY", "CA"))
    lost = Counter(fault["fault"] for fault in seen.events["fault"])
    states = {place for text in seen.texts if text["to"].startswith("+1") for place in _places(_person(seen, text))}
    hours = (west - east).total_seconds() / 3600 if east and west else 0.0
    kinds = f"{lost['500_after']} answers of 500 and {lost['drop_after']} cut lines after acceptance"
    said = f"New York {hours:.1f} h before Los Angeles, {kinds}, {len(states)} states and provinces"
    return hours > 0 and min(lost["500_after"], lost["drop_after"]) > 0 and len(states) >= 20, said


def _first_in(seen: Seen, place: str) -> datetime | None:
    return min((moment(text) for text in seen.texts if place in _places(_person(seen, text))), default=None)


CHECKS: tuple[tuple[str, str, Callable[[Seen], Verdict]], ...] = (
    ("twice", "Nobody was texted twice", check_twice),
    ("hours", "Nobody outside allowed hours", check_hours),
    ("cap", "Nobody over the cap", check_cap),
    ("stop", "Nobody after STOP", check_stop),
    ("standing", "Nobody without standing", check_standing),
    ("footer", "No text without brand and way out", check_footer),
    ("counts", "Counts add up", check_counts),
    ("constraints", "The database refuses doubles", check_constraints),
    ("private", "No number in plain sight", check_private),
    ("day", "The day was hard enough", check_day),
)


def read_log(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The log's lines by event, in order."""
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            events[entry["event"]].append(entry)
    return events


def main() -> int:
    """Run every check; 0 when all hold."""
    parser = argparse.ArgumentParser(description="Judge a run of the demo from outside.")
    for name in ("contacts", "phones", "log", "report", "database"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("left", type=Path, nargs="+", help="files and folders in which no number may stand")
    asked = parser.parse_args()
    stops = frozenset(json.loads(asked.phones.read_text())["phones"]["stop_texts"])
    report = json.loads(asked.report.read_text())
    seen = Seen(read_people(asked.contacts), read_log(asked.log), stops, report, asked.database, asked.left)
    failed = 0
    for name, title, check in CHECKS:
        try:
            ok, said = check(seen)
        except (KeyError, ValueError, TypeError, sqlite3.Error, OSError) as error:
            ok, said = False, f"could not be checked: {type(error).__name__} {error}"
        failed += not ok
        sys.stdout.write(json.dumps({"name": name, "title": title, "ok": ok, "said": said}) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
