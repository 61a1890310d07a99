"""What is on record: one number's consent, one message's life, and what the gate would say now."""

from dataclasses import asdict
from typing import Annotated

import typer

from guards.base import Purpose
from sender.cli.common import console, emit, fail, instant, opened

Number = Annotated[str, typer.Argument(help="A phone number with its country code, such as +12125550123.")]
consent = typer.Typer(help="The consent on record.", no_args_is_help=True)
message = typer.Typer(help="Single messages.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(consent, name="consent")
    app.add_typer(message, name="message")
    app.command("check")(check)


@consent.command("show")
def show_consent(number: Number) -> None:
    """Every consent event of one number, oldest first, one JSON object per line."""
    from sender.audience.histories import consent_history

    with opened() as runtime, runtime.db.read() as session:
        events = consent_history(runtime, session, _e164(number))
    for event in events:
        emit(event)
    if not events:
        fail("Nothing is on record for this number.")


@message.command("show")
def show_message(number_or_id: Annotated[str, typer.Argument(help="A message's id, or a phone number.")]) -> None:
    """A message with every decision, attempt and receipt; for a phone number, each of its messages."""
    from sender.audience.histories import message_history, messages_of

    with opened() as runtime, runtime.db.read() as session:
        ids = [int(number_or_id)] if number_or_id.isdigit() else messages_of(runtime, session, _e164(number_or_id))
        found = [history for history in (message_history(session, one) for one in ids) if history]
    for history in found:
        emit(history)
    if not found:
        fail("There is no such message.")


def check(
    number: Number,
    program: Annotated[str, typer.Option(help="The program's short name.")],
    purpose: Annotated[Purpose, typer.Option(help="Why the text would be sent.")] = Purpose.MARKETING,
    at: Annotated[str, typer.Option(help="An instant such as 2026-11-23T15:00Z; now when absent.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")] = False,
) -> None:
    """May this number be texted, why not, when, under which law, and who could change it? What the gate would say."""
    from sender.audience.checks import CheckError, check

    with opened() as runtime, runtime.db.read() as session:
        try:
            answer = check(runtime, session, _e164(number), program, purpose, instant(at) if at else None)
        except CheckError as error:
            fail(str(error))
    if json:
        emit(asdict(answer))
        return
    for sentence in answer.sentences:
        console.print(sentence, highlight=False, markup=False)


def _e164(text: str) -> str:
    from sender.audience.phone import PhoneError, parse

    try:
        return parse(text, None).e164
    except PhoneError as error:
        fail(error.sentence)
