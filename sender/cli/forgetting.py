"""`tactful evidence`, `tactful export` and `tactful erase`: prove, hand over and forget what is known of one number."""

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sender.cli.common import console, fail, new_file, opened

if TYPE_CHECKING:
    from sender.runtime import Runtime

ACTOR = "command line"
Number = Annotated[str, typer.Argument(help="A phone number with its country code, such as +12125550123.")]
Why = Annotated[str, typer.Option(help="What it is for; kept in the audit. Without the number, please.")]
Out = Annotated[Path, typer.Option(help="The file to make (mode 0600); it will hold personal data.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("evidence")(evidence)
    app.command("export")(export)
    app.command("erase")(erase)


def evidence(number: Number, why: Why, out: Out) -> None:
    """Write the evidence file of a number: consent, texts with every decision, replies. PDF where the name ends so."""
    from sender.audience.evidence import as_json, as_pdf, digest, gather, note_taken

    with opened() as runtime:
        e164, number_id = known(runtime, number)
        with runtime.db.read() as session:
            file = gather(runtime, session, number_id, e164, ACTOR, _reason(why))
        with new_file(out) as made:
            made.write(as_pdf(file) if out.suffix.lower() == ".pdf" else as_json(file))
        with runtime.db.write() as session:
            note_taken(runtime, session, number_id, ACTOR, why, file)
    counts = f"{len(file['consent']):,} consent events, {len(file['texts']):,} texts, {len(file['replies']):,} replies"
    console.print(f"Wrote {out}: {counts}. SHA-256 of its content: {digest(file)}", width=200)


def export(number: Number, why: Why, out: Out) -> None:
    """Write all that is known of one person as JSON, for them."""
    from sender.audience.own_data import export as take

    with opened() as runtime:
        _, number_id = known(runtime, number)
        with new_file(out) as made, runtime.db.write() as session:
            found = take(runtime, session, number_id, ACTOR, _reason(why))
            made.write(json.dumps(found, indent=2, ensure_ascii=False).encode() + b"\n")
    console.print(f"Wrote {out}; delete it when the person has it.")


def erase(number: Number, why: Why, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Forget a person for good: contact, words and key. Their stop stays, and no import brings them back."""
    from sender.audience.erasing import EraseError, outlook
    from sender.audience.erasing import erase as forget

    with opened() as runtime:
        _, number_id = known(runtime, number)
        with runtime.db.read() as session:
            ahead = outlook(session, number_id)
        for sentence in ahead.sentences():
            console.print(f"• {sentence}", highlight=False)
        if not yes:
            typer.confirm("Erase this person?", abort=True)
        try:
            done = forget(runtime, number_id, ACTOR, why)
        except EraseError as error:
            fail(str(error))
    console.print("Erased." if done.done else "Erased; the number itself goes when the last text has settled.")


def known(runtime: "Runtime", text: str) -> tuple[str, int]:
    """The number in E.164 and its row; a number that nobody met ends the command."""
    from sender.audience.numbers import find
    from sender.audience.phone import PhoneError, parse

    e164, number_id = "", None
    with suppress(PhoneError), runtime.db.read() as session:
        e164 = parse(text, None).e164
        number_id = find(session, runtime.keys, e164)
    if number_id is None:
        fail("Nothing is on record for this number; write it with its country code, such as +12125550123.")
    return e164, number_id


def _reason(why: str) -> str:
    if not why.strip():
        fail("Say what it is for (--why); it is kept in the audit.")
    return why.strip()
