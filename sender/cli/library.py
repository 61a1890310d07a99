"""`tactful template …` and `tactful phone …`: saved texts, and one's own phones for test texts."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sender.cli.common import console, fail, opened

ACTOR = "command line"
templates = typer.Typer(help="The library of saved texts.", no_args_is_help=True)
phones = typer.Typer(help="Your own phones, to which test texts may go.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The template's name.")]
PhoneId = Annotated[int, typer.Argument(help="Its number in `tactful phone list`.")]


@templates.command("list")
def list_templates(archived: Annotated[bool, typer.Option(help="Those out of the lists.")] = False) -> None:
    """Every saved template with its newest version."""
    from sender.campaigns.library import templates

    table = Table("name", "version", "text")
    with opened() as runtime, runtime.db.read() as session:
        for one in templates(session, archived=archived):
            table.add_row(one.name, str(one.version), one.text)
    console.print(table)


@templates.command("save")
def save(
    name: Name,
    file: Annotated[Path, typer.Argument(help="A file with the text.")],
    default: Annotated[list[str] | None, typer.Option(help="A field and its default, first_name=there.")] = None,
    note: Annotated[str, typer.Option(help="What is new about it.")] = "",
) -> None:
    """Keep a text as the next version of a template; fields without a default are declared by `name=`."""
    from sender.campaigns.library import save_template
    from sender.campaigns.moves import ControlError

    fields = {field: value or None for field, _, value in (one.partition("=") for one in default or [])}
    with opened() as runtime:
        try:
            text = file.read_text("utf-8").strip()
            version = save_template(runtime, name, text, ACTOR, defaults=fields, note=note)
        except (ControlError, OSError, ValueError) as error:
            fail(str(error))
    console.print(f"Version {version} of {name}.")


@templates.command("show")
def show(name: Name) -> None:
    """Every version of a template, newest first."""
    from sender.campaigns.library import versions
    from sender.campaigns.moves import ControlError

    table = Table("version", "by", "at", "note", "text")
    with opened() as runtime, runtime.db.read() as session:
        try:
            found = versions(session, name)
        except ControlError as error:
            fail(str(error))
    for one in found:
        table.add_row(str(one.version), one.created_by, f"{one.created_at:%Y-%m-%d %H:%M}", one.note, one.text)
    console.print(table)


@templates.command("diff")
def diff(name: Name, old: int, new: int) -> None:
    """What changed between two versions."""
    from sender.campaigns.library import difference
    from sender.campaigns.moves import ControlError

    with opened() as runtime, runtime.db.read() as session:
        try:
            lines = difference(session, name, old, new)
        except ControlError as error:
            fail(str(error))
    console.print("\n".join(lines) or "They are the same.", markup=False, highlight=False)


@templates.command("archive")
def archive(name: Name, back: Annotated[bool, typer.Option(help="Put it back instead.")] = False) -> None:
    """Take a template out of the lists; campaigns keep the words they took."""
    from sender.campaigns.library import archive_template
    from sender.campaigns.moves import ControlError

    with opened() as runtime:
        try:
            archive_template(runtime, name, ACTOR, archived=not back)
        except ControlError as error:
            fail(str(error))
    console.print("It is back in the lists." if back else "Archived.")


@phones.command("add")
def add(
    number: Annotated[str, typer.Argument(help="The number in full, +14155550123.")],
    program: Annotated[str, typer.Argument(help="The program whose texts are to be tested.")],
    label: Annotated[str, typer.Option(help="What you call it.")] = "",
) -> None:
    """Register a phone of yours: it gets a code, and with it you consent to the program's texts."""
    from sender.campaigns.moves import ControlError
    from sender.campaigns.own_phones import register

    with opened() as runtime:
        try:
            phone = register(runtime, number, program, ACTOR, label)
        except ControlError as error:
            fail(str(error))
    console.print(f"Phone {phone} gets a code; enter it with `tactful phone confirm {phone} CODE` within 15 minutes.")


@phones.command("confirm")
def confirm(phone: PhoneId, code: Annotated[str, typer.Argument(help="The code that was texted to it.")]) -> None:
    """Prove a phone by its code."""
    from sender.campaigns.moves import ControlError
    from sender.campaigns.own_phones import confirm

    with opened() as runtime:
        try:
            confirm(runtime, phone, code, ACTOR)
        except ControlError as error:
            fail(str(error))
    console.print("Proven: test texts of this program may go to it.")


@phones.command("list")
def list_phones() -> None:
    """The phones registered on the command line."""
    from sender.campaigns.own_phones import phones

    table = Table("id", "number", "label", "proven")
    with opened() as runtime, runtime.db.read() as session:
        for one in phones(session, runtime.keys, ACTOR):
            table.add_row(
                str(one.id), one.number, one.label, f"{one.verified_at:%Y-%m-%d}" if one.verified_at else "no"
            )
    console.print(table)


@phones.command("forget")
def forget(phone: PhoneId) -> None:
    """Send no more test texts to a phone."""
    from sender.campaigns.moves import ControlError
    from sender.campaigns.own_phones import forget

    with opened() as runtime:
        try:
            forget(runtime, phone, ACTOR)
        except ControlError as error:
            fail(str(error))
    console.print("No test text goes to it any more.")
