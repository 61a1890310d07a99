"""`tactful prices …`: what a part costs at least, and the provider's own list beside the shipped table."""

from typing import Annotated

import typer
from rich.table import Table

from sender.cli.common import console, emit, fail, opened

app = typer.Typer(help="What a part costs at least, by country.", no_args_is_help=True)
ACTOR = "command line"
Countries = Annotated[list[str] | None, typer.Argument(help="Countries such as US FR; all that programs text if none.")]


@app.command("refresh")
def refresh(countries: Countries = None) -> None:
    """Fetch Twilio's prices of the account, with its credentials; for what it does not list the shipped table stays."""
    from sender.campaigns.price_list import PriceListError
    from sender.campaigns.price_list import refresh as fetch
    from sender.providers.base import SendError
    from sender.providers.twilio import TwilioProvider

    with opened() as runtime:
        try:
            provider = TwilioProvider(runtime.settings)
            found = fetch(runtime, provider, [code.upper() for code in countries or ()], ACTOR)
        except SendError as error:
            fail(error.sentence)
        except PriceListError as error:
            fail(str(error))
    console.print(f"Prices of today for {', '.join(found.taken) or 'no country'}.")
    if found.missing:
        console.print(f"Twilio lists none for {', '.join(found.missing)}; the shipped table goes on for them.")


@app.command("list")
def listing(json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")] = False) -> None:
    """The prices in force today: lower bounds, without carriers' fees, each with its day and source."""
    from sender.campaigns.prices import UNIT, currency, in_force, known

    with opened() as runtime, runtime.db.read() as session:
        rows = in_force(known(session), runtime.clock.now().date())
    if json:
        emit([{"country": row.country, "kinds": sorted(row.kinds), "amount": row.amount, "since": row.since,
               "source": row.source, "confidence": row.confidence} for row in rows])  # fmt: skip
        return
    table = Table("country", "from_number", "at least", "since", "source")
    for row in rows:
        table.add_row(
            row.country,
            ", ".join(sorted(row.kinds)) or "any",
            f"{currency()} {row.amount / UNIT:.4f}",
            str(row.since),
            row.source,
        )
    console.print(table)
