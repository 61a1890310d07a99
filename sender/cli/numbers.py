"""`tactful numbers …`: files of numbers that were given up, reassigned, or are never to be texted, in and out."""

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sender.cli.common import console, emit, fail, new_file, opened

if TYPE_CHECKING:
    from sqlmodel import Session

    from sender.audience.lookups import Ask
    from sender.runtime import Runtime

ACTOR = "command line"
app = typer.Typer(help="Upkeep of numbers by files.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="Text or CSV, a number first in each line.")]
Why = Annotated[str, typer.Option(help="What for; kept in the audit.")]
Out = Annotated[Path, typer.Option(help="The CSV file to make (mode 0600); it will hold personal data.")]


@app.command("deactivated")
def deactivated_(
    file: File,
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day on which they were given up.")],
) -> None:
    """Take in a carrier deactivation file: consent from before goes, texts that wait are cancelled, stops stay."""
    from sender.audience.number_files import deactivated

    _say(lambda runtime: deactivated(runtime, file, _past(on.date()), ACTOR))


@app.command("reassigned")
def reassigned_(file: File) -> None:
    """Take in the answers of a reassigned-numbers database (number, yes or no); a yes ends consent."""
    from sender.audience.number_files import reassigned

    _say(lambda runtime: reassigned(runtime, file, ACTOR))


@app.command("suppress")
def suppress_(file: File, why: Why) -> None:
    """Never text these numbers, known or not, whatever they consent to, until `unsuppress`."""
    from sender.audience.number_files import suppress

    _say(lambda runtime: suppress(runtime, file, why, ACTOR))


@app.command("unsuppress")
def unsuppress_(file: File, why: Why) -> None:
    """Take numbers off the suppression list. It gives nobody consent, and stops stay."""
    from sender.audience.number_files import unsuppress

    _say(lambda runtime: unsuppress(runtime, file, why, ACTOR))


@app.command("suppressed")
def suppressed(out: Out, why: Why) -> None:
    """Write whom nobody may text (suppressed, opted out), for another provider or program."""
    from sender.audience.number_files import write_suppressed

    _write(out, why, "suppressed numbers", write_suppressed)


@app.command("ask-reassigned")
def ask_reassigned(out: Out, why: Why) -> None:
    """Write US numbers with the day of their consent, to be asked of a reassigned-numbers database."""
    from sender.audience.number_files import write_to_ask

    _write(out, why, "numbers to ask about", write_to_ask)


@app.command("fetch-deactivated")
def fetch_deactivated(
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day on which they were given up.")],
) -> None:
    """Fetch Twilio's list of US numbers that were given up on a day, and take it in as `deactivated` does."""
    from sender.audience.lookups import fetch_given_up

    counts = _asked(lambda runtime, ask: fetch_given_up(runtime, ask, _past(on.date()), ACTOR))
    console.print(_said(counts) if counts is not None else f"Twilio has no list of {on.date()}.")


@app.command("look-up")
def look_up_(
    most: Annotated[int, typer.Option(min=1, max=1_000_000, help="So many numbers; Twilio charges for each.")],
    older_than: Annotated[int, typer.Option(min=1, help="Days for which an earlier answer counts.")] = 180,
) -> None:
    """Ask Twilio Lookup for the line types of numbers with consent; landlines are not texted any more."""
    from sender.audience.lookups import look_up

    console.print(_said(_asked(lambda runtime, ask: look_up(runtime, ask, most, ACTOR, older_than))))


@app.command("do-not-call")
def do_not_call(
    file: File,
    country: Annotated[str, typer.Option(help="Whose national register it is, such as US.")],
    drawn: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day on which it was drawn.")],
    covers: Annotated[
        str, typer.Option(help="Which part of it, such as area codes; a newer file replaces it.")
    ] = "all",
) -> None:
    """Take in a national do-not-call file; marketing to its numbers stops unless a consent counts more."""
    from sender.audience.registers import take_in

    _say(lambda runtime: take_in(runtime, file, country, drawn.date(), ACTOR, covers))


@app.command("registers")
def registers_(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List the do-not-call files, how old they are, and which are too old to rely on."""
    from sender.audience.registers import kept

    with opened() as runtime, runtime.db.read() as session:
        rows = kept(session, runtime.clock.now().date())
    for one in rows:
        if as_json:
            emit(asdict(one) | {"drawn": one.drawn.isoformat()})
        else:
            old = f", older than {one.days} days" if one.outdated else ""
            console.print(f"{one.country} {one.name} ({one.covers}): {one.numbers:,} numbers of {one.drawn}{old}")
    if not rows and not as_json:
        console.print("No do-not-call file has been taken in.")


@app.command("forget-register")
def forget_register(
    country: Annotated[str, typer.Argument(help="Whose register, such as US.")],
    why: Why,
    covers: Annotated[str, typer.Option(help="Which part of it.")] = "all",
) -> None:
    """Drop a do-not-call file without a newer one: nothing here holds its numbers back any more."""
    from sender.audience.registers import forget

    _say(lambda runtime: Counter({"forgotten": forget(runtime, country.upper(), covers, ACTOR, why)}))


def _past(on: date) -> date:
    if on > datetime.now().astimezone().date():
        fail(f"{on} is in the future; give the day of the file.")
    return on


def _say(work: "Callable[[Runtime], Counter[str]]") -> None:
    from sender.audience.number_files import NumberFileError

    with opened() as runtime:
        try:
            counts = work(runtime)
        except NumberFileError as error:
            fail(str(error))
    console.print(_said(counts))


def _said(counts: "Counter[str]") -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {count:,}" for name, count in counts.items()) or "No numbers."


def _asked(work: "Callable[[Runtime, Ask], Any]") -> Any:
    """What is asked of the provider, on a wire of its own."""
    from sender.delivery.wire import Wire
    from sender.providers.base import SendError

    with opened(sending=True) as runtime:
        wire = Wire()
        try:
            return work(runtime, wire.ask)
        except SendError as error:
            fail(f"{error.sentence}.")
        finally:
            wire.ask(runtime.provider.close())
            wire.close()


def _write(
    out: Path, why: str, what: str, write: "Callable[[Runtime, Session, io.TextIOWrapper], Counter[str]]"
) -> None:
    from sender.audit import note

    if not why.strip():
        fail("Say what it is for (--why); it is kept in the audit.")
    with opened() as runtime, new_file(out) as made, runtime.db.write() as session:
        text = io.TextIOWrapper(made, encoding="utf-8", newline="")
        counts = write(runtime, session, text)
        text.flush()
        text.detach()
        detail = {"why": why.strip()[:200], **counts}
        note(session, runtime.clock.now(), ACTOR, "people.export", what, detail)
    console.print(f"Wrote {counts['written']:,} numbers to {out}; delete it when it has been used.")
