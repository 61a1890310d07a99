"""The command line: read the words, make one call, show the result. Heavy modules are imported by the command."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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

PANELS = {
    "Start and look": ("up", "demo", "doctor", "golive", "bench"),
    "Stop and go on": ("halt", "release"),
    "Campaigns": ("program", "campaign", "template", "phone", "message", "report", "prices"),
    "People": ("contacts", "numbers", "consent", "optout", "review", "inbox", "evidence", "export", "erase"),
    "May it go, and why": ("check", "rules", "conformance", "hours", "number", "parts", "intent"),
    "Keep it": ("db", "backup", "restore", "archive", "retention", "ledger", "audit", "keys", "users", "apikey"),
    "Single processes": ("web", "hooks", "worker", "scheduler", "simulator"),
}


class ByPurpose(TyperGroup):
    """Commands in panels of what they are for, in the order of PANELS."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        known: dict[str, Any] = dict(self.commands)
        for panel, names in PANELS.items():
            for name in names:
                known[name].rich_help_panel = panel

    def list_commands(self, ctx: Any) -> list[str]:
        """All of PANELS, one after the other."""
        return [name for names in PANELS.values() for name in names]


app = typer.Typer(
    name="tactful",
    cls=ByPurpose,
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
