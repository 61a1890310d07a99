"""``python -m web`` is what ``tactful web`` starts, ``python -m web hooks`` what ``tactful hooks`` starts."""

import asyncio

import typer

from sender.cli.common import PATIENCE, fail, opened
from sender.processes.presence import present
from web.assets import MissingAssetsError
from web.receiver import serve
from web.server import AddressTakenError, run

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def pages(context: typer.Context) -> None:
    """Serve pages until told to stop."""
    if context.invoked_subcommand:
        return
    with opened(patience=PATIENCE, process="web") as runtime:
        try:
            run(runtime)
        except (MissingAssetsError, AddressTakenError) as error:
            fail(str(error))


@app.command()
def hooks() -> None:
    """Serve Twilio's requests until told to stop."""
    with opened(patience=PATIENCE, process="hooks") as runtime, present(runtime.db, "hooks"):
        try:
            asyncio.run(serve(runtime))
        except OSError as error:
            where = f"{runtime.settings.host} port {runtime.settings.hooks_port}"
            fail(f"Nothing can listen on {where} ({error.strerror}); set TACTFUL_HOOKS_PORT to a free port.")


if __name__ == "__main__":
    app()
