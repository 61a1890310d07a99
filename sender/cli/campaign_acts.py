"""`tactful campaign …`, the acts of people on it: approve, edit, copy, archive, test."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from sender.cli.campaigns import ACTOR, Name, campaign_id
from sender.cli.common import console, fail, opened

if TYPE_CHECKING:
    from sender.runtime import Runtime

Answer = TypeVar("Answer")
NewName = Annotated[str, typer.Argument(help="The name of the new campaign.")]


def submit(name: Name) -> None:
    """Hand a draft in for approval."""
    from sender.campaigns.approval import submit

    count = _act(name, lambda runtime, which: submit(runtime, which, ACTOR))
    console.print(f"Submitted: it would go to {count:,} people before any guard is asked.")


def approve(name: Name) -> None:
    """Approve exactly what is submitted; above the limit another person does so in the pages."""
    from sender.campaigns.approval import approve

    found = _act(name, lambda runtime, which: approve(runtime, which, ACTOR))
    console.print(f"Approved for {found.recipients:,} people ({found.grounds}): {found.hash.hex()[:16]}.")


def withdraw(name: Name) -> None:
    """Make a submitted, approved or scheduled campaign a draft again."""
    from sender.campaigns.approval import withdraw

    _act(name, lambda runtime, which: withdraw(runtime, which, ACTOR))
    console.print("It is a draft again; nothing of it is approved.")


def edit(name: Name, file: Annotated[Path, typer.Argument(help="The whole campaign as a JSON file.")]) -> None:
    """Make a campaign what a JSON file says; what was approved is void."""
    from sender.campaigns.drafts import read_campaign
    from sender.campaigns.writing import edit

    console.print(_act(name, lambda runtime, which: edit(runtime, which, read_campaign(file), ACTOR)))


def duplicate(name: Name, new: NewName) -> None:
    """Make a new draft with the same words, audience and limits."""
    from sender.campaigns.copies import duplicate

    made = _act(name, lambda runtime, which: duplicate(runtime, which, new, ACTOR))
    console.print(f"Campaign {made} is a draft.")


def rest(name: Name, new: NewName) -> None:
    """Make a new draft for those whom a finished or cancelled campaign did not reach."""
    from sender.campaigns.approval import recipients
    from sender.campaigns.copies import send_to_the_rest

    def act(runtime: "Runtime", which: int) -> tuple[int, int]:
        made = send_to_the_rest(runtime, which, new, ACTOR)
        return made, recipients(runtime, made)

    made, count = _act(name, act)
    console.print(f"Campaign {made} is a draft for {count:,} people whom the first did not reach.")


def archive(name: Name) -> None:
    """Take a finished or cancelled campaign out of the lists."""
    from sender.campaigns.copies import archive

    _act(name, lambda runtime, which: archive(runtime, which, ACTOR))
    console.print("Archived; `tactful campaign restore` brings it back.")


def restore(name: Name) -> None:
    """Put an archived campaign back into the lists."""
    from sender.campaigns.copies import restore

    _act(name, lambda runtime, which: restore(runtime, which, ACTOR))
    console.print("It is back in the lists.")


def text_oneself(
    name: Name,
    phone: Annotated[int, typer.Option(help="One of `tactful phone list`, registered for its program.")],
    variant: Annotated[str, typer.Option(help="The variant; else the first.")] = "",
    contact: Annotated[int, typer.Option(help="The contact whose fields are shown; else the first of it.")] = 0,
) -> None:
    """Text a variant to one's own phone, through the same gate as every text."""
    from sender.campaigns.trial import send_test

    message = _act(name, lambda runtime, which: send_test(runtime, which, phone, ACTOR, variant, contact or None))
    console.print(f"Message {message} waits for its turn; `tactful message show {message}` says what became of it.")


def register(campaigns: typer.Typer) -> None:
    """Add these commands to `tactful campaign`."""
    for command in (submit, approve, withdraw, edit, duplicate, rest, archive, restore):
        campaigns.command(command.__name__)(command)
    campaigns.command("test")(text_oneself)


def _act(name: str, act: "Callable[[Runtime, int], Answer]") -> Answer:
    from sender.campaigns.drafts import DraftError
    from sender.campaigns.moves import ControlError

    with opened() as runtime:
        try:
            return act(runtime, campaign_id(runtime, name))
        except (ControlError, DraftError, ValueError) as error:
            fail(str(error))
