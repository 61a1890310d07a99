"""`tactful review …`, `tactful inbox …`: what people wrote, decided and answered without a browser."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sender.cli.common import console, emit, fail, opened

if TYPE_CHECKING:
    from sqlmodel import Session

ACTOR = "command line"
review = typer.Typer(help="Replies that may be a wish to stop.", no_args_is_help=True)
inbox = typer.Typer(help="Conversations, prepared answers, and how replies are dealt with.", no_args_is_help=True)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(review, name="review")
    app.add_typer(inbox, name="inbox")
    app.command("optout")(opt_out)


@review.command("list")
def waiting() -> None:
    """Every reply that waits, what the clock decides first in front, one JSON object per line."""
    from dataclasses import asdict

    from sender.delivery.reviews import queue

    with opened() as runtime, runtime.db.read() as session:
        for one in queue(runtime, session):
            emit(asdict(one))


@review.command("decide")
def decide(
    reply: Annotated[int, typer.Argument(help="The reply's id, as `tactful review list` shows it.")],
    decision: Annotated[str, typer.Argument(help="opt_out, harmless or later.")],
    who: Annotated[str, typer.Option("--by", help="Who decided.")] = ACTOR,
) -> None:
    """Settle one reply: an opt-out, no wish to stop, or later."""
    from sender.delivery.reviews import ReviewError
    from sender.delivery.reviews import decide as settle

    with opened() as runtime:
        try:
            settle(runtime, reply, decision, who)
        except ReviewError as error:
            fail(str(error))
    console.print(f"Reply {reply}: {decision}.")


@inbox.command("list")
def listing(view: Annotated[str, typer.Option(help="all, unread or nobody.")] = "all") -> None:
    """The latest conversations, one JSON object per line."""
    from dataclasses import asdict

    from sender.delivery.inbox import talks

    with opened() as runtime, runtime.db.read() as session:
        for one in talks(runtime, session, None, view, ACTOR):
            emit(asdict(one))


@inbox.command("answers")
def answers(
    program: Annotated[str, typer.Argument(help="The program's short name.")],
    kind: Annotated[str, typer.Option(help="canned, auto, or join (an opt-in keyword).")] = "",
    keyword: Annotated[str, typer.Option(help="The name, or the keyword people text.")] = "",
    text: Annotated[str, typer.Option(help="The words; none for an opt-in keyword.")] = "",
) -> None:
    """Show a program's prepared answers; with --kind and --keyword keep one first."""
    from sender.delivery import prepared

    with opened() as runtime:
        with runtime.db.read() as session:
            program_id = _program(session, program)
        if kind:
            try:
                prepared.keep(runtime, program_id, kind, keyword, text, ACTOR)
            except prepared.PreparedError as error:
                fail(str(error))
        with runtime.db.read() as session:
            for one in prepared.listing(session, program_id):
                emit(one.model_dump(include={"id", "kind", "keyword", "text"}))


@inbox.command("set")
def settings(
    program: Annotated[str, typer.Argument(help="The program's short name.")],
    review_hours: Annotated[int | None, typer.Option(help="Hours until an unread unsure reply is an opt-out.")] = None,
    reply_hours: Annotated[int | None, typer.Option(help="Hours in which a person's text may be answered.")] = None,
    confirm_hours: Annotated[int | None, typer.Option(help="Hours in which a yes counts as an opt-in.")] = None,
    zone: Annotated[str, typer.Option(help="The desk's time zone, such as America/New_York.")] = "",
    desk: Annotated[str, typer.Option(help="When people answer, such as mon-fri 09:00-17:00; always.")] = "",
) -> None:
    """Say how a program deals with replies; what is not named stays."""
    from sender.delivery.prepared import PreparedError, Replying, set_replying

    try:
        hours = _desk(zone, desk)
        with opened() as runtime:
            with runtime.db.read() as session:
                program_id = _program(session, program)
            set_replying(runtime, program_id, Replying(review_hours, reply_hours, confirm_hours, hours), ACTOR)
    except (PreparedError, ValueError) as error:
        fail(str(error))
    console.print(f"Replies to {program} are dealt with so from now on.")


def opt_out(
    number: Annotated[str, typer.Argument(help="The number, with its country code.")],
    door: Annotated[str, typer.Option(help="How they said it: form, email, phone_call, letter, in_person or api.")],
    program: Annotated[str, typer.Option(help="The program's short name; every program when absent.")] = "",
    words: Annotated[str, typer.Option(help="What they said, kept sealed as evidence.")] = "",
) -> None:
    """Write down an opt-out that did not come as a reply; it counts at once."""
    from sender.audience.doors import DoorError, OptOutIn
    from sender.audience.doors import opt_out as write_down

    with opened() as runtime:
        try:
            came = write_down(runtime, OptOutIn(number, door, program or None, words=words), ACTOR)
        except DoorError as error:
            fail(str(error))
    console.print(f"Opted out of {program or 'everything'}; {came.blocked:,} waiting texts were blocked.")


def _program(session: "Session", slug: str) -> int:
    from sqlalchemy import select
    from sqlmodel import col

    from sender.models import Program

    found: int | None = session.execute(select(col(Program.id)).where(col(Program.slug) == slug)).scalar()
    if found is None:
        fail(f"There is no program {slug!r}; `tactful program list` shows them.")
    return found


def _desk(zone: str, text: str) -> dict[str, Any] | None:
    """``mon-fri 09:00-17:00, sat 10:00-12:00`` as the program keeps it; ValueError names what cannot be read."""
    if not text:
        return None
    if text == "always":
        return {}
    hours = [window for part in text.split(",") for window in _windows(part.strip())]
    return {"zone": zone, "hours": hours}


def _windows(text: str) -> list[list[int]]:
    days, _, span = text.partition(" ")
    first, _, last = days.partition("-")
    start, _, end = span.partition("-")
    if first not in DAYS or (last or first) not in DAYS:
        raise ValueError(f"{text!r} is no desk hour; write it as mon-fri 09:00-17:00.")
    return [[day, _minute(start), _minute(end)] for day in range(DAYS.index(first), DAYS.index(last or first) + 1)]


def _minute(text: str) -> int:
    hour, colon, minute = text.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and len(minute) == 2 and int(minute) < 60):
        raise ValueError(f"{text!r} is no time of day; write it as 09:00.")
    return int(hour) * 60 + int(minute)
