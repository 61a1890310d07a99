"""The first page: what goes out now and next, what needs a person, how it went, and the way to a first text."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from sender.audience.preferences import waiting_erasures
from sender.campaigns import overview, reports
from sender.campaigns.overview import Active, Begun, Day, Programs, Spent
from sender.models.accounts import ALL_PROGRAMS
from web.auth import Door, person, signed_in
from web.context import runtime
from web.counting import SHORT, figures_or_none
from web.frame import is_served, may_anywhere
from web.language import figure, gettext, ngettext
from web.pages.words import money

TREND_SECONDS = 60.0
SPENT_OVER = timedelta(days=30)

door = Door("home", __name__, rule=signed_in)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: what, why, and where to go."""

    words: str
    why: str
    address: str
    button: str
    icon: str


@dataclass(frozen=True, slots=True)
class Task:
    """One line of a new installation's checklist."""

    words: str
    how: str
    done: bool
    address: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted once a minute."""

    days: list[Day]
    spent: int
    against: list[Spent]
    at: datetime


@door.get("/")
def show() -> ResponseReturnValue:
    """What runs, waits and stands still."""
    programs = person().programs
    with runtime().db.read() as session:
        active = overview.active(session, programs)
        begun = overview.begun(session, programs)
        waiting = overview.replies_to_judge(session, programs)
        asked = waiting_erasures(session) if person().may("erase", ALL_PROGRAMS) else []
        tasks = _tasks(session, begun) if not begun.left and may_anywhere(person(), "write") else []
    now = runtime().clock.now()
    return render_template(
        "home.html",
        active=active,
        counts=_counts(active),
        needs=[*_of_campaigns(active), *_of_replies(waiting), *_of_erasures(asked)],
        tasks=tasks,
        figures=figures_or_none(("home", programs), lambda session: _figures(session, programs, now), TREND_SECONDS),
        shown=money,
        may_write=may_anywhere(person(), "write"),
    )


def _counts(active: list[Active]) -> dict[int, dict[str, int]] | None:
    """What is counted of each campaign that is under way."""
    ids = tuple(sorted(one.line.id for one in active))
    return figures_or_none(("by status", ids), lambda session: reports.counts_by_status(session, ids), patience=SHORT)


def _figures(session: Session, programs: Programs, now: datetime) -> Figures:
    return Figures(
        overview.trend(session, programs, now),
        overview.spent(session, programs, now - SPENT_OVER),
        overview.against_budget(session, programs, now),
        now,
    )


def _of_campaigns(active: list[Active]) -> list[Need]:
    needs = []
    for one in active:
        line = one.line
        rights = {right for right in ("approve", "steer") if person().may(right, line.program_id)}
        if line.status == "submitted" and "approve" in rights:
            why = gettext(
                "Handed in by %(submitted_by)s for %(recipients)s people",
                submitted_by=one.submitted_by,
                recipients=figure(one.recipients or 0),
            )
            address = f"/campaigns/{line.id}/edit/review"
            needs.append(
                Need(gettext("Approve “%(name)s”", name=line.name), why, address, gettext("Review"), "check-circle")
            )
        if line.status == "paused" and "steer" in rights:
            needs.append(
                Need(
                    gettext("“%(name)s” stands still", name=line.name),
                    one.paused_why,
                    f"/campaigns/{line.id}",
                    gettext("Look"),
                    "pause",
                )
            )
        if line.status == "approved" and "steer" in rights:
            address = f"/campaigns/{line.id}/edit/review"
            needs.append(
                Need(
                    gettext("Start “%(name)s”", name=line.name),
                    gettext("It is approved and waits to be started"),
                    address,
                    gettext("Open"),
                    "send",
                )
            )
    return needs


def _of_replies(waiting: int) -> list[Need]:
    if not waiting or not is_served("/inbox/review"):
        return []
    words = ngettext("%(num)s reply waits for a judgement", "%(num)s replies wait for a judgement", waiting)
    return [
        Need(
            words,
            gettext("It may have been a STOP; until somebody says, they get nothing"),
            "/inbox/review",
            gettext("Judge"),
            "inbox",
        )
    ]


def _of_erasures(asked: list[int]) -> list[Need]:
    """People who asked on their own page to be forgotten, where a legal hold has to be looked at first."""
    why = gettext("A legal hold keeps their data; lift it and erase them, or tell them why not")
    return [
        Need(gettext("Somebody asked to be erased"), why, f"/contacts/{one}", gettext("Look"), "user-x")
        for one in asked
    ]


def _tasks(session: Session, begun: Begun) -> list[Task]:
    exported = reports.notices(session).keys_exported
    owner = person().may("own", ALL_PROGRAMS)
    settings = runtime().settings
    connected = settings.twilio_account_sid is not None
    missing = gettext("The command tactful doctor says what is missing.")
    how = gettext("Texts go to the simulator for now.") if settings.simulated else missing
    trying = f"/campaigns/{begun.draft}/edit/test" if begun.draft else "/campaigns"
    where = gettext("It arrives under Virtual phones.") if settings.simulated else gettext("It arrives in a moment.")
    tasks = [
        Task(gettext("Connect the provider"), how, connected),
        Task(
            gettext("Describe a program: your brand and what people say yes to"),
            gettext("Its words go into every text, answer and form."),
            bool(begun.programs),
            "/programs/new",
        ),
        Task(
            gettext("Write a campaign"),
            gettext("Five steps; nothing leaves before you say so."),
            bool(begun.campaigns),
            "/campaigns/new",
        ),
        Task(
            gettext("Prove a phone of yours"),
            gettext("A code is texted to it; with it you say yes to the program’s texts."),
            bool(begun.phones),
            trying,
        ),
        Task(gettext("Send yourself the first text"), where, bool(begun.left), trying),
        Task(
            gettext("Bring in contacts, with the proof of their yes"),
            gettext("From a file, a form or the counter."),
            bool(begun.contacts),
            "/imports",
        ),
    ]
    if owner:
        tasks.append(Task(gettext("Back up the keys"), "tactful keys export", exported))
    return tasks
