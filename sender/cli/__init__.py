"""The command line: read the words, make one call, show the result. Heavy modules are imported by the command."""

from typing import Annotated

import typer

from sender.cli import (
    apikeys,
    archive,
    audit,
    backup,
    bench,
    campaign_acts,
    campaigns,
    contacts,
    filters,
    forgetting,
    keys,
    ledger,
    library,
    numbers,
    prices,
    processes,
    programs,
    records,
    replies,
    reports,
    retention,
    rules,
    users,
)
from sender.cli.common import console, emit, opened

app = typer.Typer(
    name="tactful",
    help="SMS campaigns to people who said yes, at an hour allowed where they are, provably.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
db = typer.Typer(help="The database of this installation.", no_args_is_help=True)
app.add_typer(contacts.app, name="contacts")
app.add_typer(programs.app, name="program")
app.add_typer(campaigns.app, name="campaign")
app.add_typer(apikeys.app, name="apikey")
app.add_typer(archive.app, name="archive")
app.add_typer(audit.app, name="audit")
app.add_typer(db, name="db")
app.add_typer(keys.app, name="keys")
app.add_typer(ledger.app, name="ledger")
app.add_typer(numbers.app, name="numbers")
app.add_typer(prices.app, name="prices")
app.add_typer(retention.app, name="retention")
app.add_typer(library.templates, name="template")
app.add_typer(library.phones, name="phone")
backup.register(app, db)
app.add_typer(reports.app, name="report")
app.add_typer(users.app, name="users")
bench.register(app)
campaign_acts.register(campaigns.app)
filters.register(app)
forgetting.register(app)
processes.register(app)
records.register(app)
replies.register(app)
rules.register(app)


@app.command()
def halt(why: Annotated[str, typer.Argument(help="The reason, kept in the audit.")] = "halted by hand") -> None:
    """Stop every gate of this installation at once; webhooks and replies go on."""
    from sender.halt import halt as stop

    with opened() as runtime:
        stop(runtime, why, "command line")
    console.print("Halted: no text leaves until `tactful release`.")


__all__ = ["app", "emit"]
