"""`tactful apikey …`: keys with which other software uses the API."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from sender.cli.common import console, emit, fail, opened

app = typer.Typer(help="Keys with which other software uses the API.", no_args_is_help=True)
ACTOR = "command line"


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Who uses it; two live keys may share a name while you change over.")],
    scope: Annotated[list[str], typer.Option(help="What it may do, such as messages:write; repeat it.")],
    program: Annotated[list[str] | None, typer.Option(help="Only this program; repeat it. None: every one.")] = None,
    test: Annotated[bool, typer.Option(help="Its texts go to the simulator, and nowhere else.")] = False,
    days: Annotated[int, typer.Option(help="How long it lasts; 0: until it is revoked.", min=0)] = 365,
) -> None:
    """Make a key and print it: it is shown this once."""
    from sender.api.keys import ApiKeyError, KeyIn, create_key

    wanted = KeyIn(name, scope, program or (), test, timedelta(days=days) if days else None)
    with opened() as runtime:
        try:
            with runtime.db.write() as session:
                made = create_key(session, runtime.keys, wanted, ACTOR, runtime.clock.real())
        except ApiKeyError as error:
            fail(str(error))
    console.print(made, soft_wrap=True, highlight=False)


@app.command("list")
def listing(as_json: Annotated[bool, typer.Option("--json", help="One JSON object per key.")] = False) -> None:
    """Every key with what it may do and when it was last used; never the key itself."""
    from sender.api.keys import list_keys

    with opened() as runtime, runtime.db.read() as session:
        found = list_keys(session)
    if as_json:
        for key in found:
            emit(key.model_dump(exclude={"id", "secret_hash"}))
        return
    table = Table("key", "name", "may", "last used", "ends")
    for key in found:
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        ends = "revoked" if key.revoked_at else f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never"
        name = f"{key.name} (test)" if key.is_test else key.name
        table.add_row(key.public_id, name, ", ".join(key.scopes), used, ends)
    console.print(table)


@app.command("revoke")
def revoke(key: Annotated[str, typer.Argument(help="The key's id, as `tactful apikey list` shows it.")]) -> None:
    """End a key at once: the next request with it is refused."""
    from sender.api.keys import ApiKeyError, revoke_key

    with opened() as runtime:
        try:
            with runtime.db.write() as session:
                revoke_key(session, key, ACTOR, runtime.clock.real())
        except ApiKeyError as error:
            fail(str(error))
    console.print(f"Key {key} is revoked: requests with it are refused from now on.")
